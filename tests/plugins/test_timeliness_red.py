"""T4.2.2: past its limit work gives a red warning; the head analyses, takes measures and reports in writing."""

import pytest

from core import records
from core.audit import AuditEntry
from core.clocks import Clock
from core.errors import Denied, Refused
from core.findings import Finding
from core.notices import Notice
from core.testing import clock, local, work
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationMeasure, RectificationReport, Warning

RECEIVED = "2025-02-27 10:00"  # Thursday: the contact is due on Friday 2025-02-28 at 17:30
RED = "2025-03-03 11:00"  # Monday: the first sweep after that


@pytest.fixture
def red(record, actor):
    """A red warning of customer service, issued on Monday 2025-03-03 at 11:00, with its report."""
    record("complaint", actor("alice", RECEIVED))
    work(RED)
    return Warning.get()


@pytest.fixture
def report(red):
    return red.rectification


@pytest.fixture
def measure(report, actor):
    """measure(**values): bob adds a measure to the report."""

    def measure(**values):
        given = {"report": report.id, "measure": "增加坐席", "owner": "amy", "due_on": "2025-03-10", **values}
        return records.create(actor("bob", "2025-03-04 10:00"), RectificationMeasure, given, branch=report.branch_id)

    return measure


@pytest.fixture
def submitted(report, step, measure):
    measure()
    step(report, "record_cause", by="bob", at="2025-03-04 10:00", cause="人手不足")
    return step(report, "submit", by="bob", at="2025-03-05 17:30")


def told(**where):
    rows = Notice.select().where(*[getattr(Notice, name) == value for name, value in where.items()])
    return sorted(notice.person.login for notice in rows)


@pytest.mark.clause("T4.2.2a")
def test_a_red_warning_is_issued_once_from_the_first_second_past_the_limit(record, actor):
    record("complaint", actor("alice", "2025-03-03 10:00"))
    issued = []
    for moment in ("2025-03-04 17:30:00", "2025-03-04 17:30:01", "2025-03-04 17:30:02"):
        work(moment)
        issued.append(Warning.select().where(Warning.colour == "red").count())
    assert issued == [0, 1, 1]


@pytest.mark.clause("T4.2.2a")
def test_what_is_done_late_keeps_its_red(red, step):
    complaint = step(Complaint.get(), "accept", at="2025-03-03 12:00")
    step(complaint, "contact_customer", at="2025-03-03 12:00")
    work("2025-03-03 12:01")
    assert (Finding.get_by_id(red.finding_id).state, Warning.get_by_id(red.id).state) == ("closed", "rectifying")


@pytest.mark.clause("T4.2.2a")
def test_what_was_done_late_before_the_sweep_came_gets_its_red_all_the_same(record, actor, step):
    complaint = step(record("complaint", actor("alice", RECEIVED)), "accept", at="2025-02-28 09:00")
    step(complaint, "contact_customer", at="2025-02-28 18:00")
    work("2025-02-28 18:00:05")
    assert [(w.colour, w.state) for w in Warning.select()] == [("red", "rectifying")]
    assert Finding.get().state == "closed"


@pytest.mark.clause("T4.2.2b")
def test_the_owner_the_heads_and_management_are_told(red):
    assert told(tone="red") == ["alice", "bob", "carol"]


@pytest.mark.clause("T4.2.2b")
def test_the_heads_of_other_departments_involved_are_told_too(record, actor):
    record("complaint", actor("alice", RECEIVED), about_department="LP")
    work(RED)
    assert told(tone="red") == ["alice", "bob", "carol", "erin"]


@pytest.mark.clause("T4.2.2c")
def test_the_head_gets_a_report_to_write(record, actor):
    record("complaint", actor("alice", RECEIVED))
    work(RED)
    [report] = RectificationReport.select()
    assert (report.owner.login, report.department.code, report.state) == ("bob", "KF", "open")
    assert report.happened_at == local(RED)


@pytest.mark.clause("T4.2.2c")
def test_an_analysis_that_is_not_begun_by_tuesday_evening_is_red(report):
    assert clock(report, "T4.2.2c").due_at == local("2025-03-04 17:30")
    work("2025-03-04 17:30")
    assert clock(report, "T4.2.2c").state == "running"
    work("2025-03-04 17:30:01")
    assert clock(report, "T4.2.2c").state == "red"
    assert told(record="rectification_report", tone="red") == ["bob", "carol"]


@pytest.mark.clause("T4.2.2c")
def test_the_cause_is_what_begins_the_analysis(report, step):
    with pytest.raises(Refused) as refused:
        step(report, "record_cause", by="bob", at="2025-03-04 10:00")
    assert [fault.field for fault in refused.value.faults] == ["cause"]
    analysed = step(report, "record_cause", by="bob", at="2025-03-04 17:30", cause="人手不足")
    assert (analysed.cause, clock(analysed, "T4.2.2c").state) == ("人手不足", "met")


@pytest.mark.clause("T4.2.2d")
@pytest.mark.parametrize("left_out", ["measure", "due_on"])
def test_a_measure_says_what_is_done_and_until_when(measure, left_out):
    with pytest.raises(Refused) as refused:
        measure(**{left_out: ""})
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [(left_out, "required")]
    measure()
    kept = RectificationMeasure.get()
    assert (kept.measure, kept.owner.login, kept.due_on.isoformat()) == ("增加坐席", "amy", "2025-03-10")


@pytest.mark.clause("T4.2.2d")
def test_a_report_without_a_measure_cannot_be_submitted(report, step, measure):
    step(report, "record_cause", by="bob", at="2025-03-04 10:00", cause="人手不足")
    with pytest.raises(Refused, match="至少要有一项整改措施"):
        step(report, "submit", by="bob", at="2025-03-04 11:00")
    measure()
    assert step(report, "submit", by="bob", at="2025-03-04 11:00").state == "submitted"


@pytest.mark.clause("T4.2.2e")
def test_a_report_closes_when_its_measures_are_done_and_the_late_work_is_finished(submitted, step):
    report = step(submitted, "accept", by="carol", at="2025-03-06 09:00")
    close = {"event": "all_measures_done", "by": "bob"}
    with pytest.raises(Refused, match="1 项措施未完成、1 件超时业务"):
        step(report, **close, at="2025-03-07 09:00")
    step(RectificationMeasure.get(), "finish", by="amy", at="2025-03-07 10:00", result="已增加两人")
    with pytest.raises(Refused, match="0 项措施未完成、1 件超时业务"):
        step(report, **close, at="2025-03-07 11:00")
    complaint = step(Complaint.get(), "accept", at="2025-03-07 12:00")
    step(complaint, "contact_customer", at="2025-03-07 12:00")
    report = step(report, **close, at="2025-03-07 13:00")
    work("2025-03-07 13:01")
    assert (report.state, report.closed_at) == ("closed", local("2025-03-07 13:00"))
    assert Warning.get(Warning.colour == "red").state == "closed"


@pytest.mark.clause("T4.2.2e")
def test_a_measure_past_its_date_is_told_to_management(measure, step):
    late = measure()
    work("2025-03-10 17:30")
    assert RectificationMeasure.get().state == "open"
    work("2025-03-10 17:30:01")
    assert RectificationMeasure.get().state == "overdue" and clock(late, "T4.2.2e").state == "red"
    assert told(record="rectification_measure", tone="red") == ["amy", "bob", "carol"]
    done = step(RectificationMeasure.get(), "finish", by="amy", at="2025-03-11 10:00", result="已增加两人")
    assert (done.state, clock(done, "T4.2.2e").state) == ("done", "late")


@pytest.mark.clause("T4.2.2e")
def test_a_measure_done_on_its_day_is_in_time_whatever_the_hour(measure, step):
    done = step(measure(), "finish", by="amy", at="2025-03-10 18:30", result="已增加两人")
    assert (done.done_on.isoformat(), clock(done, "T4.2.2e").state) == ("2025-03-10", "met")


@pytest.mark.parametrize(
    "done_on, by, code",
    [
        pytest.param("2025-03-13", "bob", "future", id="not in the future"),
        pytest.param("2025-03-10", "amy", "back-dated", id="not two business days back, but by the head"),
        pytest.param("2025-03-03", "bob", "order", id="not before it was agreed on"),
    ],
)
def test_the_day_on_which_a_measure_was_done_is_a_stamp_like_any_other(measure, step, done_on, by, code):
    with pytest.raises(Refused) as refused:
        step(measure(), "finish", by=by, at="2025-03-12 10:00", done_on=done_on, result="已增加两人", reason="补录")
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("done_on", code)]


@pytest.mark.clause("T4.2.2f")
def test_the_written_report_is_due_within_2_business_days_and_submitting_it_stops_the_clock(report, step, measure):
    measure()
    step(report, "record_cause", by="bob", at="2025-03-04 10:00", cause="人手不足")
    due = clock(report, "T4.2.2f")
    assert (due.due_at, due.state) == (local("2025-03-05 17:30"), "running")
    step(report, "submit", by="bob", at="2025-03-05 17:30")
    assert clock(report, "T4.2.2f").state == "met"
    work("2025-03-05 17:31")
    assert told(record="rectification_report", tone="") == ["carol"], "management is told that it is there"


@pytest.mark.clause("T4.2.2f")
def test_management_accepts_the_report_or_sends_it_back_with_a_reason(submitted, step):
    with pytest.raises(Denied, match="管理层"):
        step(submitted, "accept", by="bob", at="2025-03-06 09:00")
    with pytest.raises(Refused) as refused:
        step(submitted, "send_back", by="carol", at="2025-03-06 09:00")
    assert [fault.field for fault in refused.value.faults] == ["decision"]
    back = step(submitted, "send_back", by="carol", at="2025-03-06 09:00", decision="措施不够具体")
    assert (back.state, back.decided_by.login, back.decision) == ("returned", "carol", "措施不够具体")
    again = step(back, "resubmit", by="bob", at="2025-03-07 09:00")
    accepted = step(again, "accept", by="carol", at="2025-03-07 10:00")
    assert (accepted.state, accepted.edition) == ("accepted", 2)


@pytest.mark.clause("T4.2.2f")
def test_sent_back_it_keeps_its_submission_time(submitted, step):
    back = step(submitted, "send_back", by="carol", at="2025-03-06 09:00", decision="措施不够具体")
    again = step(back, "resubmit", by="bob", at="2025-03-07 09:00")
    assert again.submitted_at == local("2025-03-05 17:30") and clock(again, "T4.2.2f").state == "met"


def test_the_head_does_not_change_what_management_decided(submitted, step, actor):
    back = step(submitted, "send_back", by="carol", at="2025-03-06 09:00", decision="措施不够具体")
    with pytest.raises(Refused) as refused:
        records.change(actor("bob", "2025-03-06 10:00"), back, {"decision": "很好"})
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("decision", "signed")]


def test_one_report_answers_for_several_reds_of_a_department(red, record, actor):
    record("complaint", actor("alice", "2025-02-28 09:00"))
    record("complaint", actor("dave", "2025-02-28 09:00"))
    work("2025-03-04 09:00")
    assert sorted(w.department.code for w in Warning.select().where(Warning.colour == "red")) == ["KF", "KF", "LP"]
    assert sorted(report.department.code for report in RectificationReport.select()) == ["KF", "LP"]


@pytest.fixture
def withdrawn(red, step):
    """The contact of Friday 17:00 is entered on Monday 2025-03-03 at 15:00, when the red had been given already."""
    complaint = step(Complaint.get(), "accept", at="2025-03-03 14:00", accepted_at="2025-02-28 16:00")
    with pytest.raises(Refused) as refused:
        step(complaint, "contact_customer", at="2025-03-03 15:00", first_contact_at="2025-02-28 17:00")
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("reason", "required")]
    complaint = step(
        complaint, "contact_customer", at="2025-03-03 15:00", first_contact_at="2025-02-28 17:00", reason="系统停机"
    )
    work("2025-03-03 15:01")
    return complaint


def test_done_in_time_but_recorded_late_is_in_time_and_marked(withdrawn):
    met = clock(withdrawn, "T3.2.3a")
    assert (met.state, met.is_recorded_late) == ("met", True)
    assert AuditEntry.get(AuditEntry.verb == "contact_customer").reason == "系统停机"


def test_the_red_that_proved_wrong_is_withdrawn_and_stays_on_file(red, withdrawn):
    finding = Finding.get_by_id(red.finding_id)
    assert (finding.state, finding.reason) == ("withdrawn", "系统停机")
    assert Warning.get_by_id(red.id).state == "closed"


def test_a_report_owed_for_nothing_but_a_red_that_proved_wrong_is_owed_no_longer(red, withdrawn):
    assert RectificationReport.get().state == "withdrawn"
    states = {c.state for c in Clock.select().where(Clock.record == "rectification_report")}
    assert states == {"cancelled"}


def test_a_red_that_was_given_after_late_work_is_withdrawn_by_a_correction(red, step, actor):
    complaint = step(Complaint.get(), "accept", at="2025-03-03 11:30", accepted_at="2025-02-28 16:00")
    complaint = step(complaint, "contact_customer", at="2025-03-03 12:00")
    assert Finding.get_by_id(red.finding_id).state == "closed"
    right = {"first_contact_at": "2025-02-28 17:00"}
    records.change(actor("bob", "2025-03-04 09:00"), complaint, right, reason="通话记录为准")
    assert (Finding.get_by_id(red.finding_id).state, clock(complaint, "T3.2.3a").state) == ("withdrawn", "met")
    complaint = Complaint.get()
    records.change(actor("bob", "2025-03-04 09:30"), complaint, {"first_contact_at": "2025-03-03 12:00"}, reason="再核")
    work("2025-03-04 09:31")
    assert [(f.episode, f.state) for f in Finding.select().where(Finding.source.endswith("contact"))] == [
        (1, "withdrawn"),
        (2, "closed"),
    ]


def test_a_later_receipt_withdraws_the_red_and_warns_anew_in_its_time(red, actor):
    complaint = Complaint.get()
    records.change(actor("bob", "2025-03-03 12:00"), complaint, {"happened_at": "2025-03-03 10:00"}, reason="登记有误")
    assert Finding.get_by_id(red.finding_id).state == "withdrawn"
    assert clock(complaint, "T3.2.3a").state == "running"
    work("2025-03-04 17:30:01")
    assert Warning.select().where(Warning.colour == "red").count() == 2
