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

    class Customer(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "customer"

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

    class Complaint(Model):
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
        channel = CharField(max_length=64)
        received_by = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        customer = ForeignKeyField(Customer, null=True, on_delete="RESTRICT")
        contact_means = CharField(null=True)
        content = TextField(null=True)
        about_department = ForeignKeyField(Department, null=True, on_delete="RESTRICT")
        about_employee = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        class_ = CharField(null=True, max_length=64, column_name="class")
        class_reason = CharField(null=True)
        cause = CharField(null=True, max_length=64)
        accepted_at = DateTimeField(null=True)
        first_contact_at = DateTimeField(null=True)
        details = TextField(null=True)
        findings = TextField(null=True)
        measure = TextField(null=True)
        result = TextField(null=True)
        result_told_at = DateTimeField(null=True)
        satisfied = BooleanField(null=True)
        rounds = BigIntegerField()
        closed_at = DateTimeField(null=True)
        close_reason = TextField(null=True)
        void_as = CharField(null=True, max_length=64)
        void_reason = CharField(null=True)
        source_row = TextField(null=True)

        class Meta:
            database = db
            table_name = "complaint"
            indexes = (
                (("branch", "number"), True),
                (("branch", "happened_at", "id"), False),
                (("happened_at", "id"), False),
                (("branch", "state"), False),
            )

    db.create_tables([Complaint])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("complaint"))
