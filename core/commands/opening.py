"""The whole product opened for one command, and who acts in it."""

import argparse
import getpass
from datetime import UTC, datetime

from core import accounts
from core.access import Actor
from core.commands.console import connect, require_current
from core.database import MIGRATIONS
from core.errors import Denied, NotFound
from core.language import say
from core.people import Person
from core.start import folders, start

AS = argparse.ArgumentParser(add_help=False)
AS.add_argument(
    "--as", dest="login_as", metavar="LOGIN", help="act as this person, with their permissions (else as the console)"
)


def open_product(settings):
    """Bring the product up on a database that is there and up to date. Raises Refused otherwise."""
    connect(settings)
    require_current({"core": MIGRATIONS})
    registry = start(settings, upgrade=False)
    require_current(folders(registry))
    return registry


def begin(args, settings):
    """Open the product; returns the Actor of the command."""
    open_product(settings)
    return acting(args.login_as)


def acting(login=None, now=None):
    """The person with this login at the console, or the console itself, which the trail calls console:<system user>."""
    now = now or datetime.now(UTC)
    if login is None:
        return Actor(None, "console", now, f"console:{_system_user()}")
    person = person_named(login)
    if not person.is_active:
        raise Denied(say("“{login}”已停用。", "{login} is deactivated.", login=login))
    return Actor(person, "console", now)


def _system_user():
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"


def person_named(login):
    """The person with this login. Raises NotFound that lists who there is."""
    person = Person.get_or_none(Person.login == login)
    if person is None:
        known = accounts.visible_people(Actor()).order_by(Person.login).limit(30)
        raise NotFound(
            say(
                "没有登录名为“{login}”的人员。现有:{known}。",
                'Nobody has the login "{login}". There are: {known}.',
                login=login,
                known=", ".join(each.login for each in known) or "-",
            )
        )
    return person


def named(name, known, zh, en):
    """What `known` holds under `name`. Raises NotFound that lists what there is; `zh` and `en` say what kind it is."""
    if name not in known:
        raise NotFound(
            say(
                "没有名为“{name}”的{kind}。现有:{known}。",
                'There is no {kind} "{name}". There are: {known}.',
                name=name,
                kind=say(zh, en),
                known=", ".join(sorted(known)) or "-",
            )
        )
    return known[name]
