"""Comments that people write on any record; whoever is responsible for the record is told."""

import peewee

from core import audit, notices
from core.database import Kept, transaction
from core.errors import Denied, Fault, Refused
from core.fields import MomentColumn
from core.language import say
from core.people import Person
from core.records.visibility import permission
from core.switches import require_on

MOST = 4000  # characters of one comment


class Comment(Kept):
    """One comment on a record. Never changed."""

    branch_id = peewee.BigIntegerField()
    record = peewee.CharField(max_length=64)
    record_id = peewee.BigIntegerField()
    owner = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    text = peewee.TextField()
    recorded_at = MomentColumn()

    class Meta:
        indexes = ((("record", "record_id"), False),)


def may_comment(actor, record):
    """Whether the actor may write on a record, or attach files to it: who comments there or edits it."""
    model = type(record)
    return any(actor.may(permission(model, verb), record.branch_id) for verb in ("comment", "edit"))


def require_comment(actor, record):
    """Raise Denied or SwitchedOff unless the actor may write on the record now."""
    require_on(record._meta.plugin, record.branch_id, actor.now)
    if not may_comment(actor, record):
        raise Denied(
            say("你不能在这条记录上留言或添加附件。", "You may not comment on this record or attach files to it.")
        )


def add(actor, record, text):
    """Write a comment on a visible record and tell its owner. Returns it. Raises Denied or Refused."""
    require_comment(actor, record)
    text = text.strip()
    if not text or len(text) > MOST:
        message = say("请填写留言,最多 {most} 字", "write a comment of at most {most} characters", most=MOST)
        raise Refused(Fault("comment", message, "required"))
    values = {
        "branch_id": record.branch_id,
        "record": record._meta.record,
        "record_id": record.id,
        "owner": actor.person,
        "text": text,
        "recorded_at": actor.now,
    }
    with transaction():
        comment = audit.keep(actor, Comment, values, branch_id=record.branch_id)
        _tell_owner(actor, record, comment)
    return comment


def _tell_owner(actor, record, comment):
    if record.owner_id in (None, actor.person_id):
        return
    label = record._meta.label
    notices.tell(
        [Person.get_or_none(Person.id == record.owner_id)],
        actor.now,
        occasion=f"comment:{comment.id}",
        branch_id=record.branch_id,
        zh=f"{actor.person.name} 在{label.zh} {record.number} 上留言",
        en=f"{actor.person.name} commented on {label.en} {record.number}",
        record=record._meta.record,
        record_id=record.id,
    )


def comments_on(record):
    """The comments on a record with their authors, oldest first."""
    mine = (Comment.record == record._meta.record) & (Comment.record_id == record.id)
    return list(Comment.select(Comment, Person).join(Person).where(mine).order_by(Comment.id))
