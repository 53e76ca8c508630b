"""The one way in: what a write asks for, what it refuses, and that it does all of it or nothing."""

import re
from datetime import timedelta

import pytest

from core import database, records
from core.audit import AuditEntry, verify
from core.clocks import Clock
from core.errors import Denied, NotFound, Refused, Stale, SwitchedOff
from core.findings import Finding
from core.language import speaking
from core.outbox import Message
from core.people import Person, person_by_login
from core.plugins import registry
from core.records import saving
from core.testing import branch, console, local
from plugins.cases.models import Complaint
from plugins.customers.models import Customer
from tests.together import together

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


def everything():
    """How many rows there are of what a write leaves behind."""
    return [model.select().count() for model in (Complaint, Customer, Clock, AuditEntry, Message, Finding)]


# ---- what a new record must have


def test_every_fault_is_told_at_once(record, alice):
    told = faults(
        record, "customer", alice, name=" ", group="wizard", phone="12", owner="nobody", colour="red", identity_number="x" * 33
    )  # fmt: skip
    assert told == {
        "name": "required",
        "group": "invalid",
        "phone": "invalid",
        "owner": "invalid",
        "colour": "unknown",
        "identity_number": "invalid",
    }


def test_what_nobody_gives_is_filled_in(complaint):
    assert (complaint.owner.login, complaint.department.code, complaint.recorded_by.login) == ("alice", "KF", "alice")
    assert (complaint.state, complaint.revision, complaint.channel, complaint.rounds) == ("received", 1, "phone", 1)
    assert complaint.happened_at == complaint.recorded_at == local(NOW)


@pytest.mark.parametrize(
    "name", ["id", "branch", "number", "state", "revision", "recorded_by", "recorded_at", "form_version", "stamps", "extra",
             "gaps", "batch", "rounds", "source_row", "class_", "plugin__x", "x_none", "_meta"],
)  # fmt: skip
def test_what_is_not_for_typing_is_refused(alice, complaint, name):
    assert faults(records.create, alice, Complaint, {name: "1"}, branch=branch()) == {name: "unknown"}
    assert faults(records.change, alice, complaint, {name: "1"}) == {name: "unknown"}


@pytest.mark.parametrize(
    "field, value, found",
    [
        pytest.param("owner", "amy", "amy", id="people by their login"),
        pytest.param("department", "LP", "LP", id="departments by their code"),
        pytest.param("customer", "KTJ-2025-00001", "KTJ-2025-00001", id="records by their number"),
        pytest.param("customer", 1, "KTJ-2025-00001", id="records by their id"),
        pytest.param("customer", "1", "KTJ-2025-00001", id="records by their id in words"),
    ],
)
def test_references_are_named(record, alice, field, value, found):
    record("customer", alice, name="李雷")
    target = getattr(Complaint.get_by_id(record("complaint", alice, **{field: value}).id), field)
    assert found in (getattr(target, "login", None), getattr(target, "code", None), getattr(target, "number", None))


@pytest.mark.parametrize(
    "field, value",
    [
        pytest.param("customer", "KBJ-2025-00001", id="a record of another branch by its number"),
        pytest.param("customer", 1, id="a record of another branch by its id"),
        pytest.param("department", "GG", id="a department that there is not"),
        pytest.param("owner", "frank", id="somebody of another branch as owner"),
        pytest.param("owner", "²", id="what looks like a number"),
        pytest.param("customer", "9" * 30, id="a number beyond all ids"),
        pytest.param("customer", "-1", id="a negative id"),
    ],
)
def test_what_cannot_be_named_here_is_refused(record, actor, alice, field, value):
    record("customer", actor("frank", NOW), code="BJ", name="韩梅")
    assert faults(record, "complaint", alice, **{field: value}) == {field: "invalid"}
    assert not Complaint.select().exists()


def test_not_even_who_sees_both_branches_ties_one_to_the_other(record, actor, alice):
    other = record("customer", actor("frank", NOW), code="BJ", name="韩梅")
    given = {"customer": other.id, "owner": "alice"}
    assert faults(records.create, console(local(NOW)), Complaint, given, branch=branch()) == {"customer": "invalid"}


def test_an_unchanged_reference_stays_although_it_cannot_be_looked_up_any_more(record, alice, bob):
    complaint = record("complaint", alice, about_employee="amy")
    with database.transaction(), database.door():
        Person.update(is_active=False).where(Person.login == "amy").execute()
    changed = records.change(bob, complaint, {"about_employee": "amy", "content": "已离职"})
    assert (changed.about_employee.login, changed.content) == ("amy", "已离职")


# ---- permission and switch


def test_where_the_plugin_is_off_nothing_is_written(actor, record):
    with pytest.raises(SwitchedOff, match="业务案件.*广州分公司.*未启用"):
        record("complaint", console(local(NOW)), code="GZ")


def test_without_the_permission_nothing_is_written(actor, record, complaint):
    with pytest.raises(Denied, match=re.escape("cases.complaint.create")):
        record("complaint", actor("carol", NOW))
    with pytest.raises(Denied, match=re.escape("cases.complaint.edit")):
        records.change(actor("carol", NOW), complaint, {"content": "x"})
    with pytest.raises(Denied):
        record("complaint", actor("alice", NOW), code="BJ")


def test_another_branchs_record_is_not_there(actor, complaint):
    frank = actor("frank", NOW)
    for key in (complaint.id, str(complaint.id), complaint.number):
        with pytest.raises(NotFound):
            records.find(frank, Complaint, key)
    for act in (
        lambda: records.change(frank, complaint, {"content": "x"}),
        lambda: records.transition(frank, complaint, "accept"),
    ):
        with pytest.raises((Denied, NotFound)):
            act()
    assert Complaint.get().content == "理赔太慢"


# ---- changing


def test_a_change_writes_what_differs_and_says_so_in_the_trail(alice, complaint):
    changed = records.change(alice, complaint, {"content": "理赔太慢了", "channel": "电话"})
    assert (changed.revision, changed.content) == (2, "理赔太慢了")
    entry = AuditEntry.select().where(AuditEntry.record == "complaint").order_by(AuditEntry.id.desc()).first()
    assert (entry.verb, entry.actor, entry.changes) == ("change", "alice", {"content": ["理赔太慢", "理赔太慢了"]})


def test_a_change_that_changes_nothing_leaves_nothing_behind(alice, complaint):
    before = everything()
    same = records.change(alice, complaint, {"content": "理赔太慢", "happened_at": NOW, "owner": "alice"})
    assert (same.revision, everything()) == (1, before)


def test_a_stale_save_is_answered_with_both_versions(alice, actor, complaint):
    records.change(actor("amy", NOW), complaint, {"content": "她的"}, revision=1)
    with pytest.raises(Stale) as stale:
        records.change(alice, complaint, {"content": "我的"}, revision=1)
    assert (stale.value.theirs.content, stale.value.yours) == ("她的", {"content": "我的"})
    assert Complaint.get().content == "她的"


def test_of_two_saves_at_the_same_moment_one_wins(alice, actor, complaint):
    answers = together(
        [
            lambda n=n: records.change(console(local(NOW)), complaint, {"content": f"第 {n}"}, revision=1)
            for n in range(2)
        ]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Complaint", "Stale"]
    assert Complaint.get().revision == 2


def test_what_a_step_has_asked_for_cannot_be_blanked_afterwards(alice, complaint):
    records.transition(alice, complaint, "accept")
    records.transition(alice, complaint, "contact_customer", {"details": "详情", "class": "simple"})
    assert faults(records.change, alice, complaint, {"class": ""}) == {"class": "required"}


def test_a_required_field_cannot_be_blanked(record, alice):
    customer = record("customer", alice, name="李雷")
    assert faults(records.change, alice, customer, {"name": ""}) == {"name": "required"}
    assert faults(records.change, alice, customer, {"owner": ""}) == {"owner": "required"}


# ---- all or nothing


def test_a_batch_is_written_whole_or_not_at_all(alice):
    before = everything()
    with pytest.raises(Refused) as refused:
        records.create_many(alice, Complaint, [{"content": "一"}, {"channel": "鸽子"}, {"cause": "x"}], branch=branch())
    assert [fault.field for fault in refused.value.faults] == ["1.channel", "2.cause"]
    assert everything() == before
    made = records.create_many(alice, Complaint, [{"content": str(n)} for n in range(3)], branch=branch())
    assert [row.number for row in made] == [f"TSTJ-2025-0000{n}" for n in (1, 2, 3)]


def test_one_bad_record_keeps_a_bulk_change_from_all(alice, record):
    rows = [record("complaint", alice) for _ in range(3)]
    records.transition(alice, rows[1], "accept")
    with pytest.raises(Refused):
        records.change_many(alice, rows, {}, event="accept")
    assert [row.state for row in Complaint.select().order_by(Complaint.id)] == ["received", "accepted", "received"]


def test_when_what_follows_breaks_the_record_is_not_there_either(alice, record, monkeypatch):
    def broken(context, model, changes):
        raise RuntimeError("disk full")

    before = everything()
    monkeypatch.setattr(saving, "effects", [*saving.effects, broken])
    with pytest.raises(RuntimeError):
        record("complaint", alice)
    assert everything() == before and verify() == []


def test_numbers_are_unique_and_ascending_under_eight_writers(alice):
    made = together(
        [
            lambda: [
                records.create(console(local(NOW)), Complaint, {"owner": "alice"}, branch=branch()) for _ in range(5)
            ]
        ]
        * 8
    )
    rows = list(Complaint.select().order_by(Complaint.id))
    assert sum(map(len, made)) == 40 == len({row.number for row in rows})
    assert sorted(row.number for row in rows) == [f"TSTJ-2025-{n:05d}" for n in range(1, 41)]
    for mine in made:
        assert [row.number for row in mine] == sorted(row.number for row in mine)
    assert verify() == []


def test_numbers_are_given_by_branch_and_year(actor, record):
    numbers = [
        record("complaint", actor(login, at), code=code).number
        for login, at, code in (("alice", NOW, "TJ"), ("frank", NOW, "BJ"), ("alice", "2026-01-05 09:00", "TJ"))
    ]
    assert numbers == ["TSTJ-2025-00001", "TSBJ-2025-00001", "TSTJ-2026-00002"]


# ---- a rule that breaks


@pytest.mark.parametrize("step", ["create", "change", "transition", "hand_over"])
def test_a_rule_that_raises_refuses_and_names_the_plugin(alice, bob, complaint, monkeypatch, step):
    def broken(record, change):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(registry().hooks, "validate_record", [("timeliness", broken)])
    act = {
        "create": lambda: records.create(alice, Complaint, {}, branch=branch()),
        "change": lambda: records.change(alice, complaint, {"content": "x"}),
        "transition": lambda: records.transition(alice, complaint, "accept"),
        "hand_over": lambda: records.hand_over(bob, complaint, owner=person_by_login("amy"), reason="休假"),
    }
    with speaking("en"), pytest.raises(Refused, match="a rule of plugin timeliness failed.*ZeroDivisionError"):
        act[step]()
    assert [(row.content, row.state, row.owner.login) for row in Complaint.select()] == [
        ("理赔太慢", "received", "alice")
    ]


def test_a_plugins_hook_is_not_asked_where_the_plugin_is_off(alice, complaint, monkeypatch):
    asked = []
    monkeypatch.setitem(
        registry().hooks, "validate_record", [("timeliness", lambda record, change: asked.append(change.event))]
    )
    records.change(alice, complaint, {"content": "x"})
    monkeypatch.setattr("core.records.judging.is_on", lambda plugin, branch_id, now: False)
    records.change(alice, complaint, {"content": "y"})
    assert asked == ["change"]


def test_deactivated_people_are_named_no_more(record, alice):
    with database.transaction(), database.door():
        Person.update(is_active=False).where(Person.login == "amy").execute()
    assert faults(record, "complaint", alice, owner="amy") == {"owner": "invalid"}


def test_a_stamp_a_minute_ahead_is_taken_for_another_machines_clock(record, alice):
    assert record("complaint", alice, happened_at=alice.now + timedelta(seconds=60))
    assert faults(record, "complaint", alice, happened_at=alice.now + timedelta(seconds=61)) == {
        "happened_at": "future"
    }
