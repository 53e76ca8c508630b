"""Messages."""

from peewee import *


def up(migrator, db):
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

    class Channel(Model):
        id = BigAutoField()
        name = CharField(unique=True, max_length=64)
        kind = CharField(max_length=16)
        branch = ForeignKeyField(Branch, on_delete="RESTRICT")
        department = ForeignKeyField(Department, null=True, on_delete="RESTRICT")
        carries = CharField(max_length=16)
        language = CharField(max_length=8)
        sealed_address = TextField()
        made_at = DateTimeField()
        removed_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "channel"

    db.create_tables([Channel])

    class ChannelHealth(Model):
        id = BigAutoField()
        channel = ForeignKeyField(Channel, unique=True, on_delete="CASCADE")
        failures = IntegerField()
        why = CharField(max_length=16)
        detail = CharField()
        failed_at = DateTimeField(null=True)
        next_try_at = DateTimeField(null=True)
        sent_at = DateTimeField(null=True)
        set_aside_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "channel_health"

    db.create_tables([ChannelHealth])

    class Dispatch(Model):
        id = BigAutoField()
        person_id = BigIntegerField()
        room_id = BigIntegerField()
        occasion = CharField(max_length=160)
        channel = ForeignKeyField(Channel, on_delete="RESTRICT")
        notice_id = BigIntegerField()
        state = CharField(max_length=16)
        claim = CharField(max_length=32)
        lease_until = DateTimeField(null=True)
        next_try_at = DateTimeField(null=True)
        tries = IntegerField()
        may_repeat = BooleanField()
        sent_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "dispatch"
            indexes = (
                (("person_id", "room_id", "occasion"), True),
                (("state", "next_try_at"), False),
                (("channel", "person_id", "sent_at"), False),
            )

    db.create_tables([Dispatch])

    class MessageAddress(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, unique=True, on_delete="RESTRICT")
        sealed_address = TextField()
        is_wanted = BooleanField()
        since = DateTimeField()

        class Meta:
            database = db
            table_name = "message_address"

    db.create_tables([MessageAddress])

    migrator.migrate(migrator.add_index("notice", ("recorded_at",)))


def down(migrator, db):
    migrator.migrate(migrator.drop_index("notice", "notice_recorded_at"))
    migrator.migrate(migrator.drop_table("message_address"))
    migrator.migrate(migrator.drop_table("dispatch"))
    migrator.migrate(migrator.drop_table("channel_health"))
    migrator.migrate(migrator.drop_table("channel"))
