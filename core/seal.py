"""What the trail is made of: its rows, the digest that stands for a row's values, and the hash that links it to the last."""

import hashlib
import json

import peewee

from core.database import Kept
from core.fields import MomentColumn
from core.sealing import SealedColumn, SealedJsonColumn

EVERYWHERE = 0  # the chain of what belongs to no branch
ERASE = "erase"  # the verb of an entry that says whose values were erased
TRAIL = "audit_entry"  # the table's own name: what such an entry is about
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


def canonical(changes):
    """The one text of `changes` that the digest covers."""
    return json.dumps(changes, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def digest_of(salt, changes):
    """The digest that stands for the values in the seal."""
    return hashlib.sha256(f"{salt}{canonical(changes)}".encode()).hexdigest()


SEALED = ("branch_id", "seq", "at", "actor", "person_id", "via", "verb", "record", "row_id", "reason", "digest")


def link_of(row, *, with_id=True):
    """The hash that seals a row (a dict by field name). Chains of installations before 0.1 were sealed without the id."""
    sealed = [row[name].isoformat() if name == "at" else row[name] for name in SEALED]
    text = canonical([row["previous"], *([row["id"]] if with_id else []), *sealed])
    return hashlib.sha256(text.encode()).hexdigest()


def heads():
    """The head of every chain, for export: [{branch_id, seq, hash}]."""
    return [
        {"branch_id": head.branch_id, "seq": head.seq, "hash": head.hash}
        for head in AuditHead.select().order_by(AuditHead.branch_id)
    ]
