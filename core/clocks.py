"""Clocks: a limit running for one record. `clocks_of` works them out; the stored rows are its indexed result."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import peewee

from core import findings
from core.database import Table, insert_rows, is_sqlite
from core.errors import Fault, Refused
from core.fields import JsonColumn, MomentColumn
from core.findings import Finding
from core.language import Words, say
from core.limits import families_of
from core.plugins import registry
from core.records.visibility import Values
from core.switches import local_day
from core.worktime import due, in_time, yellow

STATES = {
    "running": Words("进行中", "Running"),
    "yellow": Words("临近时限", "Near its limit"),
    "red": Words("已超时", "Past its limit"),
    "paused": Words("已暂停", "Paused"),
    "met": Words("按时完成", "Met"),
    "late": Words("超时完成", "Late"),
    "cancelled": Words("已取消", "Cancelled"),
}
OPEN = ("running", "yellow", "red", "paused")
TICK = timedelta(microseconds=1)  # exactly at the limit is in time, anything later is late


class Clock(Table):
    """The stored result for one record and one family of limits (start, stop)."""

    branch_id = peewee.BigIntegerField()
    record = peewee.CharField(max_length=64)
    record_id = peewee.BigIntegerField()
    start = peewee.CharField(max_length=64)
    stop = peewee.CharField(max_length=64)
    plugin = peewee.CharField(max_length=64)
    limit = peewee.CharField(max_length=64)  # its name within the plugin
    clause = peewee.CharField(max_length=32)
    clauses = JsonColumn()
    edition = peewee.BigIntegerField()
    span = peewee.CharField(max_length=64, null=True)  # the limit in words, as it was counted
    calendar_version = peewee.BigIntegerField()
    levels = JsonColumn(null=True)  # the branches that had a say in that calendar ...
    zone = peewee.CharField(max_length=64, null=True)  # ... and the zone of the branch then
    owner_id = peewee.BigIntegerField(null=True)
    department_id = peewee.BigIntegerField(null=True)
    started_at = MomentColumn()
    due_at = MomentColumn(null=True)
    due_on = peewee.DateField(null=True)
    yellow_at = MomentColumn(null=True)
    passed_at = MomentColumn(null=True)  # the first moment that is late
    stopped_at = MomentColumn(null=True)
    state = peewee.CharField(max_length=16)
    next_at = MomentColumn(null=True)  # when the sweep has something to say; None: nothing
    is_provisional = peewee.BooleanField(default=False)
    is_recorded_late = peewee.BooleanField(default=False)

    class Meta:
        indexes = (
            (("record", "record_id", "start", "stop"), True),
            (("next_at",), False),
            (("branch_id", "due_on"), False),
            (("owner_id", "stopped_at", "due_at"), False),
            (("department_id", "stopped_at", "due_at"), False),
        )


class ClockEvent(Table):
    """A pause on a named ground, its end, an extension or a cancellation of a clock. Never changed."""

    record = peewee.CharField(max_length=64)
    record_id = peewee.BigIntegerField()
    stop = peewee.CharField(max_length=64)
    kind = peewee.CharField(max_length=16)  # pause, resume, extension, cancellation
    happened_at = MomentColumn()
    until = MomentColumn(null=True)  # of an extension: the new due moment
    ground = peewee.CharField(max_length=255, default="")
    person_id = peewee.BigIntegerField(null=True)

    class Meta:
        indexes = ((("record", "record_id"), False),)


@dataclass(frozen=True)
class Reading:
    """One clock as `clocks_of` works it out. Moments are aware UTC; days lie in the branch's zone."""

    limit: object
    started_at: object
    due_at: object
    due_on: object
    yellow_at: object
    stopped_at: object
    stopped_in_time: bool | None
    is_provisional: bool = False
    is_paused: bool = False
    is_cancelled: bool = False
    started: object = None  # as counted: a day where no hour is known
    pauses: tuple = ()
    stamps: tuple = (None, None)  # start and stop as the record holds them: a moment, or a day of a field of days

    def state(self, now):
        """The state at a moment."""
        if self.is_cancelled:
            return "cancelled"
        if self.stopped_at is not None:
            return "met" if self.stopped_in_time else "late"
        if self.due_at is not None and now > self.due_at:
            return (
                "red"  # also in a pause: one that begins after the end, or that the limit does not heed, moves nothing
            )
        if self.is_paused:
            return "paused"
        return "yellow" if self.yellow_at is not None and now >= self.yellow_at else "running"


def clocks_of(record, families, calendar, events=(), *, is_void=False):
    """The clocks of a record: {(start, stop): Reading}. Pure: nothing is read or written.

    `families` maps (start, stop) to limits; of those whose condition holds, or cannot be told yet, the strictest decides.
    `events` are ClockEvents (pauses, extensions, cancellations). A family whose gap an import declared has no clock.
    """
    values, found = Values(record), {}
    for family, limits in families.items():
        start, stop = family
        if stop in (record.gaps or ()) or start in (record.gaps or ()):
            continue
        started = _stamp(record, values, start, calendar)
        if started is None:
            continue
        mine = [event for event in events if event.stop == stop]
        reading = _strictest(limits, values, started, calendar, mine)
        if reading is None:
            continue
        limit, due_, yellow_at, pauses = reading
        stopped = _stamp(record, values, stop, calendar)
        found[family] = Reading(
            limit,
            _moment(values.get(start), calendar.zone),
            due_.at,
            due_.on,
            yellow_at,
            _moment(values.get(stop), calendar.zone),
            None if stopped is None else in_time(stopped, due_),
            due_.provisional,
            bool(pauses and pauses[-1][1] is None),
            is_void or any(event.kind == "cancellation" for event in mine),
            started,
            pauses,
            (values.get(start), values.get(stop)),
        )
    return found


def _moment(value, zone):
    """A moment for a stamp that is kept as a day: its beginning in the zone."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value, time.min, zone).astimezone(UTC)


def _stamp(record, values, name, calendar):
    value = values.get(name)
    return calendar.day_of(value) if value is not None and record.is_day_only(name) else value


def _strictest(limits, values, started, calendar, events):
    holding = [limit for limit in limits if limit.condition.is_open(values) or limit.condition.holds(values)]
    best = None
    pauses = _pauses(events)
    extended = next((event.until for event in reversed(events) if event.kind == "extension"), None)
    for limit in holding:
        promised = values.get(limit.promised) if limit.span.unit == "promised" else None
        reference = values.get(limit.span.before) if limit.span.before else None
        due_ = due(
            limit.span, started, calendar, promised=promised, reference=reference, pauses=pauses, extension=extended
        )
        if best is None or (due_.at is not None and (best[1].at is None or due_.at < best[1].at)):
            best = (limit, due_)
    if best is None:
        return None
    limit, due_ = best
    return limit, due_, _yellow(limit, started, due_, calendar, pauses), pauses


def _yellow(limit, started, due_, calendar, pauses):
    if limit.yellow is None or due_.at is None:
        return None
    at = yellow(limit.span, started, due_, calendar, int(limit.yellow), pauses=pauses)
    return at if at is not None and at < due_.at else None


def _pauses(events):
    pauses = []
    for event in events:
        if event.kind == "pause":
            pauses.append((event.happened_at, None))
        elif event.kind == "resume" and pauses and pauses[-1][1] is None:
            pauses[-1] = (pauses[-1][0], event.happened_at)
    return tuple(pauses)


# ---- the stored result -------------------------------------------------------------------------------------------------


def follow(context, model, changes):
    """Work out and store the clocks of changed records: an effect of every write, in its transaction."""
    name = model._meta.record
    if not any(limit["record"] == name for plugin in registry().plugins.values() for limit in plugin.limits):
        return
    stored, events = {}, {}
    old = [change.record.id for change in changes if not change.is_new]
    if old:
        for clock in locked(Clock.select().where(Clock.record == name, Clock.record_id.in_(old)).order_by(Clock.id)):
            stored.setdefault(clock.record_id, {})[clock.start, clock.stop] = clock
        for event in (
            ClockEvent.select().where(ClockEvent.record == name, ClockEvent.record_id.in_(old)).order_by(ClockEvent.id)
        ):
            events.setdefault(event.record_id, []).append(event)
    fresh = []
    for change in changes:
        record = change.record
        families = _families(context, record)
        readings = _readings(context, record, families, events.get(record.id, ()))
        kept = stored.get(record.id, {})
        for family, reading in readings.items():
            if family in kept and _stands(kept[family], reading, families[family], change, context):
                continue
            values = _values(context, record, reading, kept.get(family), change)
            if family in kept:
                _store(context, kept[family], values, change)
            else:
                fresh.append(values)
        for family, clock in kept.items():
            if family not in readings and clock.state in OPEN:
                _store(context, clock, {"state": "cancelled", "next_at": None}, change)
    insert_rows(Clock, fresh)


def locked(query):
    """The rows of a query, which nobody else writes until this transaction ends: neither the sweep nor another person."""
    return query if is_sqlite() else query.for_update()


def _families(context, record):
    day = local_day(record.happened_at, record.branch_id)
    if ("families", day) not in context.found:
        context.found["families", day] = families_of(record._meta.record, context.branch_id, day, context.now)
    return context.found["families", day]


def _readings(context, record, families, events):
    state = context.workflow.states.get(record.state)
    return clocks_of(record, families, context.calendar, events, is_void=bool(state and state.void))


def _values(context, record, reading, clock, change):
    """The columns of a clock. What the sweep has to say about it is left to the sweep, by `next_at`."""
    now, limit = context.now, reading.limit
    closed_at = min(filter(None, (reading.stopped_at, reading.due_at)), default=None)
    settled = clock is not None and closed_at is not None and now > closed_at and clock.owner_id is not None
    state = reading.state(now)
    if state in ("yellow", "red") and not _is_past(context, reading):
        same = clock is not None and (clock.plugin, clock.limit) == (limit.plugin, limit.name)
        told = clock.state if same and clock.state in ("yellow", "red") else "running"
        state = told if state == "red" or told == "yellow" else "running"
    return {
        "branch_id": clock.branch_id if settled else record.branch_id,
        "record": record._meta.record,
        "record_id": record.id,
        "start": limit.start,
        "stop": limit.stop,
        "plugin": limit.plugin,
        "limit": limit.name,
        "clause": limit.clauses[0],
        "clauses": list(limit.clauses),
        "edition": limit.edition,
        "span": limit.span.text,
        "calendar_version": int(context.calendar.version or 0),
        "levels": list(context.calendar.levels),
        "zone": context.calendar.zone.key,
        "owner_id": clock.owner_id if settled else record.owner_id,
        "department_id": clock.department_id if settled else record.department_id,
        "started_at": reading.started_at,
        "due_at": reading.due_at,
        "due_on": reading.due_on,
        "yellow_at": reading.yellow_at,
        "passed_at": reading.due_at and reading.due_at + TICK,
        "stopped_at": reading.stopped_at,
        "state": state,
        "next_at": _next(context, reading, state, change),
        "is_provisional": reading.is_provisional,
        "is_recorded_late": _is_recorded_late(record, reading),
    }


def _is_past(context, reading):
    """Whether it was past its limit before it came in, or before its limit came on: judged and measured, not warned of."""
    return context.history_until is not None and reading.due_at is not None and reading.due_at < context.history_until


def _next(context, reading, state, change):
    if state in ("cancelled", "met") or reading.due_at is None:
        return None
    passed = reading.due_at + TICK
    if _is_past(context, reading):
        return None
    if state == "late":
        return passed
    if state == "running" and reading.yellow_at is not None:
        return reading.yellow_at
    return passed if state in ("running", "yellow", "paused") else None


def _is_recorded_late(record, reading):
    recorded = (record.stamps or {}).get(reading.limit.stop)
    if not reading.stopped_in_time or reading.due_at is None or not recorded:
        return False
    at = datetime.fromisoformat(recorded[0])
    if record.is_day_only(reading.limit.stop):
        return local_day(at, record.branch_id) > reading.due_on
    return at > reading.due_at


def _store(context, clock, values, change):
    """Write what differs; findings whose cause is gone close, and a red that proves wrong is withdrawn."""
    opened = Finding.select().where(
        Finding.record == clock.record, Finding.record_id == clock.record_id, Finding.clock_id == clock.id
    )
    red = opened.where(Finding.colour == "red", Finding.source == f"limit:{clock.plugin}.{clock.limit}")
    differs = {name: value for name, value in values.items() if getattr(clock, name) != value}
    _ask_why_late(context, clock, values, change)
    if _proves_wrong(clock, values):
        findings.withdraw(context.actor, red, change.reason)
    if (values["state"] in ("met", "late", "cancelled") and clock.state in OPEN) or _is_early_again(clock, values):
        findings.close_many(context.actor, opened)
    if values["state"] == "late":
        source = f"limit:{values['plugin']}.{values['limit']}"
        told = opened.where(Finding.colour == "red", Finding.source == source, Finding.state != "withdrawn").exists()
        differs["next_at"] = None if told else differs.get("next_at", clock.next_at)
    if differs:
        Clock.update(differs).where(Clock.id == clock.id).execute()


def _stands(clock, reading, limits, change, context):
    """Whether a verdict stands as it was given, by the limit and the calendar of its time: nothing it rests on has moved.

    Another limit for the same moments, shipped or set since, does not reach back; it does where the condition of one
    speaks of what has changed in the record, and where its plugin has just come on.
    """
    zone = ZoneInfo(clock.zone) if clock.zone else context.calendar.zone
    if [clock.started_at, clock.stopped_at] != [_moment(stamp, zone) for stamp in reading.stamps]:
        return False
    if clock.state not in ("met", "late") or reading.is_cancelled:
        return False
    if (clock.plugin, clock.limit) == (reading.limit.plugin, reading.limit.name):
        return True
    return context.history_until is None and not any(limit.condition.asks(change.before) for limit in limits)


def _ask_why_late(context, clock, values, change):
    comes_in_time = values["state"] == "met" and clock.state not in ("met", "cancelled")
    if comes_in_time and values["is_recorded_late"] and not change.reason.strip() and not context.actor.is_system:
        told = say(
            "按时完成但补录已过时限,请写明补录原因",
            "done in time but recorded after the limit: say why it is recorded late",
        )
        raise Refused(Fault("reason", told, "required"))


def _is_early_again(clock, values):
    """Whether what was near its limit or past it is neither any more, for it began later or other days are off."""
    is_early = values["state"] == "running" and clock.state in ("yellow", "red")
    return is_early and (values["started_at"] != clock.started_at or _moved_by_calendar(clock, values))


def _moved_by_calendar(clock, values):
    is_later = values["due_at"] is not None and clock.due_at is not None and values["due_at"] > clock.due_at
    return is_later and values["calendar_version"] != clock.calendar_version


def _proves_wrong(clock, values):
    """Whether a red given for the limit of `clock` was wrong: done in time after all, begun later, or not due so early.

    A red stands where the record has come under another limit since: becoming complex excuses nothing.
    """
    if values["state"] == "cancelled" or (clock.plugin, clock.limit) != (values["plugin"], values["limit"]):
        return False
    if values["state"] == "met":
        return clock.state not in ("met", "cancelled")
    return _is_early_again(clock, values)
