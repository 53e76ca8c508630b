"""Limits: what is shipped, and the stricter ones that branches set, in editions that are never changed."""

from datetime import date

import pytest

from core import limits, records
from core.errors import Denied, NotFound, Refused
from core.limits import LimitEdition, limit_in_force, set_limit
from core.testing import branch, clock, console, local, work

CONTACT = "timeliness.complaint_contact"
NOW = "2025-03-03 10:00"
ROOT = console(local(NOW))


def in_force(code="TJ", day=date(2025, 3, 3), name=CONTACT):
    return limit_in_force(name, branch(code).id, day).span.text


def put(code, text, **more):
    return set_limit(ROOT, CONTACT, branch(code) if code else None, text, **{"reason": "试行", **more})


def faults(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return {fault.field: fault.code for fault in refused.value.faults}


def test_what_is_shipped_binds_everywhere(group):
    assert [in_force(code) for code in ("HQ", "TJ", "GZ")] == ["1 business day"] * 3


@pytest.mark.parametrize(
    "text, laxer",
    [
        ("4 business hours", False),
        ("2 hours", False),
        ("1 business day", False),
        ("2 business days", True),
        ("10 days", True),
        ("3 rings", True),
        ("promised", True),
        ("5th business day of next month", True),
    ],
)
def test_a_branch_may_be_stricter_and_never_laxer(group, text, laxer):
    if laxer:
        assert faults(put, "TJ", text) == {"limit": "laxer"}
        assert in_force() == "1 business day"
    else:
        put("TJ", text)
        assert in_force() == text and in_force("BJ") == "1 business day"


def test_a_branch_may_go_back_to_what_binds_it_from_above(group):
    put("TJ", "2 business hours")
    put("TJ", "1 business day")
    assert in_force() == "1 business day"


def test_head_office_may_set_either(group):
    put("HQ", "3 business days")
    assert [in_force(code) for code in ("HQ", "TJ")] == ["3 business days"] * 2
    put(None, "2 business hours")
    assert in_force() == "2 business hours"


def test_what_becomes_stricter_above_binds_below(group):
    put("TJ", "4 business hours")
    put("HQ", "2 business hours")
    assert [in_force("TJ"), in_force("BJ")] == ["2 business hours", "2 business hours"]
    put("HQ", "1 business day")
    assert in_force("TJ") == "4 business hours"


def test_a_limit_begins_on_its_day(group):
    put("TJ", "4 business hours", from_day=date(2025, 3, 10))
    assert [in_force(day=date(2025, 3, day)) for day in (9, 10)] == ["1 business day", "4 business hours"]


@pytest.mark.parametrize(
    "given, told",
    [
        ({"reason": " "}, {"reason": "required"}),
        ({"from_day": date(2025, 3, 2)}, {"from_day": "invalid"}),
        ({"yellow_percent": 100}, {"yellow_percent": "invalid"}),
        ({"text": "soon"}, {"limit": "invalid"}),
        ({"text": "soon", "reason": "", "yellow_percent": 0}, {"limit": "invalid", "reason": "required", "yellow_percent": "invalid"}),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_told_at_once(group, given, told):
    assert faults(put, "TJ", given.pop("text", "4 business hours"), **given) == told
    assert not LimitEdition.select().exists()


def test_who_may_and_what_there_is(actor):
    with pytest.raises(Denied):
        set_limit(actor("bob", NOW), CONTACT, branch(), "2 hours", reason="x")
    with pytest.raises(NotFound, match="timeliness.complaint_contact"):
        set_limit(ROOT, "timeliness.contact", branch(), "2 hours", reason="x")


def test_a_clock_keeps_the_edition_that_it_was_judged_by(record, actor):
    before = record("complaint", actor("alice", NOW))
    edition = put("TJ", "4 business hours", from_day=date(2025, 3, 4))
    after = record("complaint", actor("alice", "2025-03-04 09:00"))
    assert [(clock(c, "T3.2.3a").due_at, clock(c, "T3.2.3a").edition) for c in (before, after)] == [
        (local("2025-03-04 17:30"), 0),
        (local("2025-03-04 13:00"), edition.id),
    ]


def test_what_is_open_is_worked_out_anew_and_what_is_done_stands(record, actor):
    done = records.transition(actor("alice", NOW), record("complaint", actor("alice", NOW)), "accept")
    given = {"details": "详情", "class": "simple", "first_contact_at": NOW}
    records.transition(actor("alice", "2025-03-03 15:00"), done, "contact_customer", given)
    open_ = record("complaint", actor("alice", NOW))
    set_limit(console(local("2025-03-03 15:00")), CONTACT, branch(), "2 hours", reason="试行")
    assert clock(done, "T3.2.3a").due_at == local("2025-03-04 17:30")
    assert clock(open_, "T3.2.3a").due_at == local("2025-03-03 12:00")
    assert work("2025-03-03 15:01") == {"yellow": 0, "red": 1}


@pytest.mark.parametrize(
    "percent, at", [(50, "2025-03-03 14:00"), (90, "2025-03-03 18:00"), (None, "2025-03-03 17:00")]
)
def test_where_yellow_begins_can_be_set(record, actor, percent, at):
    put(None, "10 hours", yellow_percent=percent)
    assert clock(record("complaint", actor("alice", "2025-03-03 09:00")), "T3.2.3a").yellow_at == local(at)


def test_every_limit_of_a_branch_is_listed(group):
    put("TJ", "4 business hours")
    listed = {limit.name: limit.span.text for limit in limits.all_limits(branch().id, date(2025, 3, 3))}
    assert listed["complaint_contact"] == "4 business hours" and listed["complaint_complex"] == "10 business days"
