"""Closing a period: its measures are frozen as they are; what comes late is a dated correction beside them."""

import hashlib
import json

import peewee

from core.audit import note
from core.database import Kept, alone, door, insert_rows, transaction
from core.errors import Fault, Refused
from core.fields import MomentColumn
from core.language import say
from core.measures import measured, period_days
from core.organisation import Branch
from core.switches import local_day

GROUPINGS = (None, "department", "person")
FIGURE = ("measure", "by", "group")


class FrozenMeasure(Kept):
    """A figure as it was when its period was closed, or corrected: the latest of a group holds."""

    measure = peewee.CharField(max_length=64)
    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    period = peewee.CharField(max_length=16)
    by = peewee.CharField(max_length=16, default="")  # "", person or department
    group = peewee.CharField(max_length=64, default="", column_name="group_code")
    numerator = peewee.BigIntegerField()
    denominator = peewee.BigIntegerField()
    closed_at = MomentColumn()

    class Meta:
        indexes = ((("branch", "period", "measure", "by", "group", "closed_at"), True),)


def close_period(actor, branch, period, *, finish=None):
    """Freeze what is measured of a branch (and all below it) in a period: the whole, by department and by person.

    Closed again, only what differs is written, dated now, beside what stands. Returns how many rows were written.
    `finish(count)` is called in the same transaction: the done-mark of a job.
    """
    actor.require("core.period.close", branch.id)
    if period_days(period)[1] >= local_day(actor.now, branch.id):
        raise Refused(Fault("period", say("{period} 尚未结束", "{period} is not over yet", period=period)))
    figures = {}
    for by in GROUPINGS:
        for row in measured(actor, branch, period, by=by):
            if (row["group"] is None) == (by is None):
                figures[row["measure"], by or "", row["group"] or ""] = (row["numerator"], row["denominator"])
    with transaction():
        alone(f"closing:{branch.id}:{period}", wait=True)
        standing = {_key(row): (row.numerator, row.denominator) for row in frozen(branch, period)}
        is_first = not standing
        for key in standing:
            figures.setdefault(key, (0, 0))  # a group that has nothing left
        new = {key: pair for key, pair in sorted(figures.items()) if standing.get(key) != pair}
        _write(actor, branch, period, new, "close_period" if is_first else "correct_period")
        if finish:
            finish(len(new))
    return len(new)


def _write(actor, branch, period, figures, verb):
    if not figures:
        return
    rows = [
        {
            **dict(zip(FIGURE, key, strict=True)),
            "branch": branch.id,
            "period": period,
            "numerator": numerator,
            "denominator": denominator,
            "closed_at": actor.now,
        }
        for key, (numerator, denominator) in figures.items()
    ]
    with door():
        insert_rows(FrozenMeasure, rows)
    whole = {f"{measure} {period}": [None, list(pair)] for (measure, by, _), pair in figures.items() if not by}
    told = {**whole, "rows": [None, len(rows)], "sha256": [None, digest(figures)]}
    note(actor, verb, "frozen_measure", branch.id, branch.id, told)


def digest(figures):
    """The seal of frozen figures ({(measure, by, group): (numerator, denominator)}) that the trail carries."""
    text = json.dumps([[*key, *pair] for key, pair in sorted(figures.items())], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _key(row):
    return row.measure, row.by, row.group


def history(branch, period):
    """Everything that was frozen of a period, in the order in which it was."""
    mine = (FrozenMeasure.branch == branch, FrozenMeasure.period == period)
    return FrozenMeasure.select().where(*mine).order_by(FrozenMeasure.closed_at, FrozenMeasure.id)


def frozen(branch, period):
    """The figures that hold of a closed period, the whole first; empty where it is not closed."""
    latest = {_key(row): row for row in history(branch, period)}
    return sorted(latest.values(), key=_key)
