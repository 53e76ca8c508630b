"""The sealed trail: who changed what, chained by hash per branch, written in the transaction of the change.

The hash covers a salted digest of the values, so that personal data can be erased and the chain still holds. The chain's
head is locked last in the transaction, branches in ascending order, so that writers never wait for each other's work.
"""

import secrets
from datetime import UTC

import peewee

from core.chains import export_heads, kept_heads, verify
from core.database import door, insert_rows, is_sqlite, new_ids, transaction
from core.seal import ERASE, EVERYWHERE, START, TRAIL, AuditEntry, AuditHead, canonical, digest_of, heads, link_of

__all__ = [
    "ERASE",
    "EVERYWHERE",
    "START",
    "AuditEntry",
    "AuditHead",
    "amend",
    "canonical",
    "erase",
    "export_heads",
    "heads",
    "highest",
    "keep",
    "kept_heads",
    "note",
    "trail",
    "verify",
]


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


SECRETS = {
    "password_hash",
    "token_hash",
    "totp_secret",
    "sealed_address",
}  # that they changed stands in the trail, not what they are


def _shown(changes):
    return {name: ["…", "…"] if name in SECRETS else change for name, change in changes.items()}


def _plain(value):
    if isinstance(value, peewee.Model):
        return value.id
    return value if value is None or isinstance(value, (str, int, float, bool, list, dict)) else str(value)


def _seal(entries):
    by_branch = {}
    for entry in entries:
        by_branch.setdefault(entry[0], []).append(entry[1:])
    with door():
        for branch_id in sorted(by_branch):
            head = _lock_head(branch_id)
            ids = new_ids(AuditEntry, len(by_branch[branch_id]))  # after the lock: they ascend along the chain
            rows, seq, previous = [], head.seq, head.hash
            for row_id, entry in zip(ids, by_branch[branch_id], strict=True):
                seq += 1
                row = {"id": row_id, "branch_id": branch_id, "seq": seq, "previous": previous, **_told(*entry)}
                previous = row["hash"] = link_of(row)
                rows.append(row)
            insert_rows(AuditEntry, [{n: v for n, v in row.items() if n != "id"} for row in rows], ids=ids)
            AuditHead.update(seq=seq, hash=previous).where(AuditHead.id == head.id).execute()


def _told(actor, verb, record, row_id, changes, reason):
    salt = secrets.token_hex(8)
    return {
        "at": actor.now.astimezone(UTC),
        "actor": actor.name,
        "person_id": actor.person_id,
        "via": actor.via,
        "verb": verb,
        "record": record,
        "row_id": row_id,
        "changes": changes,
        "reason": reason,
        "salt": salt,
        "digest": digest_of(salt, changes),
    }


def _lock_head(branch_id):
    query = AuditHead.select().where(AuditHead.branch_id == branch_id)
    if not is_sqlite():
        query = query.for_update()
    head = query.get_or_none()
    if head is None:
        AuditHead.insert(branch_id=branch_id).on_conflict_ignore().execute()
        head = query.get()
    return head


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
            note(actor, ERASE, TRAIL, entries[0].id, branch_id, {"entries": [e.seq for e in entries]}, reason)


def highest(record):
    """The highest id of a record type's rows that the trail knows, also of rows taken away since: none is given twice."""
    return AuditEntry.select(peewee.fn.MAX(AuditEntry.row_id)).where(AuditEntry.record == record).scalar() or 0


def trail(record, row_id):
    """The entries about one row, oldest first."""
    return AuditEntry.select().where(AuditEntry.record == record, AuditEntry.row_id == row_id).order_by(AuditEntry.id)
