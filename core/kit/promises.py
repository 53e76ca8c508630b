"""What a promise is, the plugin that it is asked of, and records to ask it with."""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import peewee

from core import database, people, records, switches, testing
from core.access import grant
from core.database import db, refresh
from core.errors import NotFound, Refused
from core.fields import Described
from core.kit.examples import examples_of
from core.language import Words
from core.organisation import Department
from core.people import Person
from core.plugins import registry
from core.records.model import Record
from core.records.visibility import permission
from core.testing import actor, branch, console, local

MADE = "2025-03-03 10:00"
NOW = "2025-03-05 09:00"
PLACES = {"TJ": "alice", "BJ": "frank"}  # the branches of the small group in which it is proved, and who serves there
VALUES = {
    "text": "110101199001011234", "longtext": "试验的内容", "phone": "13800000000", "integer": 1, "money": "1.00", "yesno": True,
    "moment": "2025-03-03T09:30:00+08:00", "day": "2025-03-10", "json": {},
}  # fmt: skip


class NoExample(Exception):
    """A record could not be made up: the author gives one in examples.py."""


@dataclass(frozen=True)
class Promise:
    """One thing that every plugin owes. `judge(subject)` yields what is wrong, as sentences for the author."""

    name: str
    label: Words
    judge: object
    fills: bool

    def faults(self, plugin):
        """What is wrong with a loaded plugin. Asked of the small group, which it changes."""
        subject = Subject(plugin)
        try:
            if self.fills:
                subject.fill()
            return [f"plugins/{plugin}: {fault}" for fault in self.judge(subject)]
        except NoExample as error:
            return [f"plugins/{plugin}: {error}"]


def promise(label, fills=False):
    """Make a Promise of a function (subject); its docstring is the sentence in English, `label` in Chinese."""

    def made(judge):
        return Promise(judge.__name__, Words(label, judge.__doc__), judge, fills)

    return made


@contextmanager
def undone():
    """Undo at the end what was done to the database inside the block, and forget what was read of it."""
    with db.atomic() as whole:
        try:
            yield
        finally:
            whole.rollback()
    database.forget()
    refresh()


class Subject:
    """The plugin that promises are asked of."""

    def __init__(self, name):
        self.name, self.plugin = name, registry().plugins[name]
        self.manifest, self.models = self.plugin.manifest, tuple(self.plugin.manifest.models)

    @cached_property
    def needed(self):
        """The plugins that it stands on and itself, dependencies first."""
        wanted = _closure(self.name, lambda name: registry().plugins[name].manifest.depends)
        return [name for name in registry().plugins if name in wanted]

    @cached_property
    def chosen(self):
        """What is switched so that it is on: itself, or what needs it where it is a business plugin."""
        users = {name: Subject(name).needed for name in registry().plugins if name != self.name}
        needing = [name for name, needed in users.items() if self.name in needed]
        return [name for name in (self.name, *needing) if not registry().plugins[name].manifest.business]

    def switch_on(self):
        """Switch it on in the branches in which it is proved."""
        wanted = self.chosen if self.manifest.business else [self.name]
        if not wanted:
            raise NoExample("is a business plugin, but no regulation needs it: it is on nowhere. Write business=False.")
        for code in PLACES:
            for name in wanted:
                if not switches.is_on(name, branch(code).id, testing.BEGINNING):
                    switches.switch(console(), name, branch(code), "on", reason="试验")
        refresh()

    def fill(self):
        """Make at least one record of each type that it and what it stands on have, in both branches."""
        self.switch_on()
        for code, login in PLACES.items():
            for name in self.needed:
                for make in examples_of(registry().plugins[name].module):
                    make(testing, code)
                for model in registry().plugins[name].manifest.models:
                    self._first(model, code, login)

    def _first(self, model, code, login):
        found = model.select().where(model.branch == branch(code).id).order_by(model.id).first()
        if found is not None:
            return found
        values = {"owner": login}
        steps = model._meta.workflow.transitions.values()
        signed = {step.signs for step in steps} | {step.counts for step in steps} | model.stamped_fields()
        for column in model.own_fields():
            is_left = getattr(column, "read_only", False) or "__" in column.name or column.name in signed
            if isinstance(column, Described) and (not is_left or column.required):
                value = self._value(column, code, login)
                if value is not None:
                    values[column.api_name] = value
        by = actor(login, MADE)
        try:
            by = by if by.may(permission(model, "create"), branch(code).id) else console(local(MADE))
            return records.create(by, model, values, branch=branch(code))
        except (Refused, NotFound) as error:
            told = "; ".join(map(str, error.faults)) if isinstance(error, Refused) else str(error)
            raise NoExample(_wanted(model, told)) from error

    def _value(self, column, code, login):
        if isinstance(column, peewee.ForeignKeyField):
            target = column.rel_model
            if column.null and not issubclass(target, Record):
                return None
            if target is Person:
                return login
            if target is Department:
                return "KF"
            if issubclass(target, Record):
                return None if column.null else self._first(target, code, login).id
            raise NoExample(_wanted(column.model, f"{column.name} refers to {target.__name__}"))
        if column.kind == "choice":
            return next(iter(column.options))
        value = VALUES.get(column.kind)
        limit = getattr(column, "max_length", None)
        return value[:limit] if isinstance(value, str) and limit else value


def _wanted(model, why):
    return (
        f"no record {model._meta.record} could be made up ({why}). "
        "Make one in examples.py: a function (testing, code) below @example from core.kit."
    )


def _closure(name, further):
    found, waiting = {name}, [name]
    while waiting:
        new = set(further(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def stranger():
    """Somebody of branch TJ who holds no role."""
    return _someone("stranger", "陌生人")


def holder(role):
    """Somebody of branch TJ who holds this role there."""
    person = _someone(f"holder_{role}", "某人")
    grant(console(), person, role, branch("TJ"))
    return person


def _someone(login, name):
    return people.add_person(console(), login, name, branch("TJ"), testing.department_of("TJ", "KF"))
