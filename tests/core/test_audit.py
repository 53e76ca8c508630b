"""The sealed trail: whatever is changed in it by hand is named, and many writers leave one unbroken chain."""

import pytest

from core import access, audit, keys, records
from core.audit import AuditEntry, AuditHead, verify
from core.database import db, is_sqlite, transaction
from core.errors import WriteOutside
from core.people import person_by_login
from core.sealing import SealedJsonColumn
from core.testing import branch, console, local
from plugins.cases.models import Complaint
from tests.together import together

NOW = "2025-03-03 10:00"


@pytest.fixture
def chain(record, actor):
    """The id of a branch whose chain holds some entries: those of the set-up and of five complaints."""
    for n in range(5):
        record("complaint", actor("alice", NOW), content=f"第 {n} 件")
    assert verify() == []
    return branch("TJ").id


def by_hand(sql, *values):
    db.execute_sql(sql if is_sqlite() else sql.replace("?", "%s"), values)


def last(chain):
    return AuditEntry.select().where(AuditEntry.branch_id == chain).order_by(AuditEntry.seq.desc()).first()


CHANGED = {
    "at": "2025-03-03 02:00:01.000000",
    "actor": "amy",
    "person_id": 1,
    "via": "import",
    "verb": "change",
    "record": "customer",
    "row_id": 99,
    "changes": '{"content":[null,"别的"]}',
    "reason": "无",
    "salt": "0" * 16,
    "digest": "0" * 64,
    "previous": "0" * 64,
    "hash": "0" * 64,
    "seq": 99,
}


@pytest.mark.parametrize("column", CHANGED)
def test_any_column_changed_by_hand_is_named(chain, column):
    entry = last(chain)
    by_hand(f"UPDATE audit_entry SET {column} = ? WHERE id = ?", CHANGED[column], entry.id)
    [(where, seq, _)] = verify()
    assert (where, seq) == (chain, entry.seq)


def test_one_letter_changed_in_the_middle_is_named_and_not_what_follows(chain):
    entry = AuditEntry.get(AuditEntry.branch_id == chain, AuditEntry.seq == 3)
    by_hand(
        "UPDATE audit_entry SET changes = ? WHERE id = ?",
        keys.seal(audit.canonical(entry.changes) + " ", keys.HIDDEN),
        entry.id,
    )
    assert [(where, seq) for where, seq, _ in verify()] == [(chain, 3)], "not even a blank between the values"
    by_hand("UPDATE audit_entry SET changes = ? WHERE id = ?", SealedJsonColumn().db_value(entry.changes), entry.id)
    assert verify() == []
    by_hand("UPDATE audit_entry SET reason = ? WHERE id = ?", "x", entry.id)
    assert [(where, seq) for where, seq, _ in verify()] == [(chain, 3)]


def test_values_taken_out_by_hand_are_named(chain):
    entry = last(chain)
    by_hand("UPDATE audit_entry SET changes = NULL WHERE id = ?", entry.id)
    by_hand("UPDATE audit_entry SET salt = '' WHERE id = ?", entry.id)
    assert verify() == [(chain, entry.seq, "内容被改动")]


@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_a_row_dropped_is_named(chain, which):
    seq = {"first": 1, "middle": 4, "last": last(chain).seq}[which]
    by_hand("DELETE FROM audit_entry WHERE branch_id = ? AND seq = ?", chain, seq)
    [(where, named, _)] = verify()
    assert (where, named) == (chain, seq)


def test_a_row_put_in_is_named(chain):
    entry = last(chain)
    columns = [name for name in AuditEntry._meta.columns if name != "id"]
    shown = ", ".join("seq + 1" if name == "seq" else name for name in columns)
    by_hand(f"INSERT INTO audit_entry ({', '.join(columns)}) SELECT {shown} FROM audit_entry WHERE id = ?", entry.id)
    assert [(where, seq) for where, seq, _ in verify()] == [(chain, entry.seq + 1)]


def test_two_rows_that_change_places_are_named(chain):
    for old, new in ((2, 900), (3, 2), (900, 3)):
        by_hand("UPDATE audit_entry SET seq = ? WHERE branch_id = ? AND seq = ?", new, chain, old)
    assert [(where, seq) for where, seq, _ in verify()] == [(chain, 2)]


def test_a_row_moved_to_another_branch_is_named_in_both(chain):
    entry, other = last(chain), branch("GZ").id
    beyond = last(other).seq + 1
    by_hand("UPDATE audit_entry SET branch_id = ?, seq = ? WHERE id = ?", other, beyond, entry.id)
    assert [(where, seq) for where, seq, _ in verify()] == [(chain, entry.seq), (other, beyond)]


def test_a_chain_without_its_head_is_named(chain):
    by_hand("DELETE FROM audit_head WHERE branch_id = ?", chain)
    assert verify() == verify([chain]) == [(chain, 1, "这条链没有链首")]
    assert verify([branch("BJ").id]) == []


def test_the_head_says_how_far_the_chain_goes(chain):
    exported = {head["branch_id"]: head for head in audit.heads()}
    assert (exported[chain]["seq"], exported[chain]["hash"]) == (last(chain).seq, last(chain).hash)


def test_sixteen_writers_leave_one_unbroken_chain(group):
    def write(n):
        for code in (("TJ", "BJ"), ("BJ", "TJ"))[n % 2]:
            records.create(
                console(local(NOW)), Complaint, {"owner": "alice" if code == "TJ" else "frank"}, branch=branch(code)
            )

    answers = together([lambda n=n: write(n) for n in range(16)])
    assert [answer for answer in answers if answer is not None] == []
    for code in ("TJ", "BJ"):
        made = AuditEntry.select().where(AuditEntry.branch_id == branch(code).id, AuditEntry.record == "complaint")
        assert made.count() == 16
    assert verify() == []


def test_two_branches_in_one_transaction_are_locked_in_one_order(group):
    def write(first, second):
        with transaction():
            for code in (first, second):
                audit.note(console(local(NOW)), "touch", "branch", branch(code).id, branch(code).id, {})

    answers = together([lambda n=n: write(*(("TJ", "BJ"), ("BJ", "TJ"))[n % 2]) for n in range(12)])
    assert [answer for answer in answers if answer is not None] == [] and verify() == []


def test_what_is_rolled_back_is_not_in_the_trail(chain):
    before = AuditEntry.select().count()
    with pytest.raises(RuntimeError), transaction():
        audit.note(console(), "touch", "branch", chain, chain, {})
        raise RuntimeError
    assert AuditEntry.select().count() == before and verify() == []


def test_erasing_takes_values_and_salt_says_so_and_keeps_the_chain_whole(chain):
    entries = list(audit.trail("complaint", Complaint.get().id))
    audit.erase(console(local("2025-04-01 09:00")), [entry.id for entry in entries], "客户要求删除")
    assert verify() == []
    gone = AuditEntry.get_by_id(entries[0].id)
    assert (gone.changes, gone.salt) == (None, "") and gone.digest == entries[0].digest
    said = AuditEntry.get(AuditEntry.verb == "erase")
    assert (said.reason, said.changes) == ("客户要求删除", {"entries": [entries[0].seq]})


def test_who_and_through_what_stands_in_each_entry(chain, actor):
    entry = last(chain)
    assert (entry.actor, entry.person_id, entry.via) == ("alice", person_by_login("alice").id, "web")
    assert AuditEntry.get(AuditEntry.verb == "switch").actor == "system"


@pytest.mark.parametrize("act", ["keep", "amend"])
def test_settings_and_grants_stand_in_the_trail_in_the_same_transaction(group, act):
    before = AuditEntry.select().count()
    held = access.Grant.get()
    with pytest.raises(RuntimeError), transaction():
        if act == "keep":
            access.grant(console(), person_by_login("dave"), "management", branch())
        else:
            access.revoke(console(), held)
        raise RuntimeError
    assert (
        AuditEntry.select().count() == before
        and access.Grant.select().where(access.Grant.ended_at.is_null(False)).count() == 0
    )


def test_the_trail_itself_is_not_written_from_elsewhere(chain):
    with pytest.raises(WriteOutside):
        AuditEntry.update(actor="eve").execute()
    with pytest.raises(WriteOutside):
        AuditHead.delete().execute()
