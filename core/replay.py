"""A stored clock seen again: its state as of now, and how its due moment was counted by the limit and calendar it keeps."""

from dataclasses import replace

from core.business_calendar import calendar_of
from core.clocks import OPEN, ClockEvent, clocks_of
from core.conditions import Condition
from core.limits import LimitEdition, shipped
from core.records.visibility import Values
from core.worktime import parse, working

ALWAYS = Condition()  # a clock runs by its limit, whatever the limit's condition says of the record today


def state_now(clock, now):
    """The state of a stored clock at this moment; the sweep writes it a little later."""
    if clock.state not in OPEN:
        return clock.state
    if clock.due_at is not None and now > clock.due_at:
        return "red"
    if clock.state == "paused":
        return "paused"
    return "yellow" if clock.yellow_at is not None and now >= clock.yellow_at else "running"


def workings_of(record, clocks):
    """For each clock its steps, [{day, what, note, count}], in the language that speaks now."""
    limits = _limits(clocks)
    query = ClockEvent.select().where(ClockEvent.record == record._meta.record, ClockEvent.record_id == record.id)
    events = list(query.order_by(ClockEvent.id))
    return [_working(record, clock, limits[clock.id], events) for clock in clocks]


def _limits(clocks):
    """Each clock's limit, by the clock's id, as it was in the edition that the clock was worked out with."""
    editions = [clock.edition for clock in clocks if clock.edition]
    spans = dict(LimitEdition.select(LimitEdition.id, LimitEdition.span).where(LimitEdition.id.in_(editions)).tuples())
    known, found = shipped(), {}
    for clock in clocks:
        limit = known.get(f"{clock.plugin}.{clock.limit}")
        span = spans.get(clock.edition)
        found[clock.id] = replace(limit, span=parse(span)) if limit and span else limit
    return found


def _working(record, clock, limit, events):
    if limit is None:
        return []
    calendar, values = calendar_of(record.branch_id, clock.calendar_version), Values(record)
    reading = clocks_of(record, {limit.family: [replace(limit, condition=ALWAYS)]}, calendar, events).get(limit.family)
    if reading is None:
        return []
    extended = [event.until for event in events if event.stop == limit.stop and event.kind == "extension"]
    steps = working(
        limit.span,
        reading.started,
        calendar,
        promised=values.get(limit.promised) if limit.span.unit == "promised" else None,
        reference=values.get(limit.span.before) if limit.span.before else None,
        pauses=reading.pauses,
        extension=extended[-1] if extended else None,
    )
    return [{"day": s.day.isoformat(), "what": s.what, "note": s.note, "count": s.count} for s in steps]
