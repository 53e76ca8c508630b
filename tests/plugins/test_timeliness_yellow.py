"""T4.2.1: near its limit work gives one yellow warning; its owner looks for the cause, speeds up and reports."""

import pytest

from core import limits
from core.clocks import Clock
from core.errors import Denied, Refused
from core.findings import Finding
from core.notices import Notice
from core.testing import clock, console, local, work
from plugins.cases.models import Complaint
from plugins.timeliness.models import Warning

NINE = "2025-03-03 09:00"  # Monday; 10 hours from here end at 19:00, and 80 % of them at 17:00


@pytest.fixture
def ten_hours(group):
    limits.set_limit(console(), "timeliness.complaint_contact", None, "10 hours", reason="测试")


@pytest.fixture
def warned(record, actor, step):
    """warned(login): a yellow warning, issued to them on Monday 2025-03-03 at 11:00: the result is due at 17:30."""

    def warned(login):
        complaint = step(record("complaint", actor(login, "2025-02-24 10:00")), "accept", login, "2025-02-24 11:00")
        complaint = step(complaint, "contact_customer", login, "2025-02-24 11:00")
        step(complaint, "classify_and_investigate", login, "2025-02-24 11:00")
        work("2025-03-03 11:00")
        return Warning.get()

    return warned


@pytest.fixture
def warning(warned):
    return warned("alice")


def told(tone, login=None):
    return [n for n in Notice.select().where(Notice.tone == tone) if login in (None, n.person.login)]


@pytest.mark.clause("T4.2.1a")
@pytest.mark.parametrize(
    "at, warnings",
    [
        pytest.param(["2025-03-03 16:59"], 0, id="7:59 after the start there is none"),
        pytest.param(["2025-03-03 17:00"], 1, id="8:00 after it there is one"),
        pytest.param(["2025-03-03 17:00", "2025-03-03 17:30"], 1, id="8:30 after it there is still one"),
    ],
)
def test_a_yellow_warning_is_given_once_at_80_percent_of_the_limit(ten_hours, record, actor, at, warnings):
    record("complaint", actor("alice", NINE))
    for moment in at:
        work(moment)
    assert [(w.colour, w.owner.login, w.clock.clause) for w in Warning.select()] == [
        ("yellow", "alice", "T3.2.3a")
    ] * warnings
    assert [n.person.login for n in told("yellow")] == ["alice"] * warnings


@pytest.mark.clause("T4.2.1a")
def test_work_done_before_gives_no_warning(ten_hours, record, actor, step):
    complaint = step(record("complaint", actor("alice", NINE)), "accept", at="2025-03-03 15:00")
    step(complaint, "contact_customer", at="2025-03-03 16:00")
    work("2025-03-03 18:30")
    assert not Warning.select().exists() and not told("yellow")
    with_late_contact = step(record("complaint", actor("alice", NINE)), "accept", at="2025-03-03 15:00")
    work("2025-03-03 18:30")
    assert [w.clock.record_id for w in Warning.select()] == [with_late_contact.id]


@pytest.mark.clause("T4.2.1b")
def test_the_owner_says_why(warning, step):
    with pytest.raises(Refused) as refused:
        step(warning, "record_cause_and_measure", at="2025-03-03 14:00", measure="优先处理")
    assert [fault.field for fault in refused.value.faults] == ["cause"]
    done = step(warning, "record_cause_and_measure", at="2025-03-03 14:00", cause="等待资料", measure="优先处理")
    assert (done.state, done.cause) == ("self_checked", "等待资料")


@pytest.mark.clause("T4.2.1c")
def test_the_owner_says_what_speeds_it_up(warning, step):
    with pytest.raises(Refused) as refused:
        step(warning, "record_cause_and_measure", at="2025-03-03 14:00", cause="等待资料")
    assert [fault.field for fault in refused.value.faults] == ["measure"]
    done = step(warning, "record_cause_and_measure", at="2025-03-03 14:00", cause="等待资料", measure="优先处理")
    assert (done.state, done.measure) == ("self_checked", "优先处理")


def test_only_the_owner_answers(warning, step):
    with pytest.raises(Denied, match="责任人"):
        step(warning, "record_cause_and_measure", by="amy", at="2025-03-03 14:00", cause="忙", measure="快")


@pytest.mark.clause("T4.2.1d")
def test_the_report_is_due_within_1_business_day_and_listed_when_it_is_not_there(warning):
    assert clock(warning, "T4.2.1d").due_at == local("2025-03-04 17:30")
    work("2025-03-04 17:30")
    assert not Finding.select().where(Finding.record == "warning").exists()
    work("2025-03-04 17:31")
    unanswered = Finding.get(Finding.record == "warning")
    assert (unanswered.colour, unanswered.record_id, unanswered.state) == ("red", warning.id, "open")
    assert {n.person.login for n in told("red") if n.record == "warning"} == {"alice", "bob", "carol"}
    assert Warning.select().where(Warning.clock.in_(Clock.select().where(Clock.record == "warning"))).count() == 0


@pytest.mark.clause("T4.2.1d")
def test_the_report_goes_to_the_head_who_marks_it_as_seen(warning, step):
    warning = step(warning, "record_cause_and_measure", at="2025-03-03 14:00", cause="等待资料", measure="优先处理")
    with pytest.raises(Refused) as refused:
        step(warning, "report_progress", at="2025-03-04 10:00")
    assert [fault.field for fault in refused.value.faults] == ["progress"]
    warning = step(warning, "report_progress", at="2025-03-04 17:30", progress="已联系客户")
    assert clock(warning, "T4.2.1d").state == "met"
    work("2025-03-04 17:30:05")
    assert [n.text["en"] for n in told("", "bob")] == [f"Report on yellow warning {warning.number}: please read"]
    seen = step(warning, "mark_seen", by="bob", at="2025-03-05 09:00")
    assert (seen.state, seen.seen_by.login, seen.seen_at) == ("seen", "bob", local("2025-03-05 09:00"))


def test_where_the_head_is_the_owner_management_reads_the_report(warned, step):
    warning = warned("bob")
    warning = step(warning, "record_cause_and_measure", by="bob", at="2025-03-03 14:00", cause="忙", measure="快")
    step(warning, "report_progress", by="bob", at="2025-03-03 15:00", progress="已联系")
    work("2025-03-03 15:01")
    assert [n.person.login for n in told("")] == ["carol"]


@pytest.mark.clause("T4.2.1d")
def test_work_done_meanwhile_fills_the_report_in_and_the_owner_confirms_it(warning, step):
    complaint = step(Complaint.get(), "record_findings_and_measure", at="2025-03-03 12:00")
    step(complaint, "tell_result", at="2025-03-03 12:00")
    work("2025-03-03 12:01")
    filled = Warning.get_by_id(warning.id)
    assert (filled.state, filled.progress, clock(filled, "T4.2.1d").state) == ("issued", "业务已完成", "running")
    warning = step(filled, "record_cause_and_measure", at="2025-03-03 14:00", cause="等待资料", measure="优先处理")
    warning = step(warning, "report_progress", at="2025-03-03 15:00")
    warning = step(warning, "mark_seen", by="bob", at="2025-03-03 16:00")
    work("2025-03-03 16:01")
    assert Warning.get_by_id(warning.id).state == "closed"
