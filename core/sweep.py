"""The sweep: claims the clocks that have come near or past their limit, and opens a finding for each, once."""

import peewee

from core import findings
from core.clocks import Clock
from core.database import is_sqlite, transaction
from core.limits import shipped
from core.switches import is_on

CHUNK = 400


def sweep(actor, chunk=CHUNK):
    """Everything that has become due by `actor.now`. Returns {"yellow": n, "red": n}; safe to run in many processes.

    Cost follows the number newly due, never the number open. A chunk is one transaction: claim, findings, messages, trail.
    """
    counts = {"yellow": 0, "red": 0}
    while True:
        with transaction():
            claimed = _claim(actor.now, chunk)
            for colour, found in claimed.items():
                findings.open_many(actor, found)
                counts[colour] += len(found)
        if claimed["size"] < chunk:
            return counts


def look(actor):
    """What a sweep as of `actor.now` would say: [finding as a dict]. Nothing is written."""
    limits = shipped()
    return [
        _finding(clock, _colour(clock, actor.now), limits) for clock in _due(actor.now) if _speaks(clock, actor.now)
    ]


def _due(now):
    return Clock.select().where(Clock.next_at <= now).order_by(Clock.next_at, Clock.id)


def _speaks(clock, now):
    return is_on(clock.plugin, clock.branch_id, now)


def _colour(clock, now):
    return "red" if now > clock.due_at else "yellow"


class _Claimed(dict):
    def items(self):
        return [(colour, self[colour]) for colour in ("yellow", "red")]


def _claim(now, chunk):
    query = _due(now).limit(chunk)
    if not is_sqlite():
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    clocks = list(query)
    limits = shipped()
    claimed = _Claimed(yellow=[], red=[], size=len(clocks))
    ids = {"yellow": [], "red": [], "late": [], "asleep": []}
    for clock in clocks:
        colour = _colour(clock, now)
        if not _speaks(clock, now):
            ids["asleep"].append(clock.id)
            continue
        ids["late" if clock.stopped_at is not None else colour].append(clock.id)
        claimed[colour].append(_finding(clock, colour, limits))
    for what, values in (
        ("yellow", {"state": "yellow", "next_at": Clock.passed_at}),  # it speaks once more, when the limit has passed
        ("red", {"state": "red", "next_at": None}),
        ("late", {"next_at": None}),
        ("asleep", {"next_at": None}),
    ):
        if ids[what]:
            Clock.update(values).where(Clock.id.in_(ids[what])).execute()
    _number(claimed)
    return claimed


def _finding(clock, colour, limits):
    limit = limits.get(f"{clock.plugin}.{clock.limit}")
    return {
        "branch_id": clock.branch_id,
        "plugin": clock.plugin,
        "source": f"limit:{clock.plugin}.{clock.limit}",
        "colour": colour,
        "record": clock.record,
        "record_id": clock.record_id,
        "message": str(limit.label) if limit else clock.limit,
        "owner_id": clock.owner_id,
        "department_id": clock.department_id,
        "clock_id": clock.id,
    }


def _number(claimed):
    """Give each finding its episode: one more than there are of the same identity, in one query for the chunk."""
    found = claimed["yellow"] + claimed["red"]
    if not found:
        return
    have = findings.Finding
    query = (
        have.select(have.source, have.colour, have.record, have.record_id, peewee.fn.MAX(have.episode))
        .where(
            have.record_id.in_({item["record_id"] for item in found}),
            have.clock_id.in_([item["clock_id"] for item in found]),
        )
        .group_by(have.source, have.colour, have.record, have.record_id)
    )
    last = {tuple(row[:4]): row[4] for row in query.tuples()}
    for item in found:
        item["episode"] = last.get((item["source"], item["colour"], item["record"], item["record_id"]), 0) + 1
