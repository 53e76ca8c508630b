"""The sealed trail: who changed what, chained by hash per branch, written in the transaction of the change.

The hash covers a salted digest of the values, so that personal data can be erased and the chain still holds. The chain's
head is locked last in the transaction, branches in ascending order, so that writers never wait for each other's work.
"""

import hashlib
import json
import secrets
from datetime import UTC

import peewee

from core.database import Kept, door, insert_rows, is_sqlite, transaction
from core.fields import MomentColumn
from core.sealing import SealedColumn, SealedJsonColumn

EVERYWHERE = 0  # the chain of what belongs to no branch
ERASE = "erase"  # the verb of an entry that says whose values were erased
START = "0" * 64


class AuditEntry(Kept):
    """One act: `verb` on row `row_id` of `record` (a table's name). `changes` maps a field to [old, new]."""

    branch_id = peewee.BigIntegerField()
    seq = peewee.BigIntegerField()
    at = MomentColumn()
    actor = peewee.CharField(max_length=160)
    person_id = peewee.BigIntegerField(null=True)
    via = peewee.CharField(max_length=32)
    verb = peewee.CharField(max_length=64)
    record = peewee.CharField(max_length=64)
    row_id = peewee.BigIntegerField()
    changes = SealedJsonColumn(null=True)
    reason = peewee.TextField(default="")
    salt = SealedColumn()  # sealed with the values: else a phone could be tried out against the digest
    digest = peewee.CharField(max_length=64)
    previous = peewee.CharField(max_length=64)
    hash = peewee.CharField(max_length=64)

    class Meta:
        indexes = ((("branch_id", "seq"), True), (("record", "row_id"), False))


class AuditHead(Kept):
    """The last link of each branch's chain."""

    branch_id = peewee.BigIntegerField(unique=True)
    seq = peewee.BigIntegerField(default=0)
    hash = peewee.CharField(max_length=64, default=START)


def note(actor, verb, record, row_id, branch_id, changes, reason=""):
    """Add an entry to the trail of this transaction; it is sealed just before the commit."""
    with transaction() as current:
        if "audit" not in current.before_commit:
            current.audit = []
            current.before_commit["audit"] = lambda: _seal(current.audit)
        current.audit.append((branch_id or EVERYWHERE, actor, verb, record, row_id, changes, reason))


def keep(actor, model, values, *, branch_id=None, verb="create", reason=""):
    """Write a new row of a table of the core, with its entry in the trail. Returns the row."""
    with transaction(), door():
        row = model.create(**values)
        note(
            actor,
            verb,
            model._meta.table_name,
            row.id,
            branch_id,
            _shown({k: [None, _plain(v)] for k, v in values.items()}),
            reason,
        )
    return row


def amend(actor, row, values, *, branch_id=None, verb="change", reason=""):
    """Write what differs of `values` into `row`, with an entry in the trail. Returns the names that differed."""
    changes = {}
    for name, value in values.items():
        old = row.__data__.get(name, getattr(row, name))
        new = value.id if isinstance(value, peewee.Model) else value
        if old != new:
            changes[name] = [_plain(old), _plain(new)]
            setattr(row, name, value)
    if changes:
        with transaction(), door():
            row.save()
            note(actor, verb, row._meta.table_name, row.id, branch_id, _shown(changes), reason)
    return list(changes)


SECRETS = {"password_hash", "token_hash", "totp_secret"}  # that they changed stands in the trail, not what they are


def _shown(changes):
    return {name: ["…", "…"] if name in SECRETS else change for name, change in changes.items()}


def _plain(value):
    if isinstance(value, peewee.Model):
        return value.id
    return value if value is None or isinstance(value, (str, int, float, bool, list, dict)) else str(value)


def canonical(changes):
    """The one text of `changes` that the digest covers."""
    return json.dumps(changes, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def _digest(salt, text):
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def _link(previous, branch_id, seq, at, *rest):
    text = canonical([previous, branch_id, seq, at.isoformat(), *rest])
    return hashlib.sha256(text.encode()).hexdigest()


def _seal(entries):
    by_branch = {}
    for entry in entries:
        by_branch.setdefault(entry[0], []).append(entry[1:])
    with door():
        for branch_id in sorted(by_branch):
            head = _lock_head(branch_id)
            rows, seq, previous = [], head.seq, head.hash
            for actor, verb, record, row_id, changes, reason in by_branch[branch_id]:
                seq += 1
                salt = secrets.token_hex(8)
                digest = _digest(salt, canonical(changes))
                at = actor.now.astimezone(UTC)
                link = _link(
                    previous,
                    branch_id,
                    seq,
                    at,
                    actor.name,
                    actor.person_id,
                    actor.via,
                    verb,
                    record,
                    row_id,
                    reason,
                    digest,
                )
                rows.append(
                    {
                        "branch_id": branch_id,
                        "seq": seq,
                        "at": at,
                        "actor": actor.name,
                        "person_id": actor.person_id,
                        "via": actor.via,
                        "verb": verb,
                        "record": record,
                        "row_id": row_id,
                        "changes": changes,
                        "reason": reason,
                        "salt": salt,
                        "digest": digest,
                        "previous": previous,
                        "hash": link,
                    }
                )
                previous = link
            insert_rows(AuditEntry, rows)
            AuditHead.update(seq=seq, hash=previous).where(AuditHead.id == head.id).execute()


def _lock_head(branch_id):
    query = AuditHead.select().where(AuditHead.branch_id == branch_id)
    if not is_sqlite():
        query = query.for_update()
    head = query.get_or_none()
    if head is None:
        AuditHead.insert(branch_id=branch_id).on_conflict_ignore().execute()
        head = query.get()
    return head


def verify(branch_id=None):
    """Walk the chains; the faults found, as (branch_id, seq, sentence), first of each branch only. Empty: all is whole."""
    faults = []
    heads, entries = AuditHead.select().order_by(AuditHead.branch_id), AuditEntry.select(AuditEntry.branch_id)
    if branch_id is not None:
        heads, entries = heads.where(AuditHead.branch_id == branch_id), entries.where(AuditEntry.branch_id == branch_id)
    heads = {head.branch_id: head for head in heads}
    orphans = entries.distinct().where(AuditEntry.branch_id.not_in(list(heads) or [-1]))
    faults += [(row.branch_id, 1, "the chain has no head") for row in orphans]
    for head in heads.values():
        seq, previous, erased = 0, START, _erased(head.branch_id)
        links = AuditEntry.select().where(AuditEntry.branch_id == head.branch_id).order_by(AuditEntry.seq).iterator()
        for seq, entry in enumerate(links, 1):
            fault = _fault(entry, seq, previous, erased)
            if fault:
                faults.append((head.branch_id, seq, fault))
                break
            previous = entry.hash
        else:
            if (head.seq, head.hash) != (seq, previous):
                faults.append((head.branch_id, seq, f"the chain ends at {seq}, its head says {head.seq}"))
    return faults


def _erased(branch_id):
    """The numbers of the entries whose values were erased, as the chain itself says."""
    rows = AuditEntry.select(AuditEntry.changes).where(AuditEntry.branch_id == branch_id, AuditEntry.verb == ERASE)
    return {seq for row in rows for seq in (row.changes or {}).get("entries", ())}


def _fault(entry, seq, previous, erased):
    if entry.seq != seq:
        return f"entry {seq} is missing, found {entry.seq}"
    if entry.previous != previous:
        return "does not follow the entry before it"
    is_erased = seq in erased and entry.changes is None and not entry.salt
    if not is_erased and _digest(entry.salt, canonical(entry.changes)) != entry.digest:
        return "its values were changed"
    link = _link(
        previous, entry.branch_id, seq, entry.at, entry.actor, entry.person_id, entry.via, entry.verb, entry.record,
        entry.row_id, entry.reason, entry.digest,
    )  # fmt: skip
    return None if link == entry.hash else "was changed after it was sealed"


def heads():
    """The head of every chain, for export: [{branch_id, seq, hash}]."""
    return [
        {"branch_id": head.branch_id, "seq": head.seq, "hash": head.hash}
        for head in AuditHead.select().order_by(AuditHead.branch_id)
    ]


def export_heads(folder, day, now):
    """Write the heads of all chains into `folder` as DAY.json, whole or not at all; returns the path.

    Kept elsewhere, the files show a chain that was rewritten as a whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{day}.json"
    text = json.dumps({"at": now.isoformat(timespec="seconds"), "heads": heads()}, indent=1)
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path


def erase(actor, entry_ids, reason):
    """Remove the values of entries (personal data that must go), and note that in the trail; the chain still holds.

    The salts go with them, so that nobody can try out values against what is left.
    """
    by_branch = {}
    for entry in AuditEntry.select().where(AuditEntry.id.in_(list(entry_ids)), AuditEntry.verb != ERASE):
        by_branch.setdefault(entry.branch_id, []).append(entry)
    with transaction(), door():
        for branch_id, entries in by_branch.items():
            AuditEntry.update(changes=None, salt="").where(AuditEntry.id.in_([e.id for e in entries])).execute()
            note(actor, ERASE, "audit_entry", entries[0].id, branch_id, {"entries": [e.seq for e in entries]}, reason)


def highest(record):
    """The highest id of a record type's rows that the trail knows, also of rows taken away since: none is given twice."""
    return AuditEntry.select(peewee.fn.MAX(AuditEntry.row_id)).where(AuditEntry.record == record).scalar() or 0


def trail(record, row_id):
    """The entries about one row, oldest first."""
    return AuditEntry.select().where(AuditEntry.record == record, AuditEntry.row_id == row_id).order_by(AuditEntry.id)
