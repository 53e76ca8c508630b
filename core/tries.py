"""Attempts to sign in: kept for the audit, counted per login and step, so that nobody guesses for long."""

from datetime import timedelta

import peewee

from core.database import Table, alone, transaction
from core.errors import Denied
from core.fields import MomentColumn
from core.language import say


class LoginTry(Table):
    """One attempt to sign in: the throttle's memory, which survives a restart, and the audit of sign-ins."""

    login = peewee.CharField(max_length=64)
    at = MomentColumn()
    address = peewee.CharField(max_length=64, default="")
    succeeded = peewee.BooleanField()
    step = peewee.CharField(max_length=8, null=True)  # "code" of a one-time code; None of the password
    forgiven_at = MomentColumn(null=True)  # an administrator let the login try again

    class Meta:
        indexes = ((("login", "at"), False),)


def _is_step(step):
    return LoginTry.step.is_null() if step is None else LoginTry.step == step


def failed(login, now, settings, step=None):
    """How many tries of a step count against the login: failed lately, since the last good one, not forgiven."""
    since = now - timedelta(minutes=settings.sign_in_wait_minutes)
    mine = (LoginTry.login == login) & _is_step(step)
    last_good = LoginTry.select(peewee.fn.MAX(LoginTry.at)).where(mine, LoginTry.succeeded).scalar()
    counted = LoginTry.select().where(
        mine, ~LoginTry.succeeded, LoginTry.forgiven_at.is_null(), LoginTry.at > max(since, last_good or since)
    )
    return counted.count()


def begin(login, now, settings, address="", step=None):
    """Keep one attempt at a step of the login (None: the password), as failed until `passed`; returns it.

    Raises Denied where too many failed. It is counted before it is judged, so that many at the same moment are no more
    guesses than one after the other.
    """
    with transaction():
        alone(f"sign-in {login}", wait=True)
        if failed(login, now, settings, step) >= settings.sign_in_tries:
            raise Denied(
                say(
                    "尝试次数过多,请 {minutes} 分钟后再试。",
                    "Too many tries. Wait {minutes} minutes.",
                    minutes=settings.sign_in_wait_minutes,
                )
            )
        return LoginTry.create(login=login[:64], at=now, address=address, succeeded=False, step=step)


def passed(attempt):
    """The attempt succeeded: what failed before it counts no more."""
    LoginTry.update(succeeded=True).where(LoginTry.id == attempt.id).execute()


def forgive(login, now):
    """Let a login try again at once; its failed tries stay on file."""
    counted = (LoginTry.login == login) & ~LoginTry.succeeded & LoginTry.forgiven_at.is_null()
    LoginTry.update(forgiven_at=now).where(counted).execute()
