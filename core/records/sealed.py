"""Records that are sealed: kept because a law still demands it, and out of sight of everything but a legal hold."""

import peewee

from core.database import Cache, Kept
from core.fields import JsonColumn, MomentColumn


class Seal(Kept):
    """A record sealed until the day after `until`; `basis` is the law that demands it be kept, as {zh, en}."""

    record = peewee.CharField(max_length=64)
    row_id = peewee.BigIntegerField()
    branch_id = peewee.BigIntegerField()
    until = peewee.DateField()
    basis = JsonColumn()
    request_id = peewee.BigIntegerField()
    sealed_at = MomentColumn()
    erased_at = MomentColumn(null=True)

    class Meta:
        indexes = ((("record", "row_id"), True), (("erased_at", "until"), False))


def _load():
    found = {}
    for row in Seal.select(Seal.record, Seal.row_id).where(Seal.erased_at.is_null()).tuples():
        found.setdefault(row[0], set()).add(row[1])
    return found


_seals = Cache("seals", _load)


def sealed_ids(record):
    """The ids of the sealed rows of a record type."""
    return _seals.get().get(record, frozenset())


def is_sealed(row):
    """Whether a record is sealed."""
    return row.id in sealed_ids(row._meta.record)
