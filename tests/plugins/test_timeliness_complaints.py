"""T3.2.3: a complaint is answered by a contact within 1 business day, and by its result within 5 or 10."""

import pytest

from core import records
from core.clocks import Clock
from core.errors import Refused
from core.findings import Finding
from core.testing import clock, local, work
from plugins.cases.models import Complaint

MONDAY = "2025-03-03 10:00"


def reds():
    found = Finding.select().where(Finding.colour == "red", Finding.record == "complaint").order_by(Finding.id)
    return [finding.source.rpartition(".")[2] for finding in found]


@pytest.mark.clause("T3.2.3a")
@pytest.mark.parametrize(
    "received, due",
    [
        pytest.param("2025-03-03 10:00", "2025-03-04 17:30", id="received on Monday, contacted by Tuesday evening"),
        pytest.param("2025-03-08 10:00", "2025-03-10 17:30", id="received on Saturday, contacted by Monday evening"),
        pytest.param("2025-01-25 10:00", "2025-01-26 17:30", id="a Sunday that is made up for counts"),
        pytest.param("2025-01-27 16:00", "2025-02-05 17:30", id="the Spring Festival does not count"),
    ],
)
def test_the_customer_is_contacted_within_1_business_day(record, actor, received, due):
    assert clock(record("complaint", actor("alice", received)), "T3.2.3a").due_at == local(due)


@pytest.mark.clause("T3.2.3a")
@pytest.mark.parametrize(
    "contacted, state",
    [
        pytest.param("2025-03-04 17:30:00", "met", id="exactly at the limit is in time"),
        pytest.param("2025-03-04 17:30:01", "late", id="one second later is late"),
    ],
)
def test_the_contact_stops_the_clock(record, actor, step, contacted, state):
    complaint = step(record("complaint", actor("alice", MONDAY)), "accept")
    complaint = step(complaint, "contact_customer", at=contacted)
    stopped = clock(complaint, "T3.2.3a")
    assert (stopped.state, stopped.stopped_at) == (state, local(contacted))


@pytest.mark.clause("T3.2.3b")
@pytest.mark.parametrize(
    "left_out, faults",
    [
        pytest.param({"details": ""}, ["details"], id="without the details"),
        pytest.param({"class": ""}, ["class"], id="without the class"),
        pytest.param({"details": "", "class": ""}, ["details", "class"], id="without both: both are told at once"),
    ],
)
def test_a_first_contact_without_details_and_class_is_refused(record, actor, step, left_out, faults):
    complaint = step(record("complaint", actor("alice", MONDAY)), "accept")
    with pytest.raises(Refused) as refused:
        step(complaint, "contact_customer", **left_out)
    assert [fault.field for fault in refused.value.faults] == faults
    assert Complaint.get().state == "accepted" and clock(complaint, "T3.2.3a").stopped_at is None


def test_no_edit_stops_the_clock_beside_the_step(record, actor):
    complaint = record("complaint", actor("alice", MONDAY))
    with pytest.raises(Refused, match="步骤") as refused:
        records.change(actor("dave", "2025-03-03 11:00"), complaint, {"first_contact_at": "2025-03-03 10:30"})
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("first_contact_at", "stamped")]
    with pytest.raises(Refused):
        record("complaint", actor("alice", MONDAY), first_contact_at="2025-03-03 09:55")


@pytest.mark.clause("T3.2.3c")
def test_the_result_of_a_simple_complaint_is_told_within_5_business_days(record, actor, step):
    complaint = step(record("complaint", actor("alice", MONDAY)), "accept")
    complaint = step(complaint, "contact_customer", class_="simple")
    assert clock(complaint, "T3.2.3c").due_at == local("2025-03-10 17:30")


@pytest.mark.clause("T3.2.3c")
def test_handled_in_time_but_told_a_day_later_is_late(record, actor, step):
    complaint = step(record("complaint", actor("alice", MONDAY)), "accept")
    complaint = step(complaint, "contact_customer")
    complaint = step(complaint, "classify_and_investigate", at="2025-03-10 09:00")
    complaint = step(complaint, "record_findings_and_measure", at="2025-03-10 16:00")
    assert clock(complaint, "T3.2.3c").stopped_at is None
    complaint = step(complaint, "tell_result", at="2025-03-11 09:00")
    assert clock(complaint, "T3.2.3c").state == "late"


@pytest.mark.clause("T3.2.3d")
def test_the_result_of_a_complex_complaint_is_told_within_10_business_days(record, actor, step):
    complaint = step(record("complaint", actor("alice", MONDAY)), "accept")
    complaint = step(complaint, "contact_customer", class_="complex")
    assert clock(complaint, "T3.2.3d").due_at == local("2025-03-17 17:30")


@pytest.mark.clause("T3.2.3c")
def test_until_the_class_is_known_the_strictest_limit_of_the_family_runs(record, actor, step):
    complaint = record("complaint", actor("alice", MONDAY))
    assert clock(complaint, "T3.2.3c").due_at == local("2025-03-10 17:30")
    complaint = step(complaint, "accept")
    complaint = step(complaint, "contact_customer", class_="complex")
    family = Clock.select().where(Clock.record_id == complaint.id, Clock.stop == "result_told_at")
    assert [(c.clause, c.due_at) for c in family] == [("T3.2.3d", local("2025-03-17 17:30"))]


@pytest.mark.clause("T3.2.3d")
def test_becoming_complex_restarts_nothing_and_a_red_already_given_stands(record, actor, step):
    complaint = step(record("complaint", actor("alice", MONDAY)), "accept")
    complaint = step(complaint, "contact_customer", at="2025-03-04 10:00")
    complaint = step(complaint, "classify_and_investigate", at="2025-03-04 10:00")
    work("2025-03-11 09:00")
    assert reds() == ["complaint_simple"]
    complaint = records.change(actor("alice", "2025-03-11 10:00"), complaint, {"class": "complex"})
    running = clock(complaint, "T3.2.3d")
    assert (running.state, running.started_at, running.due_at) == (
        "running",
        local(MONDAY),
        local("2025-03-17 17:30"),
    )
    complaint = step(complaint, "record_findings_and_measure", at="2025-03-14 10:00")
    complaint = step(complaint, "tell_result", at="2025-03-14 11:00")
    work("2025-03-18 09:00")
    assert reds() == ["complaint_simple"] and clock(complaint, "T3.2.3d").state == "met"
    assert Finding.get(Finding.colour == "red").state == "closed"


@pytest.mark.clause("T3.2.3a")
def test_registered_nine_days_after_it_was_received_it_is_red_at_the_next_sweep(record, actor):
    complaint = record("complaint", actor("bob", "2025-03-12 10:00"), happened_at="2025-03-03 10:00")
    assert work("2025-03-12 10:00:10") == {"yellow": 0, "red": 2}
    assert clock(complaint, "T3.2.3a").state == "red" and sorted(reds()) == ["complaint_contact", "complaint_simple"]


def test_a_further_round_leaves_the_first_result_standing(record, actor, step, told):
    complaint = told(record("complaint", actor("alice", MONDAY)), "2025-03-03 11:00", "2025-03-05 11:00")
    complaint = step(complaint, "follow_up_dissatisfied", at="2025-03-20 09:00")
    assert (complaint.rounds, clock(complaint, "T3.2.3c").state) == (2, "met")


def test_a_voided_complaint_has_no_clocks_and_no_open_findings(record, actor, step):
    complaint = record("complaint", actor("alice", MONDAY))
    work("2025-03-05 09:00")
    complaint = step(complaint, "void", at="2025-03-05 09:30")
    assert {c.state for c in Clock.select().where(Clock.record == "complaint")} == {"cancelled"}
    assert {f.state for f in Finding.select().where(Finding.record == "complaint")} == {"closed"}
    work("2025-03-20 09:00")
    assert reds() == ["complaint_contact"]
