"""Initial."""

from peewee import *


def up(migrator, db):
    class Branch(Model):
        id = BigAutoField()
        code = CharField(unique=True, max_length=32)
        name = CharField(max_length=120)
        parent = ForeignKeyField("self", null=True, on_delete="RESTRICT")
        timezone = CharField(max_length=64)
        closed_on = DateField(null=True)
        successor = ForeignKeyField("self", null=True, on_delete="RESTRICT")

        class Meta:
            database = db
            table_name = "branch"

    db.create_tables([Branch])

    class Department(Model):
        id = BigAutoField()
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        code = CharField(max_length=32)
        name = CharField(max_length=120)
        function = CharField(max_length=32)
        closed_on = DateField(null=True)

        class Meta:
            database = db
            table_name = "department"
            indexes = ((("branch", "code"), True),)

    db.create_tables([Department])

    class Person(Model):
        id = BigAutoField()
        login = CharField(unique=True, max_length=64)
        name = CharField(max_length=120)
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        department = ForeignKeyField(Department, null=True, on_delete="RESTRICT")
        password_hash = CharField()
        is_active = BooleanField()
        language = CharField(max_length=8)
        theme = CharField(max_length=8)

        class Meta:
            database = db
            table_name = "person"

    db.create_tables([Person])

    class ApiToken(Model):
        id = BigAutoField()
        token_hash = CharField(unique=True, max_length=64)
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        made_at = DateTimeField()
        ended_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "api_token"

    db.create_tables([ApiToken])

    class Attachment(Model):
        id = BigAutoField()
        branch_id = BigIntegerField()
        record = CharField(max_length=64)
        record_id = BigIntegerField()
        owner = ForeignKeyField(Person, on_delete="RESTRICT")
        name = CharField()
        size_bytes = BigIntegerField()
        sha256 = CharField(max_length=64)
        recorded_at = DateTimeField()
        removed_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "attachment"
            indexes = ((("record", "record_id"), False),)

    db.create_tables([Attachment])

    class AuditEntry(Model):
        id = BigAutoField()
        branch_id = BigIntegerField()
        seq = BigIntegerField()
        at = DateTimeField()
        actor = CharField(max_length=160)
        person_id = BigIntegerField(null=True)
        via = CharField(max_length=32)
        verb = CharField(max_length=64)
        record = CharField(max_length=64)
        row_id = BigIntegerField()
        changes = TextField(null=True)
        reason = TextField()
        salt = CharField(max_length=32)
        digest = CharField(max_length=64)
        previous = CharField(max_length=64)
        hash = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "audit_entry"
            indexes = ((("branch_id", "seq"), True), (("record", "row_id"), False))

    db.create_tables([AuditEntry])

    class AuditHead(Model):
        id = BigAutoField()
        branch_id = BigIntegerField(unique=True)
        seq = BigIntegerField()
        hash = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "audit_head"

    db.create_tables([AuditHead])

    class Batch(Model):
        id = BigAutoField()
        record = CharField(max_length=64)
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        person = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        source = CharField()
        began_at = DateTimeField()
        alive_at = DateTimeField()
        done_at = DateTimeField(null=True)
        failed = BooleanField()

        class Meta:
            database = db
            table_name = "batch"

    db.create_tables([Batch])

    class CalendarVersion(Model):
        id = BigAutoField()
        branch = ForeignKeyField(Branch, null=True, on_delete="RESTRICT")
        year = IntegerField()
        content = TextField()
        source = CharField()
        made_at = DateTimeField()

        class Meta:
            database = db
            table_name = "calendar_version"
            indexes = ((("branch", "year"), False),)

    db.create_tables([CalendarVersion])

    class Clock(Model):
        id = BigAutoField()
        branch_id = BigIntegerField()
        record = CharField(max_length=64)
        record_id = BigIntegerField()
        start = CharField(max_length=64)
        stop = CharField(max_length=64)
        plugin = CharField(max_length=64)
        limit = CharField(max_length=64)
        clause = CharField(max_length=32)
        clauses = TextField()
        edition = BigIntegerField()
        calendar_version = BigIntegerField()
        owner_id = BigIntegerField(null=True)
        department_id = BigIntegerField(null=True)
        started_at = DateTimeField()
        due_at = DateTimeField(null=True)
        due_on = DateField(null=True)
        yellow_at = DateTimeField(null=True)
        passed_at = DateTimeField(null=True)
        stopped_at = DateTimeField(null=True)
        state = CharField(max_length=16)
        next_at = DateTimeField(null=True)
        is_provisional = BooleanField()
        is_recorded_late = BooleanField()

        class Meta:
            database = db
            table_name = "clock"
            indexes = (
                (("record", "record_id", "start", "stop"), True),
                (("next_at",), False),
                (("branch_id", "due_on"), False),
                (("owner_id", "stopped_at", "due_at"), False),
                (("department_id", "stopped_at", "due_at"), False),
            )

    db.create_tables([Clock])

    class ClockEvent(Model):
        id = BigAutoField()
        record = CharField(max_length=64)
        record_id = BigIntegerField()
        stop = CharField(max_length=64)
        kind = CharField(max_length=16)
        happened_at = DateTimeField()
        until = DateTimeField(null=True)
        ground = CharField()
        person_id = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "clock_event"
            indexes = ((("record", "record_id"), False),)

    db.create_tables([ClockEvent])

    class Comment(Model):
        id = BigAutoField()
        branch_id = BigIntegerField()
        record = CharField(max_length=64)
        record_id = BigIntegerField()
        owner = ForeignKeyField(Person, on_delete="RESTRICT")
        text = TextField()
        recorded_at = DateTimeField()

        class Meta:
            database = db
            table_name = "comment"
            indexes = ((("record", "record_id"), False),)

    db.create_tables([Comment])

    class Counter(Model):
        id = BigAutoField()
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        record = CharField(max_length=64)
        last = BigIntegerField()

        class Meta:
            database = db
            table_name = "counter"
            indexes = ((("branch", "record"), True),)

    db.create_tables([Counter])

    class Draft(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        key = CharField(max_length=200)
        values = TextField()
        title = CharField()
        saved_at = DateTimeField()

        class Meta:
            database = db
            table_name = "draft"
            indexes = ((("person", "key"), True),)

    db.create_tables([Draft])

    class Finding(Model):
        id = BigAutoField()
        branch_id = BigIntegerField()
        plugin = CharField(max_length=64)
        source = CharField(max_length=128)
        colour = CharField(max_length=8)
        record = CharField(max_length=64)
        record_id = BigIntegerField()
        episode = IntegerField()
        period = CharField(max_length=16)
        state = CharField(max_length=16)
        message = TextField()
        owner_id = BigIntegerField(null=True)
        department_id = BigIntegerField(null=True)
        clock_id = BigIntegerField(null=True)
        happened_at = DateTimeField()
        closed_at = DateTimeField(null=True)
        waived_until = DateField(null=True)
        reason = TextField()

        class Meta:
            database = db
            table_name = "finding"
            indexes = (
                (("source", "colour", "record", "record_id", "period", "episode"), True),
                (("branch_id", "state"), False),
                (("record", "record_id"), False),
            )

    db.create_tables([Finding])

    class FormVersion(Model):
        id = BigAutoField()
        record = CharField(max_length=64)
        branch = ForeignKeyField(Branch, null=True, on_delete="RESTRICT")
        edition = IntegerField()
        questions = TextField()
        made_at = DateTimeField()

        class Meta:
            database = db
            table_name = "form_version"
            indexes = ((("record", "branch", "edition"), True),)

    db.create_tables([FormVersion])

    class FrozenMeasure(Model):
        id = BigAutoField()
        measure = CharField(max_length=64)
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        period = CharField(max_length=16)
        by = CharField(max_length=16)
        group = CharField(max_length=64, column_name="group_code")
        numerator = BigIntegerField()
        denominator = BigIntegerField()
        closed_at = DateTimeField()

        class Meta:
            database = db
            table_name = "frozen_measure"
            indexes = ((("branch", "period", "measure", "by", "group", "closed_at"), True),)

    db.create_tables([FrozenMeasure])

    class Grant(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        role = CharField(max_length=64)
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        department = ForeignKeyField(Department, null=True, on_delete="RESTRICT")
        ended_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "grant"

    db.create_tables([Grant])

    class JobRun(Model):
        id = BigAutoField()
        job = CharField(max_length=128)
        branch_id = BigIntegerField()
        slot = CharField(max_length=32)
        state = CharField(max_length=16)
        worker = CharField(max_length=64)
        lease_until = DateTimeField(null=True)
        tries = IntegerField()
        began_at = DateTimeField()
        done_at = DateTimeField(null=True)
        result = TextField(null=True)
        error = TextField()

        class Meta:
            database = db
            table_name = "job_run"
            indexes = ((("job", "branch_id", "slot"), True), (("state", "lease_until"), False))

    db.create_tables([JobRun])

    class LimitEdition(Model):
        id = BigAutoField()
        limit = CharField(max_length=128)
        branch = ForeignKeyField(Branch, null=True, on_delete="RESTRICT")
        span = CharField(max_length=64)
        yellow_percent = IntegerField(null=True)
        from_day = DateField()
        reason = CharField()
        made_at = DateTimeField()

        class Meta:
            database = db
            table_name = "limit_edition"
            indexes = ((("limit", "branch"), False),)

    db.create_tables([LimitEdition])

    class LoginTry(Model):
        id = BigAutoField()
        login = CharField(max_length=64)
        at = DateTimeField()
        address = CharField(max_length=64)
        succeeded = BooleanField()

        class Meta:
            database = db
            table_name = "login_try"
            indexes = ((("login", "at"), False),)

    db.create_tables([LoginTry])

    class Message(Model):
        id = BigAutoField()
        plugin = CharField(max_length=64)
        kind = CharField(max_length=64)
        branch_id = BigIntegerField()
        subject = CharField(max_length=96)
        payload = TextField()
        made_at = DateTimeField()
        next_try_at = DateTimeField(null=True)
        tries = IntegerField()
        done_at = DateTimeField(null=True)
        error = TextField()

        class Meta:
            database = db
            table_name = "outbox"
            indexes = ((("next_try_at", "id"), False), (("subject", "id"), False))

    db.create_tables([Message])

    class Notice(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        occasion = CharField(max_length=160)
        branch_id = BigIntegerField()
        text = TextField()
        tone = CharField(max_length=8)
        record = CharField(max_length=64)
        record_id = BigIntegerField(null=True)
        recorded_at = DateTimeField()
        read_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "notice"
            indexes = ((("person", "occasion"), True), (("person", "read_at"), False))

    db.create_tables([Notice])

    class OneTimeLink(Model):
        id = BigAutoField()
        token_hash = CharField(unique=True, max_length=64)
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        expires_at = DateTimeField()
        used_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "one_time_link"

    db.create_tables([OneTimeLink])

    class Session(Model):
        id = BigAutoField()
        token_hash = CharField(unique=True, max_length=64)
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        began_at = DateTimeField()
        seen_at = DateTimeField()
        ended_at = DateTimeField(null=True)
        address = CharField(max_length=64)
        agent = CharField()

        class Meta:
            database = db
            table_name = "session"

    db.create_tables([Session])

    class SwitchEntry(Model):
        id = BigAutoField()
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        plugin = CharField(max_length=64)
        value = CharField(max_length=16)
        from_day = DateField()
        reason = CharField()
        author = ForeignKeyField(Person, null=True, on_delete="RESTRICT")
        made_at = DateTimeField()

        class Meta:
            database = db
            table_name = "switch_entry"
            indexes = ((("branch", "plugin"), False),)

    db.create_tables([SwitchEntry])

    class Version(Model):
        id = BigAutoField()
        name = CharField(unique=True)
        number = BigIntegerField()

        class Meta:
            database = db
            table_name = "version"

    db.create_tables([Version])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("version"))
    migrator.migrate(migrator.drop_table("switch_entry"))
    migrator.migrate(migrator.drop_table("session"))
    migrator.migrate(migrator.drop_table("one_time_link"))
    migrator.migrate(migrator.drop_table("notice"))
    migrator.migrate(migrator.drop_table("outbox"))
    migrator.migrate(migrator.drop_table("login_try"))
    migrator.migrate(migrator.drop_table("limit_edition"))
    migrator.migrate(migrator.drop_table("job_run"))
    migrator.migrate(migrator.drop_table("grant"))
    migrator.migrate(migrator.drop_table("frozen_measure"))
    migrator.migrate(migrator.drop_table("form_version"))
    migrator.migrate(migrator.drop_table("finding"))
    migrator.migrate(migrator.drop_table("draft"))
    migrator.migrate(migrator.drop_table("counter"))
    migrator.migrate(migrator.drop_table("comment"))
    migrator.migrate(migrator.drop_table("clock_event"))
    migrator.migrate(migrator.drop_table("clock"))
    migrator.migrate(migrator.drop_table("calendar_version"))
    migrator.migrate(migrator.drop_table("batch"))
    migrator.migrate(migrator.drop_table("audit_head"))
    migrator.migrate(migrator.drop_table("audit_entry"))
    migrator.migrate(migrator.drop_table("attachment"))
    migrator.migrate(migrator.drop_table("api_token"))
    migrator.migrate(migrator.drop_table("person"))
    migrator.migrate(migrator.drop_table("department"))
    migrator.migrate(migrator.drop_table("branch"))
