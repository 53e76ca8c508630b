"""Personal values are sealed: the trail, drafts and messages that hold them, and the keys known to the database."""

from peewee import *

from core.sealing import seal_columns, unseal_columns

SEALED = {
    "audit_entry": {"changes": None, "salt": 32},
    "draft": {"values": None, "title": 255},
    "outbox": {"payload": None, "error": None},
}
HIDDEN = "h"


def up(migrator, db):
    class EncryptionKey(Model):
        id = BigAutoField()
        key = CharField(unique=True, max_length=16)
        proof = CharField(max_length=32)
        made_at = DateTimeField()
        dropped_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "encryption_key"

    db.create_tables([EncryptionKey])
    for table, widths in SEALED.items():
        seal_columns(db, table, dict.fromkeys(widths, HIDDEN))


def down(migrator, db):
    for table, widths in SEALED.items():
        unseal_columns(db, table, widths)
    migrator.migrate(migrator.drop_table("encryption_key"))
