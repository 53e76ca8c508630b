"""The sweep: yellow once, red once, at the right second, whoever sweeps; silent where it has to be."""

import threading
import time

import pytest

from core import records, switches
from core.access import system
from core.audit import verify
from core.clocks import Clock
from core.database import db, is_sqlite, refresh
from core.findings import Finding
from core.notices import Notice
from core.outbox import deliver, waiting
from core.sweep import look, sweep
from core.testing import branch, clock, console, local, work
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationReport, Warning
from tests.core.processes import START, together

RECEIVED = "2025-03-03 10:00"  # a Monday; first contact is due on Tuesday at 17:30
PAST = local("2025-03-04 17:31")


def found(*names):
    """The findings there are, by (colour, limit), with how many."""
    counts = {}
    for row in Finding.select():
        key = (row.colour, row.source.split(".")[-1])
        counts[key] = counts.get(key, 0) + 1
    return counts


def register(count, at=RECEIVED, code="TJ"):
    return records.create_many(
        console(local(at)), Complaint, [{"owner": "alice", "department": "KF"}] * count, branch=branch(code)
    )


@pytest.mark.parametrize(
    "at, yellow, red",
    [
        pytest.param("2025-03-03 10:00", 0, 0, id="nothing at the start"),
        pytest.param("2025-03-04 14:17:59", 0, 0, id="nothing before 12.8 of 16 working hours"),
        pytest.param("2025-03-04 14:18:00", 1, 0, id="yellow from four fifths of the working time"),
        pytest.param("2025-03-04 17:30:00", 1, 0, id="exactly at the limit is in time"),
        pytest.param("2025-03-04 17:30:00.000001", 0, 1, id="a microsecond later is late"),
        pytest.param("2025-03-04 17:30:01", 0, 1, id="one second later is late"),
        pytest.param("2025-03-12 09:00", 0, 1, id="a sweep that comes days later says what holds then"),
    ],
)
def test_what_a_sweep_says_at_a_moment(record, actor, at, yellow, red):
    complaint = record("complaint", actor("alice", RECEIVED), class_="complex")
    due = clock(complaint, "T3.2.3a")
    Clock.update(next_at=None).where(Clock.id != due.id).execute()
    assert [item["colour"] for item in look(system(local(at)))] == ["yellow"] * yellow + ["red"] * red
    assert sweep(system(local(at))) == {"yellow": yellow, "red": red}
    assert clock(complaint, "T3.2.3a").state == ("yellow" if yellow else "red" if red else "running")
    assert sweep(system(local(at))) == {"yellow": 0, "red": 0}


def test_yellow_comes_at_its_moment_and_red_after_it(record, actor):
    complaint = record("complaint", actor("alice", RECEIVED))
    due = clock(complaint, "T3.2.3a")
    assert work(due.yellow_at) == {"yellow": 1, "red": 0}
    assert work(due.due_at) == {"yellow": 0, "red": 0}
    assert work(PAST) == {"yellow": 0, "red": 1}
    assert found() == {("yellow", "complaint_contact"): 1, ("red", "complaint_contact"): 1}


def test_what_is_done_in_time_is_not_warned_of_and_its_yellow_closes(record, actor):
    complaint = record("complaint", actor("alice", RECEIVED))
    work("2025-03-04 16:30")
    complaint = records.transition(actor("alice", "2025-03-04 16:40"), complaint, "accept")
    asked = {"details": "x", "class": "simple"}
    records.transition(actor("alice", "2025-03-04 17:30"), complaint, "contact_customer", asked)
    assert work(PAST)["red"] == 0
    assert [(row.colour, row.state) for row in Finding.select()] == [("yellow", "closed")]


def test_a_complaint_registered_nine_days_late_is_red_at_once(record, actor):
    record("complaint", actor("bob", "2025-03-12 10:00"), happened_at="2025-03-03 10:00")
    assert work("2025-03-12 10:00:10")["red"] == 2  # first contact, and the result, which is strictest until classed


def test_what_was_finished_late_before_the_sweep_came_is_told_and_is_not_open(record, actor):
    complaint = record("complaint", actor("alice", RECEIVED))
    late = actor("alice", "2025-03-05 10:00")
    complaint = records.transition(late, complaint, "accept")
    records.transition(late, complaint, "contact_customer", {"details": "x", "class": "simple"})
    assert work("2025-03-05 10:00:10") == {"yellow": 0, "red": 1}
    assert [(row.colour, row.state) for row in Finding.select()] == [("red", "closed")]
    assert Warning.select().where(Warning.colour == "red").count() == 1
    assert clock(complaint, "T3.2.3a").state == "late"


def test_where_the_plugin_is_off_nothing_is_said_and_on_again_it_is_judged_but_not_warned_of(record, actor):
    complaint = record("complaint", actor("alice", RECEIVED))
    switches.switch(console(local("2025-03-04 09:00")), "timeliness", branch("TJ"), "off", reason="测试")
    assert work("2025-03-06 09:00") == {"yellow": 0, "red": 0} and found() == {}
    switches.switch(console(local("2025-03-06 10:00")), "timeliness", branch("TJ"), "on", reason="测试")
    assert clock(complaint, "T3.2.3a").state == "red"
    assert work("2025-03-06 10:01") == {"yellow": 0, "red": 0} and found() == {}


def test_history_is_judged_and_not_warned_of(group):
    records.create_many(
        console(local("2025-06-02 09:00")),
        Complaint,
        [{"owner": "alice", "happened_at": "2025-03-03 10:00"}],
        branch=branch("TJ"),
        history=True,
    )
    assert {row.state for row in Clock.select()} == {"red"}
    assert work("2025-06-02 09:01") == {"yellow": 0, "red": 0} and Notice.select().count() == 0


def test_more_than_one_chunk(group):
    register(25)
    assert sweep(system(PAST), chunk=10) == {"yellow": 0, "red": 25}
    assert found() == {("red", "complaint_contact"): 25} and verify() == []


def test_a_limit_that_speaks_again_of_the_same_record_opens_a_new_episode(record, actor):
    complaint = record("complaint", actor("alice", RECEIVED))
    work(PAST)
    stored = clock(complaint, "T3.2.3a")
    again = dict(stored.__data__, next_at=stored.passed_at, stop="accepted_at")
    again.pop("id")
    Clock.insert(**again).execute()  # as a plugin whose limit stops elsewhere from now on leaves it
    assert work(PAST)["red"] == 1
    episodes = Finding.select(Finding.episode).where(Finding.source == "limit:timeliness.complaint_contact")
    assert sorted(row.episode for row in episodes) == [1, 2]


def sweep_and_deliver(settings, number):
    for _ in range(40):
        refresh()
        sweep(system(PAST, "job"), chunk=20)
        deliver(PAST, 7)
        time.sleep(0.002)


@pytest.mark.skipif(START is None, reason="this system cannot fork")
def test_two_workers_in_two_processes_find_and_tell_everything_once(settings):
    register(60)
    register(60, code="BJ")
    together(settings, sweep_and_deliver)
    while deliver(PAST):
        pass
    assert found() == {("red", "complaint_contact"): 120}
    assert Warning.select().count() == Warning.select(Warning.finding).distinct().count() == 120
    for_reports = RectificationReport.select().where(RectificationReport.state == "open")
    assert sorted(row.branch.code for row in for_reports) == [
        "BJ",
        "TJ",
    ]  # one for each department, however many are late
    told = Notice.select(Notice.person, Notice.occasion).where(Notice.tone == "red").tuples()
    assert len(told) == len(set(told))
    assert waiting() == (0, 0) and verify() == []


def test_the_sweep_passes_by_what_somebody_is_writing_and_judges_it_afterwards(settings, record, actor):
    if is_sqlite():
        pytest.skip("on SQLite one transaction waits for the other")
    complaint = records.transition(actor("alice", RECEIVED), record("complaint", actor("alice", RECEIVED)), "accept")
    writes, swept = threading.Event(), threading.Event()
    followed = records.saving.effects[0]

    def slow(context, model, changes):
        followed(context, model, changes)
        if threading.current_thread() is not threading.main_thread():
            writes.set()
            swept.wait(10)

    def contact():
        in_time = actor("alice", "2025-03-04 17:29")
        records.transition(in_time, complaint, "contact_customer", {"details": "x", "class": "complex"})
        db.close()

    records.saving.effects[0] = slow
    thread = threading.Thread(target=contact)
    thread.start()
    try:
        assert writes.wait(10)
        assert sweep(system(PAST)) == {"yellow": 0, "red": 0}
    finally:
        swept.set()
        thread.join()
        records.saving.effects[0] = followed
    assert sweep(system(PAST))["red"] == 0 and clock(complaint, "T3.2.3a").state == "met"


def test_a_writer_that_waits_for_the_sweep_withdraws_the_red_it_has_given(settings, record, actor, monkeypatch):
    """The sweep has claimed the clock and not committed when somebody records, late, that it was done in time."""
    if is_sqlite():
        pytest.skip("on SQLite one transaction waits for the other")
    complaint = records.transition(actor("alice", RECEIVED), record("complaint", actor("alice", RECEIVED)), "accept")
    claimed = threading.Event()
    opened = sweep.__globals__["findings"].open_many

    def slow(*arguments):
        claimed.set()
        time.sleep(0.3)
        return opened(*arguments)

    monkeypatch.setattr(sweep.__globals__["findings"], "open_many", slow)

    def sweeps():
        sweep(system(PAST))
        db.close()

    thread = threading.Thread(target=sweeps)
    thread.start()
    assert claimed.wait(10)
    values = {"details": "x", "class": "complex", "first_contact_at": "2025-03-04 17:00"}
    records.transition(actor("alice", PAST), complaint, "contact_customer", values, reason="补录")
    thread.join()
    assert clock(complaint, "T3.2.3a").state == "met"
    assert [(row.colour, row.state) for row in Finding.select()] == [("red", "withdrawn")]
