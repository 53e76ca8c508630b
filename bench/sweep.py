"""The sweep: 10,000 clocks newly due among few and among a million open ones, all that follows from it included."""

import time
from contextlib import contextmanager
from datetime import timedelta

from bench.places import KINDS, installation, settle, table
from core import access, sweep, testing
from core.clocks import TICK, Clock
from core.database import insert_rows, transaction

DUE = 10_000
MOMENT = testing.local("2026-03-10 17:31")


def main(sizes=(20_000, 100_000, 1_000_000)):
    """Measure on both databases; the rows of the table, with the ratio to the smallest size of the same database."""
    rows = []
    for kind in KINDS:
        first = None
        for size in sizes:
            row = measure(kind, size)
            first = first or row["seconds"]
            rows.append({**row, "ratio": row["seconds"] / first})
    table(rows, ("database", "open", "newly due", "seconds", "longest transaction ms", "ratio"))
    return rows


def measure(kind, size):
    """Sweep once among `size` open clocks."""
    with installation(kind):
        load(size)
        settle()
        with timed_transactions() as longest:
            began = time.perf_counter()
            counts = sweep.sweep(access.system(MOMENT, "job"))
            seconds = time.perf_counter() - began
        assert counts["red"] == DUE, counts
        return {
            "database": kind,
            "open": size,
            "newly due": counts["red"],
            "seconds": seconds,
            "longest transaction ms": max(longest) * 1000,
        }


@contextmanager
def timed_transactions():
    """Time every transaction of the sweep; gives the list of seconds."""
    taken, plain = [], sweep.transaction

    @contextmanager
    def timed():
        began = time.perf_counter()
        with plain() as current:
            yield current
        taken.append(time.perf_counter() - began)

    sweep.transaction = timed
    try:
        yield taken
    finally:
        sweep.transaction = plain


def load(size):
    """Put `size` running clocks into the database, DUE of them past their limit at MOMENT."""
    branch, owner = testing.branch("TJ"), testing.person_by_login("alice")
    for first in range(0, size, 20_000):
        with transaction():
            insert_rows(
                Clock,
                [_clock(n, branch, owner, n % (size // DUE) == 0) for n in range(first, min(first + 20_000, size))],
            )


def _clock(number, branch, owner, is_due):
    due = MOMENT - timedelta(seconds=61) if is_due else MOMENT + timedelta(days=30, seconds=number % 86_400)
    return {
        "branch_id": branch.id,
        "record": "complaint",
        "record_id": number + 1,
        "start": "happened_at",
        "stop": "result_told_at",
        "plugin": "timeliness",
        "limit": "complaint_simple",
        "clause": "T3.2.3c",
        "clauses": ["T3.2.3c"],
        "edition": 0,
        "calendar_version": 1,
        "owner_id": owner.id,
        "department_id": owner.department_id,
        "started_at": MOMENT - timedelta(days=7),
        "due_at": due,
        "due_on": due.date(),
        "yellow_at": due - timedelta(days=1),
        "passed_at": due + TICK,
        "stopped_at": None,
        "state": "yellow",
        "next_at": due + TICK,
        "is_provisional": False,
        "is_recorded_late": False,
    }


if __name__ == "__main__":
    main()
