"""Files that people attach to a record: kept by their digest in the data folder, given back as downloads only."""

import hashlib
import io
import os
import secrets
import unicodedata
import zipfile
from contextlib import suppress
from pathlib import PurePath

import peewee

from core import audit
from core.comments import require_comment
from core.database import Kept, alone, transaction
from core.errors import Denied, Fault, NotFound, Refused
from core.fields import MomentColumn
from core.language import say
from core.people import Person
from core.records.visibility import permission

TIDIED = 500  # files looked up in one query


class Attachment(Kept):
    """One file of a record; its content lies under its SHA-256 in the files folder."""

    branch_id = peewee.BigIntegerField()
    record = peewee.CharField(max_length=64)
    record_id = peewee.BigIntegerField()
    owner = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    name = peewee.CharField(max_length=255)
    size_bytes = peewee.BigIntegerField()
    sha256 = peewee.CharField(max_length=64)
    recorded_at = MomentColumn()
    removed_at = MomentColumn(null=True)

    class Meta:
        indexes = ((("record", "record_id"), False),)


RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))}  # of Windows


def _is_zip_with(folder):
    def judge(content):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            return False
        runs = any(name.lower().endswith("vbaproject.bin") for name in names)  # macros
        return not runs and "[Content_Types].xml" in names and any(name.startswith(folder) for name in names)

    return judge


def _is_text(content):
    if b"\0" in content:
        return False
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


KINDS = {  # what is taken, and what its content must look like: a name alone proves nothing
    "pdf": lambda content: content.startswith(b"%PDF-"),
    "png": lambda content: content.startswith(b"\x89PNG\r\n\x1a\n"),
    "jpg": lambda content: content.startswith(b"\xff\xd8\xff"),
    "jpeg": lambda content: content.startswith(b"\xff\xd8\xff"),
    "docx": _is_zip_with("word/"),
    "xlsx": _is_zip_with("xl/"),
    "txt": _is_text,
}


def attach(actor, record, name, content, settings):
    """Keep a file (its bytes) with a visible record. Returns the Attachment. Raises Denied or Refused."""
    require_comment(actor, record)
    name = _clean(name)
    faults = _faults(name, content, settings.upload_megabytes)
    if faults:
        raise Refused(*(Fault("file", message) for message in faults))
    digest, is_new = _store(content, settings.files)
    values = {
        "branch_id": record.branch_id,
        "record": record._meta.record,
        "record_id": record.id,
        "owner": actor.person,
        "name": name,
        "size_bytes": len(content),
        "sha256": digest,
        "recorded_at": actor.now,
    }
    try:
        with transaction():
            alone(f"file:{digest}", wait=True)
            _store(content, settings.files)  # once more: another call that failed may have taken it away since
            return audit.keep(actor, Attachment, values, branch_id=record.branch_id, verb="attach")
    except BaseException:
        if is_new:
            take_away(digest, settings.files)
        raise


def take_away(digest, folder):
    """Remove a content unless some row speaks of it. Outside any transaction: what is undone must find its file."""
    with suppress(peewee.DatabaseError), transaction():
        alone(f"file:{digest}", wait=True)
        if not Attachment.select().where(Attachment.sha256 == digest).exists():
            (folder / digest).unlink(missing_ok=True)


def _clean(name):
    """The bare name, in any script, composed, without folders, unseen signs and what some file system does not take."""
    bare = PurePath(unicodedata.normalize("NFC", name or "").replace("\\", "/")).name
    kept = "".join(c for c in bare if c.isprintable() and c not in '<>:"/|?*').strip(" .")
    kept = f"_{kept}" if kept.partition(".")[0].strip().upper() in RESERVED else kept
    stem, dot, ending = kept.rpartition(".")
    return (stem[: 200 - len(ending)] + dot + ending[:10]) if dot else kept[:200]


def _faults(name, content, megabytes):
    stem, _, ending = name.rpartition(".")
    judge = KINDS.get(ending.lower())
    known = ", ".join(KINDS)
    if not content:
        return [say("请选择一个文件;空文件不收", "choose a file that is not empty")]
    if len(content) > megabytes * 1024 * 1024:
        return [say("文件超过 {most} MB", "the file is larger than {most} MB", most=megabytes)]
    if judge is None or not stem:
        return [say("只收这些类型:{known}", "only these kinds are taken: {known}", known=known)]
    if not judge(content):
        told = say("内容不是 {kind} 文件,请核对", "the content is no {kind} file: check it", kind=ending.lower())
        return [told]
    return []


def _store(content, folder):
    """Write the content under its digest, whole or not at all; returns the digest, and whether it was not there yet."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    with suppress(FileNotFoundError):
        os.utime(path)  # in use again: `tidy` leaves it alone
        return digest, False
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{digest}.{secrets.token_hex(4)}"
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return digest, True


def tidy(folder, before):
    """Take away files older than a moment that no record has: a process was killed between file and row. Returns how many."""
    old = [path for path in sorted(folder.iterdir()) if _is_older(path, before)] if folder.is_dir() else []
    gone = 0
    for start in range(0, len(old), TIDIED):
        some = old[start : start + TIDIED]
        names = [path.name for path in some]
        kept = {row.sha256 for row in Attachment.select(Attachment.sha256).where(Attachment.sha256.in_(names))}
        gone += sum(_take_old(path, before) for path in some if path.name not in kept)
    return gone


def _take_old(path, before):
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    os.replace(path, aside)
    if not _is_older(aside, before):  # somebody attached the same content at this very moment
        os.replace(aside, path)
        return False
    aside.unlink()
    return True


def _is_older(path, moment):
    return path.stat().st_mtime < moment.timestamp()


def attachments_of(record):
    """The files of a record that were not removed, with who attached them, oldest first."""
    mine = (Attachment.record == record._meta.record) & (Attachment.record_id == record.id)
    query = Attachment.select(Attachment, Person).join(Person).where(mine, Attachment.removed_at.is_null())
    return list(query.order_by(Attachment.id))


def attachment_of(record, attachment_id):
    """One file of a record. Raises NotFound."""
    found = next((each for each in attachments_of(record) if each.id == attachment_id), None)
    if found is None:
        raise NotFound(say("这条记录没有这个附件。", "This record has no such file."))
    return found


def content_of(attachment, folder):
    """Where the content of a file lies. Raises NotFound where it is gone from the disk."""
    path = folder / attachment.sha256
    if not path.is_file():
        raise NotFound(
            say(
                "附件内容不在磁盘上,请告知系统管理员。",
                "The file is gone from the disk. Tell the system administrator.",
            )
        )
    return path


def remove(actor, record, attachment, reason):
    """Take a file off a record, with a reason; its content stays on file. Raises Denied or Refused."""
    if attachment.owner_id != actor.person_id and not actor.may(permission(type(record), "edit"), record.branch_id):
        raise Denied(
            say("只有上传人或可编辑者可以移除附件。", "Only who attached it, or who edits the record, removes a file.")
        )
    require_comment(actor, record)
    if not reason.strip():
        raise Refused(Fault("file", say("移除附件须写明原因", "say why the file is removed"), "required"))
    audit.amend(
        actor, attachment, {"removed_at": actor.now}, branch_id=record.branch_id, verb="remove", reason=reason.strip()
    )
