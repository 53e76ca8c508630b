"""The second step of signing in: who owes a one-time code (TOTP, RFC 6238), setting up an app, and a code that is good once."""

import peewee
import pyotp
from pyotp.exceptions import OTPVerificationError

from core import tries
from core.audit import note
from core.database import Table, transaction
from core.errors import Denied, Fault, Refused
from core.fields import MomentColumn
from core.language import say
from core.people import Person, Session
from core.sealing import SealedColumn

CODE = "code"  # the step of signing in under which tries of codes are counted
ISSUER = "Zhixing"
DRIFT = 1  # steps of 30 seconds that a phone's clock may be off, either way


class SecondFactor(Table):
    """A person's authenticator app. The secret leaves the program once, while it is set up, and never again."""

    person = peewee.ForeignKeyField(Person, unique=True, backref="+", on_delete="RESTRICT")
    totp_secret = SealedColumn()
    last_step = peewee.BigIntegerField()  # the latest step whose code was taken: none up to it is taken again
    made_at = MomentColumn()


def of(person):
    """The person's app, else None."""
    return SecondFactor.get_or_none(SecondFactor.person == person)


def is_required(actor, settings):
    """Whether a role that the person holds, wherever, asks for codes."""
    return any(role.name in settings.totp_roles for role, _, _ in actor.grants)


def step_of_code(secret, code, now):
    """The step whose code this is, of those that a clock slightly off may show now; None where it is none of them."""
    try:
        typed = "".join(code.split())
        return pyotp.TOTP(secret).verify_and_get_timecode(typed, for_time=now, valid_window=DRIFT)
    except (OTPVerificationError, ValueError):  # a wrong code, or a secret that somebody has changed in the database
        return None


# ---- setting an app up -----------------------------------------------------------------------------------------------


def propose(session):
    """Make a secret for the app that is set up in this session; it waits there, sealed, until a code proves it."""
    Session.update(totp_secret=pyotp.random_base32()).where(
        Session.id == session.id, Session.totp_secret.is_null()
    ).execute()


def proposed(session):
    """The secret that waits in this session, else None."""
    return session.totp_secret


def address(secret, login):
    """The otpauth: address that an app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def set_up(actor, secret, code):
    """Keep the secret of the actor's own app, proved by a code of it. Their sessions without a code owe one from now on."""
    step = step_of_code(secret, code, actor.now)
    if step is None:
        raise Refused(Fault("code", _wrong()))
    person = actor.person
    try:
        with transaction():
            SecondFactor.create(person=person, totp_secret=secret, last_step=step, made_at=actor.now)
            Session.update(totp_secret=None).where(Session.person == person, ~Session.totp_secret.is_null()).execute()
            note(actor, "totp", "person", person.id, person.branch_id, {"totp_secret": ["…", "…"]})
    except peewee.IntegrityError as error:
        told = say("身份验证器已经设置过", "an authenticator app is set up already")
        raise Refused(Fault("code", told)) from error


# ---- a code ----------------------------------------------------------------------------------------------------------


def accept(person, code, now, settings, address=""):
    """Take a code of the person's app, once. Raises Denied where it is wrong or was used; throttled as passwords are."""
    attempt = tries.begin(person.login, now, settings, address, CODE)
    factor = of(person)
    step = step_of_code(factor.totp_secret, code, now) if factor else None
    good = step is not None and bool(
        SecondFactor.update(last_step=step).where(SecondFactor.id == factor.id, SecondFactor.last_step < step).execute()
    )
    if not good:
        raise Denied(_wrong())
    tries.passed(attempt)


def _wrong():
    return say(
        "验证码不正确或已用过,请等应用显示下一个。",
        "The code is wrong or was used. Wait until the app shows the next one.",
    )


def remove(person):
    """Forget the person's app; whoever asks for it has written it into the trail."""
    SecondFactor.delete().where(SecondFactor.person == person).execute()
