"""Comments that people write on any record."""

import peewee

from core.database import Kept
from core.fields import MomentColumn
from core.people import Person


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
