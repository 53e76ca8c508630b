"""Writing judged records: number, row, revision, what follows (clocks, outbox) and the trail, in one transaction."""

from datetime import datetime

import peewee

from core import audit
from core.database import Table, door, insert_rows, transaction
from core.errors import Fault, Refused, Stale
from core.language import say
from core.organisation import Branch, organisation
from core.records.context import Change

effects = []  # called in the transaction as effect(context, model, changes); set at start by core.start


class Counter(Table):
    """The last number given in a branch for a record type."""

    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    record = peewee.CharField(max_length=64)
    last = peewee.BigIntegerField(default=0)

    class Meta:
        indexes = ((("branch", "record"), True),)


def write_new(context, records):
    """Write prepared records with all that follows from them, in one transaction. Returns them."""
    model = context.model
    with transaction(), door():
        unnumbered = [record for record in records if record.__data__.get("number") is None]
        for record, number in zip(unnumbered, numbers(context, len(unnumbered)), strict=True):
            record.number = number
        names = [column.name for column in model._meta.sorted_fields if column.name != "id"]
        defaults = {n: model._meta.fields[n].default for n in names}
        rows = [{name: record.__data__.get(name, _default(defaults[name])) for name in names} for record in records]
        try:
            ids = insert_rows(model, rows, beyond=audit.highest(model._meta.record))
        except peewee.IntegrityError as error:
            raise _taken(error) from error
        for record, row_id in zip(records, ids, strict=True):
            record.id = row_id
            record.dirty_fields.clear() if hasattr(record.dirty_fields, "clear") else None
            record._dirty.clear()
        follow(context, [Change(record, {}, "create", "", context) for record in records])
    return records


def update(context, made):
    record = made.record
    if not made.before and made.event in ("change", "correct"):
        return
    model = context.model
    values = {name: record.__data__.get(name) for name in made.before}
    old = record.revision
    query = model.update({**values, "revision": old + 1}).where(model.id == record.id, model.revision == old)
    try:
        done = query.execute()
    except peewee.IntegrityError as error:
        raise _taken(error) from error
    if not done:
        raise Stale(model.get_by_id(record.id), values)
    record.revision = old + 1
    record._dirty.clear()


def follow(context, changes):
    for effect in effects:
        effect(context, context.model, changes)
    record_name = context.model._meta.record
    for made in changes:
        audit.note(
            context.actor,
            made.event,
            record_name,
            made.record.id,
            made.record.branch_id,
            _told(context, made),
            made.reason,
        )


def _taken(error):
    told = say("编号已存在或引用的记录不存在", "the number is taken, or what it refers to is gone")
    return Refused(Fault("number", told, "duplicate"))


def _default(value):
    return value() if callable(value) else value


def numbers(context, count):
    if not count:
        return []
    key = (Counter.branch == context.branch_id) & (Counter.record == context.model._meta.record)
    if not Counter.update(last=Counter.last + count).where(key).execute():
        Counter.insert(
            branch=context.branch_id, record=context.model._meta.record, last=0
        ).on_conflict_ignore().execute()
        Counter.update(last=Counter.last + count).where(key).execute()
    last = Counter.select(Counter.last).where(key).scalar()
    code, year = organisation().branches[context.branch_id].code, context.now.astimezone(context.zone).year
    prefix = context.model._meta.prefix
    return [f"{prefix}{code}-{year}-{n:05d}" for n in range(last - count + 1, last + 1)]


def _told(context, made):
    record, model = made.record, context.model
    names = (
        made.before
        if not made.is_new
        else [n for n in model._meta.fields if record.__data__.get(n) not in (None, {}, [])]
    )
    told = {}
    for name in names:
        if name not in ("id", "revision", "stamps", "gaps", "batch"):
            told[name] = [_stored(made.before.get(name)), _stored(record.__data__.get(name))]
    return told


def _stored(value):
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value if value is None or isinstance(value, (str, int, float, bool, dict, list)) else str(value)
