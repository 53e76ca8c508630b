"""Judged by when it happened: stamps lie neither in the future nor before the beginning, and corrections keep what was."""

import pytest

from core import records
from core.audit import AuditEntry
from core.errors import Refused
from core.records.visibility import as_json
from core.testing import clock, local
from plugins.cases.models import Complaint

MONDAY = "2025-03-03 10:00"  # the business day before is Friday 2025-02-28


def faults(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return {fault.field: fault.code for fault in refused.value.faults}


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", MONDAY))


@pytest.fixture
def accepted(complaint, actor):
    return records.transition(actor("alice", "2025-03-03 11:00"), complaint, "accept")


CONTACT = {"details": "详情", "class": "simple"}


@pytest.mark.parametrize(
    "by, at, happened_at, code",
    [
        pytest.param("alice", MONDAY, "2025-03-03 09:00", None, id="an hour ago"),
        pytest.param("alice", MONDAY, "2025-02-28 08:00", None, id="on the business day before, over the weekend"),
        pytest.param("alice", MONDAY, "2025-02-27 17:00", "back-dated", id="two business days ago"),
        pytest.param("bob", MONDAY, "2025-02-27 17:00", None, id="two business days ago, by the head"),
        pytest.param("bob", MONDAY, "2025-03-03 10:02", "future", id="in the future, even by the head"),
        pytest.param("alice", MONDAY, "2025-03-04", "future", id="tomorrow"),
        pytest.param("alice", MONDAY, "2025-03-03", None, id="today, the hour not known"),
        pytest.param("alice", MONDAY, "2025-02-28", None, id="the business day before, the hour not known"),
        pytest.param("alice", MONDAY, "2025-02-27", "back-dated", id="two business days ago, the hour not known"),
        pytest.param("alice", "2025-02-05 09:00", "2025-01-27 09:00", None, id="over the Spring Festival"),
        pytest.param("alice", MONDAY, "2025-03-03T02:30:00+00:00", "future", id="with an offset: half an hour ahead"),
        pytest.param("alice", MONDAY, "2025-03-03T01:30:00+00:00", None, id="with an offset: half an hour ago"),
        pytest.param("alice", MONDAY, "yesterday", "invalid", id="what is no moment"),
        pytest.param("alice", MONDAY, "0001-01-01 00:00", "invalid", id="a year beyond all calendars"),
        pytest.param("alice", MONDAY, "9999-12-31", "invalid", id="the last day of all"),
    ],
)
def test_when_it_happened(record, actor, by, at, happened_at, code):
    make = lambda: record("complaint", actor(by, at), happened_at=happened_at)  # noqa: E731
    if code is None:
        make()
    else:
        assert faults(make) == {"happened_at": code}


def test_the_head_of_another_department_may_not_date_back(record, actor):
    assert faults(record, "complaint", actor("erin", MONDAY), happened_at="2025-02-20", department="KF") == {
        "happened_at": "back-dated"
    }
    assert record("complaint", actor("erin", MONDAY), happened_at="2025-02-20", department="LP")


def test_a_step_is_stamped_with_the_present_or_with_when_it_happened(complaint, actor):
    accepted = records.transition(actor("alice", "2025-03-03 11:00"), complaint, "accept")
    assert accepted.accepted_at == local("2025-03-03 11:00")
    given = {**CONTACT, "first_contact_at": "2025-03-03 11:30"}
    contacted = records.transition(actor("alice", "2025-03-03 15:00"), accepted, "contact_customer", given)
    assert contacted.first_contact_at == local("2025-03-03 11:30")
    assert contacted.stamps["first_contact_at"] == ["2025-03-03T07:00:00+00:00", 0], (
        "recorded at, and its hour is known"
    )


def test_nothing_happens_before_it_was_received(accepted, actor):
    given = {**CONTACT, "first_contact_at": "2025-03-03 09:59"}
    assert faults(records.transition, actor("alice", "2025-03-03 15:00"), accepted, "contact_customer", given) == {
        "first_contact_at": "order"
    }


def test_a_day_without_an_hour_is_not_before_an_hour_of_the_same_day(accepted, actor):
    given = {**CONTACT, "first_contact_at": "2025-03-03"}
    contacted = records.transition(actor("alice", "2025-03-03 15:00"), accepted, "contact_customer", given)
    assert (
        contacted.is_day_only("first_contact_at")
        and as_json(contacted, actor("alice", MONDAY))["first_contact_at"] == "2025-03-03"
    )


@pytest.mark.parametrize(
    "received, contacted, state",
    [
        pytest.param("2025-03-03", "2025-03-04", "met", id="on the due day, whatever the hour"),
        pytest.param("2025-03-03", "2025-03-05", "late", id="on the day after"),
    ],
)
def test_a_day_without_an_hour_is_in_time_if_it_is_not_after_the_due_day(record, actor, received, contacted, state):
    complaint = record("complaint", actor("bob", "2025-03-06 09:00"), happened_at=received)
    complaint = records.transition(actor("bob", "2025-03-06 09:00"), complaint, "accept", {"accepted_at": received})
    given = {**CONTACT, "first_contact_at": contacted}
    complaint = records.transition(
        actor("bob", "2025-03-06 09:00"), complaint, "contact_customer", given, reason="补录"
    )
    assert clock(complaint, "T3.2.3a").state == state


# ---- corrections


def test_a_correction_needs_a_reason(complaint, actor):
    given = {"happened_at": "2025-03-03 08:30"}
    assert faults(records.change, actor("alice", "2025-03-03 11:00"), complaint, given) == {"reason": "required"}
    assert Complaint.get().happened_at == local(MONDAY)


def test_a_correction_keeps_the_old_value_its_author_and_the_reason_and_moves_the_clocks(complaint, actor):
    assert clock(complaint, "T3.2.3c").due_at == local("2025-03-10 17:30")
    right = {"happened_at": "2025-02-28 16:00"}
    records.change(actor("alice", "2025-03-03 11:00"), complaint, right, reason="电话记录为周五")
    entry = AuditEntry.get(AuditEntry.verb == "correct")
    assert (entry.actor, entry.reason) == ("alice", "电话记录为周五")
    assert entry.changes["happened_at"] == ["2025-03-03T02:00:00+00:00", "2025-02-28T08:00:00+00:00"]
    assert clock(complaint, "T3.2.3c").due_at == local("2025-03-07 17:30")


def test_what_a_step_stamped_is_corrected_and_not_taken_back(accepted, actor):
    alice = actor("alice", "2025-03-03 12:00")
    assert records.change(alice, accepted, {"accepted_at": "2025-03-03 10:30"}, reason="笔误").accepted_at == local(
        "2025-03-03 10:30"
    )
    assert faults(records.change, alice, Complaint.get(), {"accepted_at": ""}, reason="笔误") == {
        "accepted_at": "required"
    }


def test_a_correction_is_bound_by_the_same_rules(accepted, actor):
    alice = actor("alice", "2025-03-12 12:00")
    for wrong, code in (("2025-03-12 12:05", "future"), ("2025-03-03 10:30", "back-dated")):
        assert faults(records.change, alice, accepted, {"accepted_at": wrong}, reason="笔误") == {"accepted_at": code}
    bob = actor("bob", "2025-03-12 12:00")
    assert faults(records.change, bob, accepted, {"happened_at": "2025-03-03 11:30"}, reason="笔误") == {
        "accepted_at": "order"
    }


def test_a_moment_that_is_given_again_as_it_was_is_no_correction(accepted, actor):
    same = {"accepted_at": accepted.accepted_at.isoformat(), "happened_at": MONDAY, "content": "x"}
    changed = records.change(actor("alice", "2025-03-12 12:00"), accepted, same)
    assert changed.stamps == accepted.stamps and AuditEntry.select().where(AuditEntry.verb == "correct").count() == 0


def test_dating_a_step_back_past_its_limit_needs_the_reason_and_the_head(accepted, actor):
    given = {**CONTACT, "first_contact_at": "2025-03-04 10:00"}
    late = "2025-03-06 09:00"
    assert faults(records.transition, actor("alice", late), accepted, "contact_customer", given) == {
        "first_contact_at": "back-dated"
    }
    assert faults(records.transition, actor("bob", late), accepted, "contact_customer", given) == {"reason": "required"}
    done = records.transition(actor("bob", late), accepted, "contact_customer", given, reason="系统故障")
    assert (clock(done, "T3.2.3a").state, clock(done, "T3.2.3a").is_recorded_late) == ("met", True)
