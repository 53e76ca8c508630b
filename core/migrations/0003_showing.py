"""Showing."""

from peewee import *


def up(migrator, db):
    class Person(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "person"

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
