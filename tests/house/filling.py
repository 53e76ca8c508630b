"""Rows of whatever record type there is, made from its columns alone: no type is named here, so that a new one is filled too."""

import itertools
from datetime import timedelta

import peewee

from core.database import door, insert_rows, transaction
from core.kit.promises import VALUES
from core.organisation import Department
from core.people import Person
from core.records.model import Record
from core.testing import branch


class Filling:
    """Makes rows past the one way in, so that they lie there whatever rules and switches say. Every text is unique."""

    def __init__(self, at):
        self.at, self.count, self.made = at, itertools.count(1), {}

    def record(self, model, branch, **given):
        """A row of a record type in a branch. What it refers to lies in the same branch."""
        n = next(self.count)
        people = Person.select().where(Person.branch == branch.id).order_by(Person.id)
        person = people.first()
        base = {
            "branch": branch.id,
            "number": f"{model._meta.prefix}{branch.code}-2025-{50_000 + n}",
            "state": model._meta.workflow.initial,
            "owner": person and person.id,
            "recorded_by": person and person.id,
            "happened_at": self.at + timedelta(minutes=n),
            "recorded_at": self.at + timedelta(minutes=n),
            **given,
        }
        row = self._row(model, branch, n, base, plugin=model._meta.plugin)
        self.made.setdefault((model, branch.id), row.id)
        return row

    def copy(self, row, **changed):
        """Another row with the same values, but for what is changed."""
        values = {name: value for name, value in row.__data__.items() if name != "id"}
        return self._insert(type(row), {**values, **changed})

    def target(self, column, branch):
        """The id of a new row that a column may refer to."""
        return self._row(column.rel_model, branch, next(self.count), {}, column.model._meta.plugin).id

    def _row(self, model, branch, n, given, plugin):
        values = {}
        for column in model._meta.sorted_fields:
            if column.name in given:
                values[column.name] = given[column.name]
            elif column.name != "id":
                values[column.name] = self._value(column, branch, n, plugin)
        return self._insert(model, values)

    def _insert(self, model, values):
        with transaction(), door():
            (row_id,) = insert_rows(model, [values])
        return model.get_by_id(row_id)

    def _value(self, column, branch, n, plugin):
        kind = getattr(column, "kind", None)
        if kind in ("text", "longtext", "phone"):
            return self.text(column, branch, n)
        if kind == "choice":
            return next(iter(column.choices_ if hasattr(column, "choices_") else column.options))
        if isinstance(column, peewee.ForeignKeyField):
            return self._target(column, branch, n, plugin)
        if column.default is not None:
            return column.default() if callable(column.default) else column.default
        if column.null:
            return None
        named = {"branch_id": branch.id, "plugin": plugin, "record": "complaint", "state": "running"}
        plain = set(named) & {column.name}
        return named[plain.pop()] if plain else self._plain(column, n)

    def text(self, column, branch, n):
        """A text that stands nowhere else: of digits in a phone's column."""
        if column.kind == "phone":
            return f"139{n:08d}"
        return f"{branch.code}秘{n:05d}{column.name}"[: getattr(column, "max_length", None) or 60]

    def _target(self, column, branch, n, plugin):
        target = column.rel_model
        if target is Person:
            return Person.select(Person.id).where(Person.branch == branch.id).order_by(Person.id).limit(1).scalar()
        if target is Department or (column.null and not issubclass(target, Record)):
            return None
        if issubclass(target, Record):
            return self.made.get((target, branch.id)) or (None if column.null else self.record(target, branch).id)
        return branch.id if target is type(branch) else self._row(target, branch, n, {}, plugin).id

    def _plain(self, column, n):
        if isinstance(column, (peewee.DateTimeField, peewee.DateField)):
            return self.at if isinstance(column, peewee.DateTimeField) else self.at.date()
        if isinstance(column, (peewee.IntegerField, peewee.DecimalField)):
            return n
        return {} if type(column).__name__.startswith("Json") else f"x{n}"


def value_for(column, there):
    """A value for a column as a person would type it; `there` makes records that it may refer to."""
    if isinstance(column, peewee.ForeignKeyField):
        target = column.rel_model
        if target is Person:
            return "alice"
        if target is Department:
            return "KF"
        row = there.record(target, branch("TJ")) if issubclass(target, Record) else None
        return row.number if row else there.target(column, branch("TJ"))
    if column.kind == "choice":
        return next(iter(column.options))
    value = VALUES.get(column.kind)
    limit = getattr(column, "max_length", None)
    return value[:limit] if isinstance(value, str) and limit else value


def typed(model, there):
    """The values of a new record of a type."""
    steps = model._meta.workflow.transitions.values()
    later = {step.signs for step in steps} | {step.counts for step in steps} | model.stamped_fields()
    wanted = [c for c in model.own_fields() if c.required or not (c.read_only or c.name in later or "__" in c.name)]
    values = {column.api_name: value_for(column, there) for column in wanted}
    return {"owner": "alice", **{name: value for name, value in values.items() if value is not None}}
