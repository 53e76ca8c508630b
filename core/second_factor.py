"""The second step of signing in: who owes a one-time code, setting up an app, and a code that is good once only."""

import peewee

from core import people, totp
from core.audit import note
from core.database import Table, transaction
from core.errors import Denied, Fault, Refused
from core.fields import MomentColumn
from core.language import say
from core.people import Person

CODE = "code"  # the step of signing in under which tries of codes are counted


class SecondFactor(Table):
    """A person's authenticator app. The secret leaves the program once, while it is set up, and never again."""

    person = peewee.ForeignKeyField(Person, unique=True, backref="+", on_delete="RESTRICT")
    totp_secret = peewee.CharField(max_length=64)
    last_step = peewee.BigIntegerField()  # the latest step whose code was taken: none up to it is taken again
    made_at = MomentColumn()


def of(person):
    """The person's app, else None."""
    return SecondFactor.get_or_none(SecondFactor.person == person)


def is_required(actor, settings):
    """Whether a role that the person holds, wherever, asks for codes."""
    return any(role.name in settings.totp_roles for role, _, _ in actor.grants)


def set_up(actor, secret, code):
    """Keep the secret of the actor's own app, proved by a code of it. Their sessions without a code owe one from now on."""
    step = totp.matching_step(secret, code, actor.now)
    if step is None:
        raise Refused(Fault("code", _wrong()))
    person = actor.person
    try:
        with transaction():
            SecondFactor.create(person=person, totp_secret=secret, last_step=step, made_at=actor.now)
            note(actor, "totp", "person", person.id, person.branch_id, {"totp_secret": ["…", "…"]})
    except peewee.IntegrityError as error:
        told = say("身份验证器已经设置过", "an authenticator app is set up already")
        raise Refused(Fault("code", told)) from error


def accept(person, code, now, settings, address=""):
    """Take a code of the person's app, once. Raises Denied where it is wrong or was used; throttled as passwords are."""
    people.refuse_throttled(person.login, now, settings, CODE)
    factor = of(person)
    step = totp.matching_step(factor.totp_secret, code, now) if factor else None
    good = step is not None and bool(
        SecondFactor.update(last_step=step).where(SecondFactor.id == factor.id, SecondFactor.last_step < step).execute()
    )
    people.remember_try(person.login, now, address, good, CODE)
    if not good:
        raise Denied(_wrong())


def _wrong():
    return say(
        "验证码不正确或已用过,请等应用显示下一个。",
        "The code is wrong or was used. Wait until the app shows the next one.",
    )


def remove(person):
    """Forget the person's app; whoever asks for it has written it into the trail."""
    SecondFactor.delete().where(SecondFactor.person == person).execute()
