"""Taking personal data out of a record and of all that is kept about it; what is counted stays, and the trail holds."""

from functools import partial

from core import audit
from core.attachments import Attachment, take_away
from core.audit import AuditEntry
from core.comments import Comment
from core.database import door, transaction
from core.drafts import Draft
from core.notices import Notice
from core.records.showing import personal_of

ERASED = "erase_personal"  # the verb in the trail
WORD = "已删除"  # what stands where a value stood; in Chinese whoever reads it, as it is data


def erase(actor, row, files, reason):
    """Erase the personal data of one record: its values, their copies in other texts of it, comments, files, the trail.

    `files` is the folder of uploaded files. The row and what is counted of it stay.
    """
    with transaction() as current, door():
        changed = _values(row)
        entries = _entries(row)
        gone = _rows_about(actor, row, reason)
        current.after_commit += [partial(take_away, digest, files) for digest in gone]
        if changed:
            names = {**changed, "revision": row.revision + 1}
            type(row).update(names).where(type(row).id == row.id).execute()
        audit.erase(actor, entries, reason)
        told = {name: ["…", WORD] for name in changed}
        audit.note(actor, ERASED, row._meta.record, row.id, row.branch_id, told, reason)


def _values(row):
    """What the columns of a record hold afterwards, for those that change, by field name."""
    personal = list(personal_of(type(row)).values())
    held = [str(row.__data__[c.name]) for c in personal if row.__data__.get(c.name) not in (None, "")]
    changed = {c.name: None if c.null else WORD for c in personal if row.__data__.get(c.name) not in (None, "")}
    for column in type(row).own_fields():
        value = row.__data__.get(column.name)
        if column.kind in ("text", "longtext", "json") and column.name not in changed and value:
            changed.update(_without(column.name, value, held))
    return {**changed, **_without("extra", row.extra or {}, held)}


def _without(name, value, held):
    after = _replaced(value, held)
    return {name: after} if after != value else {}


def _replaced(value, held):
    if isinstance(value, dict):
        return {key: _replaced(each, held) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, held) for each in value]
    for each in held if isinstance(value, str) else ():
        value = value.replace(each, WORD)
    return value


def _about(table, row):
    return (table.record == row._meta.record) & (table.record_id == row.id)


def _entries(row):
    """The ids of the entries in the trail that hold values of a record, of its comments and of its files."""
    found = [AuditEntry.select(AuditEntry.id).where(AuditEntry.record == row._meta.record, AuditEntry.row_id == row.id)]
    for table in (Comment, Attachment):
        ids = table.select(table.id).where(_about(table, row))
        name = table._meta.table_name
        found.append(AuditEntry.select(AuditEntry.id).where(AuditEntry.record == name, AuditEntry.row_id.in_(ids)))
    return [entry.id for query in found for entry in query.where(AuditEntry.changes.is_null(False))]


def _rows_about(actor, row, reason):
    """Empty the comments and files of a record, drop notices and drafts about it; the digests of what they held."""
    for table, told in ((Comment, {"text": ["…", WORD]}), (Attachment, {"name": ["…", WORD]})):
        for each in table.select(table.id).where(_about(table, row)):
            audit.note(actor, ERASED, table._meta.table_name, each.id, row.branch_id, told, reason)
    Comment.update(text=WORD).where(_about(Comment, row)).execute()
    digests = [each.sha256 for each in Attachment.select().where(_about(Attachment, row), Attachment.sha256 != "")]
    Attachment.update(name=WORD, sha256="", size_bytes=0).where(_about(Attachment, row)).execute()
    drop_copies(row)
    return set(digests)


def drop_copies(row):
    """Drop what was only kept for a while about a record and may repeat its values: notices and drafts."""
    Notice.delete().where(_about(Notice, row)).execute()
    address = f"/records/{row._meta.record}/{row.id}/"
    Draft.delete().where(Draft.key.startswith(address)).execute()
