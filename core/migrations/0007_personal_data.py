"""Personal data."""

from peewee import *


def up(migrator, db):
    class Person(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "person"

    class PersonRequest(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        branch_id = BigIntegerField()
        kind = CharField(max_length=16)
        subject = CharField(max_length=160)
        reason = CharField()
        outcome = TextField()
        at = DateTimeField()

        class Meta:
            database = db
            table_name = "person_request"

    db.create_tables([PersonRequest])

    class Seal(Model):
        id = BigAutoField()
        record = CharField(max_length=64)
        row_id = BigIntegerField()
        branch_id = BigIntegerField()
        until = DateField()
        basis = TextField()
        request_id = BigIntegerField()
        sealed_at = DateTimeField()
        erased_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "seal"
            indexes = ((("record", "row_id"), True), (("erased_at", "until"), False))

    db.create_tables([Seal])

    class Showing(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        who = CharField(max_length=160)
        branch_id = BigIntegerField()
        record = CharField(max_length=64)
        row_id = BigIntegerField()
        fields = TextField()
        count = BigIntegerField()
        purpose = CharField()
        via = CharField(max_length=32)
        session_id = BigIntegerField(null=True)
        at = DateTimeField()
        until = DateTimeField()

        class Meta:
            database = db
            table_name = "showing"
            indexes = ((("person", "until"), False), (("record", "row_id"), False), (("branch_id", "at"), False))

    db.create_tables([Showing])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("showing"))
    migrator.migrate(migrator.drop_table("seal"))
    migrator.migrate(migrator.drop_table("person_request"))
