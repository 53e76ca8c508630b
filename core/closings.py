"""Closing a period: its measures are frozen as they are; what comes late is a dated correction beside them."""

import hashlib
import itertools
import json

import peewee

from core.audit import note
from core.database import Kept, alone, door, insert_rows, transaction
from core.errors import Fault, Refused
from core.faulty import in_trouble
from core.fields import MomentColumn
from core.language import say
from core.measures import measured, measures_of, period_days
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


def measures_to_close(branch, now):
    """The names of a branch's measures, in sets to close one after the other: those that went well, then each that failed.

    So a measure that fails, or hangs and takes its process with it, does not keep the others from being closed.
    """
    known = measures_of(branch.id, now)
    failing = [name for name, (plugin, _) in known.items() if (plugin, f"measure:{name}") in in_trouble()]
    return [frozenset(known) - frozenset(failing), *(frozenset([name]) for name in sorted(failing))]


def close_period(actor, branch, period, names=None, *, finish=None):
    """Freeze what is measured of a branch (and all below it) in a period: the whole, by department and by person.

    `names` are the measures to freeze, None for all. Closed again, only what differs is written, dated now, beside what stands. Returns how many rows were written.
    `finish(count)` is called in the same transaction: the done-mark of a job.
    """
    actor.require("core.period.close", branch.id)
    if period_days(period)[1] >= local_day(actor.now, branch.id):
        raise Refused(Fault("period", say("{period} 尚未结束", "{period} is not over yet", period=period)))
    known = measures_of(branch.id, actor.now)
    names = frozenset(known) if names is None else names & frozenset(known)
    figures = _figures(actor, branch, period, sorted(names))
    with transaction():
        alone(f"closing:{branch.id}:{period}", wait=True)
        held = frozen(branch, period)
        standing = {_key(row): (row.numerator, row.denominator) for row in held if row.measure in names}
        is_first = not held
        for key in standing:
            figures.setdefault(key, (0, 0))  # a group that has nothing left
        new = {key: pair for key, pair in sorted(figures.items()) if standing.get(key) != pair}
        _write(actor, branch, period, new, "close_period" if is_first else "correct_period")
        if finish:
            finish(len(new))
    return len(new)


def _figures(actor, branch, period, names):
    """{(measure, by, group): (numerator, denominator)} of some measures."""
    figures = {}
    for name, by in itertools.product(names, GROUPINGS):
        for row in measured(actor, branch, period, name, by):
            if (row["group"] is None) == (by is None):
                figures[name, by or "", row["group"] or ""] = (row["numerator"], row["denominator"])
    return figures


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
