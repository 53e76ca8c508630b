"""Files that people attach to a record: kept by their digest in the data folder, given back as downloads only."""

import peewee

from core.database import Kept
from core.fields import MomentColumn
from core.people import Person


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
