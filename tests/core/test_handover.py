"""Leaving: open work goes to a successor with its clocks, and whoever left acts nowhere."""

import pytest

from core import accounts, handover
from core.access import Actor, grant
from core.audit import AuditEntry
from core.clocks import Clock
from core.errors import Denied, Refused
from core.notices import Notice
from core.people import ApiToken, Session, add_person, begin_session, make_token, person_by_login
from core.screens import mine
from core.settings import Settings
from core.testing import branch, clock, console, department_of, work
from plugins.cases.models import Complaint

NOON = "2025-03-03 12:00"


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")


def test_open_work_counts_what_is_not_finished_by_type_and_branch(actor, record, complaint):
    record("complaint", actor("amy", NOON))
    counts = handover.counts(person_by_login("alice"), actor("admin", NOON).now)
    assert counts == {("complaint", branch("TJ").id): 1}


def test_nobody_leaves_open_work_behind(actor, complaint):
    alice = person_by_login("alice")
    with pytest.raises(Refused) as refused:
        handover.deactivate(actor("admin", NOON), alice, None, "离职")
    assert [fault.field for fault in refused.value.faults] == ["successor"]
    assert person_by_login("alice").is_active


def test_running_clocks_follow_and_their_due_moments_stay(actor, complaint):
    before = {c.id: c.due_at for c in Clock.select()}
    moved = handover.deactivate(actor("admin", NOON), person_by_login("alice"), person_by_login("amy"), "离职")
    assert moved == 1
    assert Complaint.get().owner.login == "amy"
    assert {c.owner_id for c in Clock.select()} == {person_by_login("amy").id}
    assert {c.id: c.due_at for c in Clock.select()} == before
    work("2025-03-04 17:30:01")
    assert "amy" in {n.person.login for n in Notice.select().where(Notice.tone == "red")}


def test_each_record_handed_over_stands_in_the_trail_under_the_name_of_who_decided(actor, complaint):
    handover.deactivate(actor("admin", NOON), person_by_login("alice"), person_by_login("amy"), "离职")
    told = {(e.verb, e.record): (e.actor, e.person_id, e.reason) for e in AuditEntry.select()}
    admin = ("admin", person_by_login("admin").id, "离职")
    assert told["hand_over", "complaint"] == admin
    assert told["deactivate", "person"] == admin


def test_more_records_than_one_chunk_are_handed_over_whole(actor, record, monkeypatch):
    monkeypatch.setattr(handover, "CHUNK", 2)
    for _ in range(5):
        record("complaint", actor("alice", "2025-03-03 10:00"))
    alice = person_by_login("alice")
    assert handover.deactivate(actor("admin", NOON), alice, person_by_login("amy"), "离职") == 5
    assert handover.counts(alice, actor("admin", NOON).now) == {}


def test_whoever_is_deactivated_acts_nowhere_and_keeps_the_grants_on_file(actor):
    alice, now = person_by_login("alice"), actor("admin", NOON).now
    begin_session(alice, now)
    make_token(console(now), alice)
    handover.deactivate(actor("admin", NOON), alice, None, "离职")
    assert Session.select().where(Session.ended_at.is_null()).count() == 0
    assert ApiToken.select().where(ApiToken.ended_at.is_null()).count() == 0
    assert Actor(person_by_login("alice"), "web", now).grants == []
    handover.reactivate(actor("admin", NOON), person_by_login("alice"), "返聘")
    assert [role.name for role, _, _ in Actor(person_by_login("alice"), "web", now).grants] == ["staff"]


@pytest.mark.parametrize(
    "successor, said",
    [
        pytest.param("alice", "本人", id="not to oneself"),
        pytest.param("frank", "无权查看", id="not to somebody who may not see it"),
        pytest.param("dave", "已停用", id="not to somebody who has left"),
    ],
)
def test_work_goes_only_to_somebody_who_can_do_it(actor, complaint, successor, said):
    if successor == "dave":
        handover.deactivate(actor("admin", NOON), person_by_login("dave"), None, "离职")
    with pytest.raises(Refused, match=said):
        handover.deactivate(actor("admin", NOON), person_by_login("alice"), person_by_login(successor), "离职")


def test_one_piece_of_work_is_reassigned_and_the_rest_stays(actor, record, complaint):
    other = record("complaint", actor("alice", "2025-03-03 10:00"))
    alice, amy = person_by_login("alice"), person_by_login("amy")
    assert handover.reassign(actor("admin", NOON), alice, amy, "请假", [complaint]) == 1
    assert {c.id: c.owner.login for c in Complaint.select()} == {complaint.id: "amy", other.id: "alice"}


def test_an_overdue_clock_counts_for_whom_it_was_when_it_fell_due(actor, complaint):
    work("2025-03-04 17:30:01")
    handover.deactivate(actor("admin", "2025-03-05 09:30"), person_by_login("alice"), person_by_login("amy"), "离职")
    assert clock(complaint, "T3.2.3a").owner_id == person_by_login("alice").id
    assert clock(complaint, "T3.2.3c").owner_id == person_by_login("amy").id


def tj_admin():
    person = add_person(console(), "tim", "天津管理员", branch("TJ"))
    grant(console(), person, "system_admin", branch("TJ"))
    return person


@pytest.mark.parametrize(
    "who, whom, may",
    [
        pytest.param("admin", "alice", True, id="a system administrator, somebody without administration"),
        pytest.param("admin", "auditor", False, id="no system administrator takes an administrator in hand"),
        pytest.param("security", "auditor", True, id="the security administrator does"),
        pytest.param("tim", "amy", True, id="the administrator of a branch, its people"),
        pytest.param("tim", "frank", False, id="but not people of another branch"),
        pytest.param("tim", "carol", False, id="nor people who hold a role elsewhere too"),
        pytest.param("alice", "amy", False, id="nor does staff anybody"),
    ],
)
def test_accounts_are_taken_in_hand_only_by_who_may(actor, who, whom, may):
    tj_admin()
    grant(console(), person_by_login("carol"), "management", branch("BJ"))
    by = actor(who, NOON)
    if may:
        assert accounts.issue_link(by, person_by_login(whom), Settings())
    else:
        with pytest.raises(Denied):
            accounts.issue_link(by, person_by_login(whom), Settings())
        with pytest.raises(Denied):
            handover.deactivate(by, person_by_login(whom), None, "x")


def test_work_in_another_branch_is_handed_over_by_who_administers_that_branch(actor, record, complaint):
    tj_admin()
    grant(console(), person_by_login("alice"), "staff", branch("BJ"))
    record("complaint", actor("alice", NOON), code="BJ")
    with pytest.raises(Denied):
        handover.reassign(actor("tim", NOON), person_by_login("alice"), person_by_login("amy"), "请假")


def test_a_role_for_a_department_is_granted_where_the_department_lies(actor):
    with pytest.raises(Refused):
        grant(
            actor("admin", NOON), person_by_login("alice"), "department_head", branch("TJ"), department_of("BJ", "KF")
        )


def test_what_was_late_already_stands_on_the_desk_of_who_took_it_over(actor, complaint):
    work("2025-03-04 17:30:01")
    handover.deactivate(actor("admin", "2025-03-05 09:30"), person_by_login("alice"), person_by_login("amy"), "离职")
    owed = mine.owed(actor("amy", "2025-03-05 10:00"))
    assert [(row.record.id, row.state) for row in owed] == [(complaint.id, "red"), (complaint.id, "running")]
