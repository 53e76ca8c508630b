"""The sweep: claims the clocks that have come near or past their limit, and opens a finding for each, once."""

from core import findings
from core.clocks import Clock
from core.database import is_sqlite, transaction
from core.limits import shipped
from core.records.visibility import about_finished
from core.switches import is_on

CHUNK = 250  # clocks in one transaction: some 30 ms on SQLite


def sweep(actor, chunk=CHUNK):
    """Everything that has become due by `actor.now`. Returns {"yellow": n, "red": n}; safe to run in many processes.

    Cost follows the number newly due, never the number open. A chunk is one transaction: claim, findings, messages, trail.
    """
    counts = {"yellow": 0, "red": 0}
    while True:
        with transaction():
            size, found = _claim(actor.now, chunk)
            ids = findings.open_many(actor, found)
            _close_finished(actor, dict(zip(ids, found, strict=True)))
        for item in found:
            counts[item["colour"]] += 1
        if size < chunk:
            return counts


def look(actor):
    """What a sweep as of `actor.now` would say: [finding as a dict]. Nothing is written."""
    limits = shipped()
    return [
        _finding(clock, _colour(clock, actor.now), limits) for clock in _due(actor.now) if _speaks(clock, actor.now)
    ]


def _due(now):
    due = Clock.select().where(Clock.next_at <= now).order_by(Clock.next_at, Clock.id)
    return about_finished(due, Clock)


def _speaks(clock, now):
    return is_on(clock.plugin, clock.branch_id, now)


def _colour(clock, now):
    return "red" if now > clock.due_at else "yellow"


def _claim(now, chunk):
    """Take the next clocks and move them on: how many were taken, and what is to be found of them, yellow first."""
    query = _due(now).limit(chunk)
    if not is_sqlite():
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    clocks, limits, found = list(query), shipped(), []
    moved = {"yellow": [], "red": [], "quiet": []}
    for clock in clocks:
        colour = _colour(clock, now)
        if not _speaks(clock, now):
            moved["quiet"].append(clock.id)
            continue
        moved["quiet" if clock.stopped_at is not None else colour].append(clock.id)
        found.append(_finding(clock, colour, limits))
    for what, values in (
        ("yellow", {"state": "yellow", "next_at": Clock.passed_at}),  # it speaks once more, when the limit has passed
        ("red", {"state": "red", "next_at": None}),
        ("quiet", {"next_at": None}),  # finished late, or off where it is
    ):
        if moved[what]:
            Clock.update(values).where(Clock.id.in_(moved[what])).execute()
    found.sort(key=lambda item: item["colour"] == "red")
    findings.number(found)
    return len(clocks), found


def _close_finished(actor, opened):
    """What was finished late before the sweep came to it is told all the same, but is open no longer."""
    clocks = [item["clock_id"] for item in opened.values()]
    late = {c.id for c in Clock.select(Clock.id).where(Clock.id.in_(clocks), Clock.stopped_at.is_null(False))}
    ids = [finding_id for finding_id, item in opened.items() if item["clock_id"] in late]
    if ids:
        findings.close_many(actor, findings.Finding.select().where(findings.Finding.id.in_(ids)))


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
