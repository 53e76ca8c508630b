"""A stored clock seen again: its state as of now, and how its due moment was counted by the limit and calendar it keeps."""

from dataclasses import replace

from core.business_calendar import calendar_as_kept, calendar_of
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


def judged_again(record, clocks):
    """Each clock of a record counted again, {clock id: Reading}, by the limit, calendar and zone that it keeps."""
    limits, events = _limits(clocks), _events(record)
    readings = {clock.id: _reading(record, clock, limits[clock.id], events) for clock in clocks}
    return {clock_id: reading for clock_id, reading in readings.items() if reading is not None}


def workings_of(record, clocks):
    """For each clock its steps, [{day, what, note, count}], in the language that speaks now."""
    limits, events = _limits(clocks), _events(record)
    return [_working(record, clock, limits[clock.id], events) for clock in clocks]


def _events(record):
    query = ClockEvent.select().where(ClockEvent.record == record._meta.record, ClockEvent.record_id == record.id)
    return list(query.order_by(ClockEvent.id))


def _limits(clocks):
    """Each clock's limit, by the clock's id, with the span by which the clock was counted."""
    editions = [clock.edition for clock in clocks if clock.edition and not clock.span]
    spans = dict(LimitEdition.select(LimitEdition.id, LimitEdition.span).where(LimitEdition.id.in_(editions)).tuples())
    known, found = shipped(), {}
    for clock in clocks:
        limit = known.get(f"{clock.plugin}.{clock.limit}")
        span = clock.span or spans.get(clock.edition)
        found[clock.id] = replace(limit, span=parse(span)) if limit and span else limit
    return found


def _calendar(record, clock):
    """The calendar that a clock was counted by; one kept before clocks kept their zone is counted by today's."""
    if clock.zone is None:
        return calendar_of(record.branch_id, clock.calendar_version)
    return calendar_as_kept(clock.zone, clock.levels, clock.calendar_version)


def _reading(record, clock, limit, events):
    if limit is None:
        return None
    families = {limit.family: [replace(limit, condition=ALWAYS)]}
    return clocks_of(record, families, _calendar(record, clock), events).get(limit.family)


def _working(record, clock, limit, events):
    reading = _reading(record, clock, limit, events)
    if reading is None:
        return []
    values = Values(record)
    extended = [event.until for event in events if event.stop == limit.stop and event.kind == "extension"]
    steps = working(
        limit.span,
        reading.started,
        _calendar(record, clock),
        promised=values.get(limit.promised) if limit.span.unit == "promised" else None,
        reference=values.get(limit.span.before) if limit.span.before else None,
        pauses=reading.pauses,
        extension=extended[-1] if extended else None,
    )
    return [{"day": s.day.isoformat(), "what": s.what, "note": s.note, "count": s.count} for s in steps]
