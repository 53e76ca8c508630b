"""Records that are voided, handed over, or lie where their plugin goes off and on again."""

from datetime import date

import pytest

from core import records, switches
from core.audit import AuditEntry
from core.clocks import Clock
from core.database import refresh
from core.errors import Denied, NotFound, Refused, Stale, SwitchedOff
from core.findings import Finding
from core.organisation import change_unit
from core.people import person_by_login
from core.records.visibility import columns, workflow
from core.testing import branch, clock, console, department_of, local, work
from plugins.cases.models import Complaint
from plugins.customers.models import Customer

NOW = "2025-03-03 10:00"


def faults(call, *args, **kwargs):
    """What a refused call told, as {field: code}."""
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return {fault.field: fault.code for fault in refused.value.faults}


@pytest.fixture
def alice(actor):
    return actor("alice", NOW)


@pytest.fixture
def bob(actor):
    return actor("bob", NOW)


@pytest.fixture
def complaint(record, alice):
    return record("complaint", alice, content="理赔太慢")


# ---- void and hand over


def test_a_duplicate_is_voided_with_a_reason_by_its_owner_or_the_head(actor, alice, complaint):
    assert faults(records.transition, alice, complaint, "void") == {"void_as": "required", "void_reason": "required"}
    with pytest.raises(Denied, match="责任人、部门负责人"):
        records.transition(actor("amy", NOW), complaint, "void", {"void_as": "duplicate", "void_reason": "同 00002"})
    gone = records.transition(alice, complaint, "void", {"void_as": "duplicate", "void_reason": "同 00002"})
    assert gone.state == "voided" and {c.state for c in Clock.select()} == {"cancelled"}


def test_another_branch_takes_over_with_the_clock_running_on(actor, bob, complaint):
    due = clock(complaint, "T3.2.3a").due_at
    assert faults(records.hand_over, bob, complaint, branch=branch("BJ")) == {"reason": "required"}
    moved = records.hand_over(
        bob,
        complaint,
        branch=branch("BJ"),
        department=department_of("BJ", "KF"),
        owner=person_by_login("frank"),
        reason="属地",
    )
    running = clock(moved, "T3.2.3a")
    assert (running.due_at, running.state, running.branch_id) == (due, "running", branch("BJ").id)
    assert (moved.number, moved.owner.login) == (complaint.number, "frank")
    assert records.find(actor("frank", NOW), Complaint, complaint.number)
    with pytest.raises(NotFound):
        records.find(actor("alice", NOW), Complaint, complaint.id)
    entry = AuditEntry.get(AuditEntry.verb == "hand_over")
    assert (entry.reason, entry.changes["branch"]) == ("属地", [branch("TJ").id, branch("BJ").id])
    work("2025-03-04 17:30:01")
    assert {f.branch_id for f in Finding.select()} == {branch("BJ").id}


@pytest.mark.parametrize(
    "target, field",
    [
        ({"branch": "BJ", "department": ("TJ", "KF")}, "department"),
        ({"department": ("BJ", "KF")}, "department"),
        ({"owner": "frank"}, "owner"),
        ({"branch": "BJ", "owner": "amy"}, "owner"),
        ({"branch": "BJ"}, None),
    ],
)
def test_it_goes_to_where_it_can_be_worked_on(bob, complaint, target, field):
    given = {"branch": branch(target["branch"])} if "branch" in target else {}
    given |= {"department": department_of(*target["department"])} if "department" in target else {}
    given |= {"owner": person_by_login(target["owner"])} if "owner" in target else {}
    if field is None:
        assert records.hand_over(bob, complaint, **given, reason="属地").owner_id is None
    else:
        assert set(faults(records.hand_over, bob, complaint, **given, reason="属地")) == {field}
        assert Complaint.get().owner.login == "alice"


def test_who_goes_on_with_what_was_handed_to_a_branch_takes_it(actor, bob, complaint):
    moved = records.hand_over(bob, complaint, branch=branch("BJ"), reason="属地")
    taken = records.transition(actor("frank", NOW), moved, "accept")
    assert (taken.owner.login, taken.department_id) == ("frank", department_of("BJ", "KF").id)


def test_who_has_it_before_their_eyes_as_it_was_does_not_fetch_it_back(actor, bob, complaint):
    old = Complaint.get_by_id(complaint.id)
    records.hand_over(bob, complaint, branch=branch("BJ"), reason="属地")
    root = console(local(NOW))
    for act in (
        lambda: records.hand_over(root, old, owner=person_by_login("amy"), reason="休假"),
        lambda: records.change(root, old, {"content": "x"}),
        lambda: records.transition(root, old, "accept"),
    ):
        with pytest.raises(Stale):
            act()
    assert Complaint.get().branch_id == branch("BJ").id


def test_it_does_not_go_where_its_plugin_is_off(bob, complaint):
    with pytest.raises(SwitchedOff):
        records.hand_over(bob, complaint, branch=branch("GZ"), reason="属地")


# ---- off and on again


@pytest.mark.parametrize("code, adds", [("TJ", True), ("GZ", False)])
def test_what_a_regulation_adds_is_there_only_where_it_is_on(group, code, adds):
    where = (Complaint, branch(code).id, local(NOW))
    assert ("timeliness__late_item" in columns(*where)) is adds
    assert workflow(*where).transitions["contact_customer"].requires == (("details", "class") if adds else ())


def test_where_it_is_off_now_nothing_is_changed_any_more(alice, complaint):
    switches.switch(console(local(NOW)), "timeliness", branch(), "off")
    for act in (
        lambda: records.change(alice, complaint, {"content": "x"}),
        lambda: records.transition(alice, complaint, "accept"),
        lambda: records.hand_over(console(local(NOW)), complaint, owner=person_by_login("amy"), reason="休假"),
        lambda: records.create(console(local(NOW)), Complaint, {"owner": "alice"}, branch=branch()),
    ):
        with pytest.raises(SwitchedOff):
            act()


def test_off_and_on_again_nothing_is_lost_and_what_fell_due_is_judged_but_not_warned_of(alice, actor, complaint):
    switches.switch(console(local("2025-03-03 12:00")), "timeliness", branch(), "off", reason="暂停")
    refresh()
    assert list(records.visible_to(actor("alice", "2025-03-03 12:01"), Complaint)) == []
    assert work("2025-03-04 18:00") == {"yellow": 0, "red": 0}
    switches.switch(console(local("2025-03-05 09:00")), "timeliness", branch(), "on", reason="恢复")
    assert work("2025-03-05 09:01") == {"yellow": 0, "red": 0}
    assert records.find(actor("alice", "2025-03-05 09:01"), Complaint, complaint.id).content == "理赔太慢"
    assert (clock(complaint, "T3.2.3a").state, clock(complaint, "T3.2.3c").state) == ("red", "running")
    assert not Finding.select().exists()
    work("2025-03-10 17:30:01")
    assert [f.source for f in Finding.select().where(Finding.colour == "red")] == ["limit:timeliness.complaint_simple"]


def test_the_customer_goes_along_to_the_other_branch(record, actor, bob):
    known = record("customer", actor("alice", NOW), name="赵敏", phone="139 2000 1234", remark="要求书面答复")
    complaint = record("complaint", actor("alice", NOW), customer=known.id)
    moved = records.hand_over(bob, complaint, branch=branch("BJ"), owner=person_by_login("frank"), reason="属地")
    frank = actor("frank", NOW)
    copy = records.find(frank, Customer, moved.customer_id)
    assert (copy.branch_id, copy.name, copy.phone, copy.remark) == (
        branch("BJ").id,
        "赵敏",
        "139 2000 1234",
        "要求书面答复",
    )
    assert copy.number != known.number and records.find(actor("alice", NOW), Customer, known.id)
    assert AuditEntry.get(AuditEntry.record == "customer", AuditEntry.row_id == copy.id).actor == "bob"


@pytest.mark.parametrize(
    "there, is_same",
    [
        pytest.param({"name": "赵敏", "phone": "13920001234"}, True, id="name and phone agree"),
        pytest.param({"name": "赵敏"}, False, id="a namesake is somebody else"),
        pytest.param({"name": "赵小敏", "phone": "13920001234"}, False, id="a shared phone is not enough"),
    ],
)
def test_a_customer_whom_the_other_branch_knows_is_not_made_twice(record, actor, bob, there, is_same):
    known = record("customer", actor("alice", NOW), name="赵敏", phone="13920001234")
    complaint = record("complaint", actor("alice", NOW), customer=known.id)
    theirs = record("customer", actor("frank", NOW), code="BJ", **there)
    moved = records.hand_over(bob, complaint, branch=branch("BJ"), owner=person_by_login("frank"), reason="属地")
    assert (moved.customer_id == theirs.id) == is_same


def test_nothing_new_begins_in_a_branch_that_has_closed(record, actor, bob, complaint):
    root, here = console(local(NOW)), branch("TJ")
    change_unit(root, here, {"closed_on": date(2025, 3, 3), "successor": branch("BJ")})
    message = faults_text(lambda: record("complaint", bob))
    assert message == "“天津分公司”已于 2025-03-03 撤并,由“北京分公司”承接"
    assert records.transition(actor("alice", NOW), complaint, "accept").state == "accepted"  # what is open is finished


def test_nobody_hands_work_to_a_department_that_has_closed(actor, bob, complaint):
    change_unit(console(local(NOW)), department_of("TJ", "LP"), {"closed_on": date(2025, 3, 1)})
    assert "已于 2025-03-01 撤并" in faults_text(
        lambda: records.hand_over(bob, complaint, department=department_of("TJ", "LP"), reason="属地")
    )
    assert "已于 2025-03-01 撤并" in faults_text(lambda: records.change(bob, complaint, {"about_department": "LP"}))


def faults_text(act):
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.faults[0].message
