"""Initial."""

from peewee import *


def up(migrator, db):
    class Batch(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "batch"

    class Branch(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "branch"

    class Department(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "department"

    class Person(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "person"

    class Customer(Model):
        id = BigAutoField()
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        number = CharField(max_length=64)
        state = CharField(max_length=64)
        revision = IntegerField()
        owner = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        department = ForeignKeyField(Department, null=True, on_delete="RESTRICT")
        recorded_by = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        form_version = BigIntegerField()
        happened_at = DateTimeField()
        recorded_at = DateTimeField()
        stamps = TextField()
        extra = TextField()
        gaps = TextField()
        batch = ForeignKeyField(Batch, null=True, on_delete="RESTRICT")
        name = CharField()
        group = CharField(max_length=64)
        phone = CharField(null=True)
        email = CharField(null=True)
        wechat = CharField(null=True)
        preferred_channel = CharField(null=True, max_length=64)
        identity_number = CharField(null=True, max_length=32)
        stage = CharField(max_length=64)
        address = CharField(null=True)
        postcode = CharField(null=True, max_length=16)
        remark = TextField(null=True)

        class Meta:
            database = db
            table_name = "customer"
            indexes = (
                (("branch", "number"), True),
                (("branch", "happened_at", "id"), False),
                (("happened_at", "id"), False),
                (("branch", "state"), False),
            )

    db.create_tables([Customer])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("customer"))
