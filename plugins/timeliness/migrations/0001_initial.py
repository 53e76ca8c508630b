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

    class Clock(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "clock"

    class Department(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "department"

    class Finding(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "finding"

    class Person(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "person"

    class RectificationReport(Model):
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
        cause = TextField(null=True)
        analysed_at = DateTimeField(null=True)
        submitted_at = DateTimeField(null=True)
        edition = BigIntegerField()
        decided_by = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        decision = TextField(null=True)
        closed_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "rectification_report"
            indexes = (
                (("branch", "number"), True),
                (("branch", "happened_at", "id"), False),
                (("happened_at", "id"), False),
                (("branch", "state"), False),
            )

    db.create_tables([RectificationReport])

    class RectificationMeasure(Model):
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
        report = ForeignKeyField(RectificationReport, on_delete="RESTRICT")
        measure = TextField()
        due_on = DateField()
        done_on = DateField(null=True)
        result = TextField(null=True)

        class Meta:
            database = db
            table_name = "rectification_measure"
            indexes = (
                (("branch", "number"), True),
                (("branch", "happened_at", "id"), False),
                (("happened_at", "id"), False),
                (("branch", "state"), False),
            )

    db.create_tables([RectificationMeasure])

    class Warning(Model):
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
        clock = ForeignKeyField(Clock, on_delete="RESTRICT")
        finding = ForeignKeyField(Finding, unique=True, on_delete="RESTRICT")
        colour = CharField(max_length=64)
        cause = TextField(null=True)
        measure = TextField(null=True)
        progress = TextField(null=True)
        reported_at = DateTimeField(null=True)
        seen_by = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        seen_at = DateTimeField(null=True)
        technical_cause = BooleanField()
        rectification = ForeignKeyField(RectificationReport, null=True, on_delete="RESTRICT")

        class Meta:
            database = db
            table_name = "warning"
            indexes = (
                (("branch", "number"), True),
                (("branch", "happened_at", "id"), False),
                (("happened_at", "id"), False),
                (("branch", "state"), False),
            )

    db.create_tables([Warning])
    migrator.migrate(migrator.add_column("complaint", "timeliness__late_item_id", BigIntegerField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("complaint", "timeliness__late_item_id"))
    migrator.migrate(migrator.drop_table("warning"))
    migrator.migrate(migrator.drop_table("rectification_measure"))
    migrator.migrate(migrator.drop_table("rectification_report"))
