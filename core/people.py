"""People and how they sign in: passwords, one-time links, sessions that end on the server, API tokens."""

import hashlib
import secrets
from datetime import timedelta

import peewee

from core import passwords, tries
from core.audit import amend, keep, note
from core.database import Kept, Table, transaction
from core.errors import Denied, Fault, NotFound, Refused
from core.fields import MomentColumn
from core.language import say
from core.organisation import Branch, Department
from core.sealing import SealedColumn


class Person(Kept):
    """Somebody who works in the group and may sign in."""

    login = peewee.CharField(max_length=64, unique=True)
    name = peewee.CharField(max_length=120)
    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    department = peewee.ForeignKeyField(Department, null=True, backref="people", on_delete="RESTRICT")
    password_hash = peewee.CharField(max_length=255, default="")
    password_set_at = MomentColumn(null=True)
    is_active = peewee.BooleanField(default=True)
    language = peewee.CharField(max_length=8, default="")
    theme = peewee.CharField(max_length=8, default="")

    def __str__(self):
        return self.name


class PasswordBefore(Table):
    """A password that a person has or had, as its hash, so that the last ones are not taken again."""

    person = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    password_hash = peewee.CharField(max_length=255)
    set_at = MomentColumn()


class Session(Table):
    """A signed-in browser. Ending it here signs it out everywhere."""

    token_hash = peewee.CharField(max_length=64, unique=True)
    person = peewee.ForeignKeyField(Person, backref="sessions", on_delete="RESTRICT")
    began_at = MomentColumn()
    seen_at = MomentColumn()
    ended_at = MomentColumn(null=True)
    code_at = MomentColumn(null=True)  # when a one-time code was taken in it
    by_link = peewee.BooleanField(default=False)  # begun by a one-time link: a password is chosen first
    totp_secret = SealedColumn(null=True)  # of the app that is being set up in it
    address = peewee.CharField(max_length=64, default="")
    agent = peewee.CharField(max_length=255, default="")


class OneTimeLink(Table):
    """A link that signs a person in once, to set a password."""

    token_hash = peewee.CharField(max_length=64, unique=True)
    person = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    expires_at = MomentColumn()
    used_at = MomentColumn(null=True)


class ApiToken(Table):
    """A bearer token of the API; it acts as its person."""

    token_hash = peewee.CharField(max_length=64, unique=True)
    person = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    made_at = MomentColumn()
    ended_at = MomentColumn(null=True)


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


def person_by_login(login):
    """The person with this login. Raises NotFound."""
    person = Person.get_or_none(Person.login == login)
    if person is None:
        raise NotFound(say("没有登录名为“{login}”的人员。", 'Nobody has the login "{login}".', login=login))
    return person


def add_person(actor, login, name, branch, department=None):
    """Add a person, without password or rights: they sign in first by a one-time link."""
    actor.require("core.person.edit", branch.id)
    faults = []
    if not login or len(login) > 64 or not login.replace(".", "").replace("-", "").replace("_", "").isalnum():
        faults.append(
            Fault("login", say("登录名由字母、数字、点、- 和 _ 组成", "a login has letters, digits, dots, - and _"))
        )
    elif Person.get_or_none(Person.login == login):
        faults.append(
            Fault("login", say("登录名“{login}”已被使用", 'the login "{login}" is taken', login=login), "duplicate")
        )
    if not (name or "").strip():
        faults.append(Fault("name", say("请填写姓名", "a name is needed"), "required"))
    if department is not None and department.branch_id != branch.id:
        faults.append(Fault("department", say("该部门不属于所选机构", "this department is of another branch")))
    if faults:
        raise Refused(*faults)
    values = {"login": login, "name": name, "branch": branch, "department": department}
    return keep(actor, Person, values, branch_id=branch.id)


def change_person(actor, person, values, reason=""):
    """Change a person's name, branch, department, language or theme."""
    amend(actor, person, values, branch_id=person.branch_id, reason=reason)


def set_password(actor, person, password, keep_session=None):
    """Set the password, as the policy in force wants it, and end every other session and link of the person."""
    faults = passwords.faults(person.login, password, _earlier(person))
    if faults:
        raise Refused(*faults)
    kept = passwords.hashed(password)
    with transaction():
        values = {"password_hash": kept, "password_set_at": actor.now}
        amend(actor, person, values, branch_id=person.branch_id, verb="password")
        PasswordBefore.create(person=person, password_hash=kept, set_at=actor.now)
        end_sessions(person, actor.now, keep=keep_session)
        end_links(person, actor.now)
        Session.update(by_link=False).where(Session.id == keep_session).execute()


def _earlier(person):
    """The hashes of the passwords that the person had, newest first; the present one may be older than this memory."""
    rows = PasswordBefore.select(PasswordBefore.password_hash).where(PasswordBefore.person == person)
    kept = [row.password_hash for row in rows.order_by(PasswordBefore.id.desc()).limit(passwords.policy().remembered)]
    return list(dict.fromkeys([person.password_hash, *kept] if person.password_hash else kept))


def sign_in(login, password, now, settings, address=""):
    """The person, if the password is right. Raises Denied, always with the same words; throttled per login."""
    attempt = tries.begin(login, now, settings, address)
    person = Person.get_or_none(Person.login == login)
    if not (passwords.verify(person.password_hash if person else "", password) and person.is_active):
        raise Denied(say("登录名或密码不正确。", "The login or the password is wrong."))
    tries.passed(attempt)
    return person


def begin_session(person, now, address="", agent="", code_at=None, by_link=False):
    """Begin a session; returns the token that the browser keeps. `code_at`: when a one-time code was taken for it."""
    token, client = secrets.token_urlsafe(32), {"address": address[:64], "agent": agent[:255]}
    how = {"code_at": code_at, "by_link": by_link}
    Session.create(token_hash=_hash(token), person=person, began_at=now, seen_at=now, **how, **client)
    return token


def session_of(token, now, settings):
    """The live session of a token, else None: ended, idle for too long, too old, or its person deactivated."""
    session = (
        Session.select(Session, Person)
        .join(Person)
        .where(Session.token_hash == _hash(token), Session.ended_at.is_null())
    ).get_or_none()
    if session is None or not session.person.is_active or not is_live(session, now, settings):
        return None
    if now - session.seen_at > timedelta(minutes=1):
        Session.update(seen_at=now).where(Session.id == session.id).execute()
    return session


def is_live(session, now, settings):
    """Whether a session that nobody has ended is neither too old nor idle for too long."""
    return now - session.began_at <= timedelta(hours=settings.session_hours) and now - session.seen_at <= timedelta(
        minutes=settings.session_idle_minutes
    )


def live_sessions(person, now, settings):
    """The sessions in which somebody is signed in now, the one used last first."""
    rows = Session.select().where(Session.person == person, Session.ended_at.is_null()).order_by(Session.seen_at.desc())
    return [row for row in rows if is_live(row, now, settings)]


def end_session(token, now):
    """Sign a browser out, on the server."""
    Session.update(ended_at=now).where(Session.token_hash == _hash(token), Session.ended_at.is_null()).execute()


def end_sessions(person, now, keep=None):
    """Sign the person out everywhere, except in the session whose id is `keep`."""
    query = Session.update(ended_at=now).where(Session.person == person, Session.ended_at.is_null())
    if keep is not None:
        query = query.where(Session.id != keep)
    query.execute()


def make_link(actor, person, settings):
    """A token that signs the person in once, within the hours of the setting; earlier links of theirs lapse."""
    token = secrets.token_urlsafe(24)
    with transaction():
        end_links(person, actor.now)
        expires = actor.now + timedelta(hours=settings.link_hours)
        OneTimeLink.create(token_hash=_hash(token), person=person, expires_at=expires)
        note(actor, "link", "person", person.id, person.branch_id, {})
    return token


def end_links(person, now):
    """Let the person's open one-time links lapse."""
    OneTimeLink.update(used_at=now).where(OneTimeLink.person == person, OneTimeLink.used_at.is_null()).execute()


def use_link(token, now):
    """The person of a one-time link, which is spent by this. Raises Denied where it is unknown, spent or too old."""
    with transaction():
        link = OneTimeLink.get_or_none(OneTimeLink.token_hash == _hash(token))
        spent = (
            OneTimeLink.update(used_at=now)
            .where(OneTimeLink.token_hash == _hash(token), OneTimeLink.used_at.is_null(), OneTimeLink.expires_at >= now)
            .execute()
        )
        if not spent or not link.person.is_active:
            raise Denied(
                say(
                    "这个登录链接已用过或已过期,请向管理员要一个新的。",
                    "This sign-in link was used or is too old. Ask an administrator for a new one.",
                )
            )
    return link.person


def make_token(actor, person):
    """A new API token of the person; shown once."""
    token = "zx_" + secrets.token_urlsafe(32)
    with transaction():
        row = ApiToken.create(token_hash=_hash(token), person=person, made_at=actor.now)
        note(actor, "token", "person", person.id, person.branch_id, {"token": [None, row.id]})
    return token


def end_tokens(person, now):
    """End the person's API tokens."""
    ApiToken.update(ended_at=now).where(ApiToken.person == person, ApiToken.ended_at.is_null()).execute()


def person_of_token(token):
    """The active person whom an API token stands for, else None."""
    row = (
        ApiToken.select(ApiToken, Person)
        .join(Person)
        .where(ApiToken.token_hash == _hash(token), ApiToken.ended_at.is_null())
        .get_or_none()
    )
    return row.person if row and row.person.is_active else None
