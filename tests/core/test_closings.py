"""Closing a month: the figures stand as they were; what comes late is a dated correction beside them."""

import pytest

from core import closings, records, switches
from core.audit import AuditEntry, verify
from core.closings import FrozenMeasure, close_period, frozen, history
from core.database import refresh
from core.errors import Denied, Refused, WriteOutside
from core.jobs import JobRun
from core.measures import measured
from core.testing import branch, console, local, work
from core.worker import Worker

CLOSED = "2025-04-01 09:00"  # a Tuesday, the first business day of April


@pytest.fixture
def march(record, actor):
    """Four complaints of March in TJ: one contacted in time, one late, two not at all. Returns them."""
    made = [record("complaint", actor(who, "2025-03-03 10:00")) for who in ("alice", "alice", "amy", "dave")]
    for complaint, at in zip(made, ("2025-03-03 11:00", "2025-03-05 11:00"), strict=False):
        step = records.transition(actor("alice", at), complaint, "accept")
        records.transition(actor("alice", at), step, "contact_customer", {"details": "x", "class": "simple"})
    work("2025-03-31 18:00")
    return made


def figures(name="attainment_rate", period="2025-03"):
    return {(r.by, r.group): (r.numerator, r.denominator) for r in frozen(branch("TJ"), period) if r.measure == name}


def live(at, by=None):
    refresh()
    rows = measured(console(local(at)), branch("TJ"), "2025-03", "attainment_rate", by)
    return {row["group"]: (row["numerator"], row["denominator"]) for row in rows}


def test_a_closed_month_holds_the_whole_its_departments_and_its_people(march):
    assert close_period(console(local(CLOSED)), branch("TJ"), "2025-03") == FrozenMeasure.select().count()
    whole = live(CLOSED)
    assert figures() == {
        ("", ""): whole[None],
        **{("department", g): pair for g, pair in live(CLOSED, "department").items() if g},
        **{("person", g): pair for g, pair in live(CLOSED, "person").items() if g},
    }
    assert whole[None] == (1, 8) and set(figures()) == {("", ""), ("department", "KF"), ("department", "LP"),
                                                        ("person", "alice"), ("person", "amy"), ("person", "dave")}  # fmt: skip


def test_what_comes_late_is_a_dated_correction_beside_it(march, actor):
    close_period(console(local(CLOSED)), branch("TJ"), "2025-03")
    before = figures()
    step = records.transition(actor("bob", "2025-04-02 10:00"), march[2], "accept", {"accepted_at": "2025-03-04 09:30"})
    values = {"details": "x", "class": "simple", "first_contact_at": "2025-03-04 10:00"}
    records.transition(actor("bob", "2025-04-02 10:00"), step, "contact_customer", values, reason="补录")
    assert figures() == before != live("2025-04-02 10:01")
    assert close_period(console(local("2025-04-02 10:05")), branch("TJ"), "2025-03") > 0
    assert figures()["", ""] == live("2025-04-02 10:06")[None] == (2, 8)
    rows = [r for r in history(branch("TJ"), "2025-03") if (r.measure, r.by) == ("attainment_rate", "")]
    assert [((r.numerator, r.denominator), r.closed_at) for r in rows] == [
        (before["", ""], local(CLOSED)),
        ((2, 8), local("2025-04-02 10:05")),
    ]
    verbs = [e.verb for e in AuditEntry.select().where(AuditEntry.record == "frozen_measure").order_by(AuditEntry.id)]
    assert verbs == ["close_period", "correct_period"] and verify() == []


def test_closing_again_writes_nothing_where_nothing_differs(march):
    close_period(console(local(CLOSED)), branch("TJ"), "2025-03")
    count = FrozenMeasure.select().count()
    assert close_period(console(local("2025-04-05 09:00")), branch("TJ"), "2025-03") == 0
    assert FrozenMeasure.select().count() == count


def test_the_trail_seals_every_frozen_figure(march):
    close_period(console(local(CLOSED)), branch("TJ"), "2025-03")
    entry = AuditEntry.get(AuditEntry.verb == "close_period")
    kept = {(r.measure, r.by, r.group): (r.numerator, r.denominator) for r in history(branch("TJ"), "2025-03")}
    assert entry.changes["sha256"] == [None, closings.digest(kept)] and entry.changes["rows"] == [None, len(kept)]
    assert entry.changes["attainment_rate 2025-03"] == [None, [1, 8]]
    with pytest.raises(WriteOutside):
        FrozenMeasure.update(numerator=8).execute()


def test_a_month_that_is_not_over_and_a_person_who_may_not(march, actor):
    with pytest.raises(Refused, match="尚未结束"):
        close_period(console(local("2025-03-31 23:59")), branch("TJ"), "2025-03")
    with pytest.raises(Denied):
        close_period(actor("alice", CLOSED), branch("TJ"), "2025-03")
    with pytest.raises(Refused, match="period"):
        close_period(console(local(CLOSED)), branch("TJ"), "March")


def test_the_worker_closes_the_month_of_every_branch_on_the_first_business_day(settings, march):
    worker = Worker(settings)
    worker.round(local("2025-03-31 23:59"))
    assert not JobRun.select().where(JobRun.job == "core.close_month", JobRun.slot == "2025-03").exists()
    worker.round(local("2025-04-01 00:00:10"))
    runs = JobRun.select().where(JobRun.job == "core.close_month", JobRun.slot == "2025-03", JobRun.state == "done")
    assert {run.branch_id for run in runs} == {branch(code).id for code in ("HQ", "TJ", "BJ", "GZ")}
    assert figures()["", ""] == (1, 8)
    assert next(run for run in runs if run.branch_id == branch("TJ").id).result == {
        "rows": len(frozen(branch("TJ"), "2025-03"))
    }
    Worker(settings).round(local("2025-04-01 09:00"))
    assert len(list(history(branch("TJ"), "2025-03"))) == len(frozen(branch("TJ"), "2025-03"))


def test_months_that_nobody_closed_are_each_closed_afterwards(settings, march):
    Worker(settings).round(local("2025-03-04 09:00"))
    Worker(settings).round(local("2025-06-10 09:00"))
    periods = {row.period for row in FrozenMeasure.select().where(FrozenMeasure.branch == branch("TJ"))}
    assert periods == {"2025-02", "2025-03", "2025-04", "2025-05"}


def test_departments_of_several_branches_that_share_a_code_count_as_one(march, record, actor):
    record("complaint", actor("frank", "2025-03-03 10:00"), code="BJ")
    switches.switch(console(local("2025-03-04 10:00")), "timeliness", branch("HQ"), "on", reason="集团")
    work("2025-03-31 18:00")
    rows = measured(console(local(CLOSED)), branch("HQ"), "2025-03", "attainment_rate", "department")
    pairs = {row["group"]: (row["numerator"], row["denominator"]) for row in rows}
    assert pairs[None] == (1, 10) == tuple(map(sum, zip(pairs["KF"], pairs["LP"], strict=True)))
