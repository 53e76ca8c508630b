"""T3.2.3, T4.2: a complaint from the switch to the accepted rectification report."""

import pytest

from core import records
from core.notices import Notice
from core.testing import clock, work
from plugins.timeliness.models import RectificationMeasure, RectificationReport, Warning


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")


@pytest.mark.clause("T3.2.3a")
def test_the_customer_is_contacted_within_1_business_day(record, actor, complaint):
    assert clock(complaint, "T3.2.3a").due_at == actor("alice", "2025-03-04 17:30").now
    saturday = record("complaint", actor("alice", "2025-03-08 10:00"))
    assert clock(saturday, "T3.2.3a").due_at == actor("alice", "2025-03-10 17:30").now


def test_a_red_warning_is_answered_by_an_accepted_report(actor, complaint):
    assert work("2025-03-04 17:30") == {"yellow": 1, "red": 0}
    assert work("2025-03-04 17:30:01") == {"yellow": 0, "red": 1}
    red = Warning.get(Warning.colour == "red")
    assert {n.person.login for n in Notice.select().where(Notice.tone == "red")} == {"alice", "bob", "carol"}
    report = RectificationReport.get()
    bob = actor("bob", "2025-03-05 09:30")
    report = records.transition(bob, report, "record_cause", {"cause": "人手不足"})
    records.create(
        bob,
        RectificationMeasure,
        {"report": report.id, "measure": "增加坐席", "owner": "amy", "due_on": "2025-03-10"},
        branch=report.branch_id,
    )
    report = records.transition(bob, report, "submit")
    carol = actor("carol", "2025-03-05 10:00")
    report = records.transition(carol, report, "accept")
    assert (report.state, report.decided_by.login) == ("accepted", "carol")
    assert clock(report, "T4.2.2f").state == "met"
    assert red.state == "rectifying"
