"""Clocks: one pure function, and stored results that stand once they are given."""

from datetime import date

import pytest

from core import business_calendar, limits, records, switches
from core.clocks import Clock, ClockEvent, clocks_of
from core.conditions import Condition
from core.database import db
from core.findings import Finding
from core.language import Words
from core.limits import Limit
from core.testing import branch, clock, console, local, work
from core.worktime import parse
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationMeasure

MONDAY = local("2025-03-03 09:00")


def limit(text, name="one", when="", start="happened_at", stop="result_told_at", **more):
    return Limit("t", name, ("X1",), "complaint", start, stop, parse(text), Words(name), Condition.parse(when), **more)


def complaint(**values):
    values = {"happened_at": MONDAY, "stamps": {}, "extra": {}, "gaps": [], **values}
    return Complaint(**values)


def families(*each):
    found = {}
    for one in each:
        found.setdefault(one.family, []).append(one)
    return found


def event(kind, at, until=None, stop="result_told_at"):
    return ClockEvent(
        kind=kind, stop=stop, happened_at=local(f"2025-03-{at}"), until=until and local(f"2025-03-{until}")
    )


@pytest.fixture
def calendar(group):
    return business_calendar.calendar_of(branch().id)


@pytest.fixture
def read(calendar):
    """read(record, limits, events): the one clock of a record."""

    def read(record, *each, events=(), **more):
        found = clocks_of(record, families(*each), calendar, events, **more)
        return next(iter(found.values())) if found else None

    return read


@pytest.mark.parametrize(
    "at, told, state",
    [
        pytest.param("2025-03-03 16:59:59", None, "running", id="below 80 %"),
        pytest.param("2025-03-03 17:00:00", None, "yellow", id="at 80 %"),
        pytest.param("2025-03-03 19:00:00", None, "yellow", id="exactly at the limit is not late"),
        pytest.param("2025-03-03 19:00:01", None, "red", id="one second later is"),
        pytest.param("2025-03-05 09:00:00", "2025-03-03 19:00:00", "met", id="done exactly at the limit"),
        pytest.param("2025-03-05 09:00:00", "2025-03-03 19:00:01", "late", id="done a second later"),
    ],
)
def test_the_state_of_a_clock_of_10_hours(read, at, told, state):
    record = complaint(result_told_at=told and local(told))
    assert read(record, limit("10 hours")).state(local(at)) == state


@pytest.mark.parametrize(
    "class_, chosen",
    [
        pytest.param(None, "short", id="of those that cannot be told yet the strictest"),
        pytest.param("simple", "short", id="the one whose condition holds"),
        pytest.param("complex", "long", id="the other one"),
    ],
)
def test_of_a_family_one_limit_runs(read, class_, chosen):
    short, long = limit("2 hours", "short", "class is simple"), limit("4 hours", "long", "class is complex")
    assert read(complaint(class_=class_), long, short).limit.name == chosen


def test_where_no_condition_holds_there_is_no_clock(read):
    assert read(complaint(class_="simple"), limit("2 hours", when="class is complex")) is None


def test_what_has_not_begun_has_no_clock(read):
    assert read(complaint(), limit("2 hours", start="accepted_at")) is None


@pytest.mark.parametrize("gap", ["happened_at", "result_told_at"])
def test_an_event_that_the_source_does_not_record_is_not_judged(read, gap):
    assert read(complaint(gaps=[gap]), limit("2 hours")) is None


def test_a_pause_moves_the_end_and_the_clock_stands_still_in_it(read):
    events = [event("pause", "03 10:00")]
    paused = read(complaint(), limit("4 hours"), events=events)
    assert (paused.state(local("2025-03-04 10:00")), paused.due_at) == ("paused", None)
    events.append(event("resume", "03 12:00"))
    again = read(complaint(), limit("4 hours"), events=events)
    assert again.due_at == local("2025-03-03 15:00") and again.state(local("2025-03-03 15:00:01")) == "red"


def test_an_extension_gives_a_new_end_and_never_an_earlier_one(read):
    events = [event("extension", "03 10:00", "05 12:00")]
    assert read(complaint(), limit("4 hours"), events=events).due_at == local("2025-03-05 12:00")
    events = [event("extension", "03 10:00", "03 11:00")]
    assert read(complaint(), limit("4 hours"), events=events).due_at == local("2025-03-03 13:00")


def test_events_of_another_clock_do_not_count(read):
    events = [
        event("extension", "03 10:00", "05 12:00", stop="first_contact_at"),
        event("cancellation", "03 10:00", stop="closed_at"),
    ]
    reading = read(complaint(), limit("4 hours"), events=events)
    assert (reading.due_at, reading.is_cancelled) == (local("2025-03-03 13:00"), False)


@pytest.mark.parametrize("more", [{"is_void": True}, {"events": [event("cancellation", "03 10:00")]}])
def test_a_cancelled_clock_is_neither_met_nor_late(read, more):
    assert read(complaint(), limit("4 hours"), **more).state(local("2025-03-20 10:00")) == "cancelled"


def test_a_promise_is_read_from_its_field_and_a_day_ends_with_its_business(calendar):
    measure = RectificationMeasure(happened_at=MONDAY, due_on=date(2025, 3, 10), stamps={}, extra={}, gaps=[])
    promised = limit("promised", stop="done_on", promised="due_on")
    reading = clocks_of(measure, families(promised), calendar)["happened_at", "done_on"]
    assert reading.due_at == local("2025-03-10 17:30")


def test_without_yellow_nothing_is_said_before_the_limit(read):
    reading = read(complaint(), limit("10 hours", yellow=None))
    assert reading.yellow_at is None and reading.state(local("2025-03-03 18:59")) == "running"


def test_the_function_reads_and_writes_nothing(read, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a query")

    monkeypatch.setattr(db.obj, "execute_sql", refuse)
    assert read(complaint(class_="simple"), limit("2 hours", when="class is simple")).due_at


# ---- the stored result


def publish(days_off, code=None, at="2025-03-03 12:00"):
    off = {f"2025-03-{day:02}": "停业" for day in days_off}
    shipped = business_calendar.own_version(None, 2025).content
    content = {"off": {**(shipped["off"] if code is None else {}), **off}, "on": shipped["on"] if code is None else {}}
    return business_calendar.publish(console(local(at)), branch(code) if code else None, 2025, content, "通知")


def test_a_new_calendar_moves_what_is_open_and_leaves_what_was_judged(record, actor):
    done, open_ = (record("complaint", actor("alice", "2025-03-03 10:00")) for _ in range(2))
    done = records.transition(actor("alice", "2025-03-03 10:10"), done, "accept")
    given = {"details": "详情", "class": "simple"}
    records.transition(actor("alice", "2025-03-03 10:20"), done, "contact_customer", given)
    before = clock(done, "T3.2.3a")
    version = publish([4])
    after = clock(done, "T3.2.3a")
    assert (after.state, after.due_at, after.calendar_version) == ("met", before.due_at, before.calendar_version)
    assert (clock(open_, "T3.2.3a").due_at, clock(open_, "T3.2.3a").calendar_version) == (
        local("2025-03-05 17:30"),
        version.id,
    )


def test_what_was_judged_stands_when_the_record_is_edited_under_a_newer_calendar(record, actor):
    done = records.transition(
        actor("alice", "2025-03-03 10:10"), record("complaint", actor("alice", "2025-03-03 10:00")), "accept"
    )
    given = {"details": "详情", "class": "simple", "first_contact_at": "2025-03-05 10:00"}
    done = records.transition(actor("alice", "2025-03-05 10:20"), done, "contact_customer", given)
    assert clock(done, "T3.2.3a").state == "late"
    publish([4], at="2025-03-05 12:00")
    records.change(actor("alice", "2025-03-05 13:00"), done, {"content": "x"})
    assert (clock(done, "T3.2.3a").state, clock(done, "T3.2.3a").due_at) == ("late", local("2025-03-04 17:30"))


def test_a_branchs_own_day_off_moves_its_clocks_only(record, actor):
    here = record("complaint", actor("alice", "2025-03-03 10:00"))
    there = record("complaint", actor("frank", "2025-03-03 10:00"), code="BJ")
    publish([4], code="TJ")
    assert clock(here, "T3.2.3a").due_at == local("2025-03-05 17:30")
    assert clock(there, "T3.2.3a").due_at == local("2025-03-04 17:30")


def test_a_red_that_a_new_calendar_leaves_past_is_told_once(record, actor):
    record("complaint", actor("alice", "2025-03-03 10:00"))
    work("2025-03-06 09:00")
    publish([4], at="2025-03-06 09:30")
    assert work("2025-03-06 10:00")["red"] == 0
    assert Finding.select().where(Finding.source.endswith("complaint_contact"), Finding.colour == "red").count() == 1


def test_a_year_that_is_not_published_is_provisional_and_worked_out_again(record, actor):
    complaint = record("complaint", actor("alice", "2026-12-31 10:00"))
    assert (clock(complaint, "T3.2.3a").due_at, clock(complaint, "T3.2.3a").is_provisional) == (
        local("2027-01-01 17:30"),
        True,
    )
    off = {f"2027-01-0{day}": "元旦" for day in (1, 2, 3)}
    business_calendar.publish(console(local("2026-12-31 12:00")), None, 2027, {"off": off, "on": {}}, "通知")
    assert (clock(complaint, "T3.2.3a").due_at, clock(complaint, "T3.2.3a").is_provisional) == (
        local("2027-01-04 17:30"),
        False,
    )


def test_one_clock_for_each_family(record, actor):
    complaint = record("complaint", actor("alice", "2025-03-03 10:00"))
    rows = Clock.select().where(Clock.record == "complaint", Clock.record_id == complaint.id)
    assert sorted(row.stop for row in rows) == ["first_contact_at", "result_told_at"]


def test_another_regulation_off_leaves_no_clock_running(record, actor):
    complaint = record("complaint", actor("alice", "2025-03-03 10:00"))
    switches.switch(console(local("2025-03-03 11:00")), "timeliness", branch(), "off")
    assert limits.families_of("complaint", branch().id, date(2025, 3, 3), local("2025-03-03 11:00")) == {}
    assert work("2025-03-05 09:00") == {"yellow": 0, "red": 0} and clock(complaint, "T3.2.3a").state == "running"
