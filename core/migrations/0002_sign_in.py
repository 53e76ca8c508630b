"""Sign in."""

from peewee import *


def up(migrator, db):
    class Person(Model):
        id = BigAutoField()

        class Meta:
            database = db
            table_name = "person"

    class PasswordBefore(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, on_delete="RESTRICT")
        password_hash = CharField()
        set_at = DateTimeField()

        class Meta:
            database = db
            table_name = "password_before"

    db.create_tables([PasswordBefore])

    class SecondFactor(Model):
        id = BigAutoField()
        person = ForeignKeyField(Person, unique=True, on_delete="RESTRICT")
        totp_secret = TextField()
        last_step = BigIntegerField()
        made_at = DateTimeField()

        class Meta:
            database = db
            table_name = "second_factor"

    db.create_tables([SecondFactor])
    migrator.migrate(migrator.add_column("person", "password_set_at", DateTimeField(null=True)))
    migrator.migrate(migrator.add_column("login_try", "step", CharField(max_length=8, null=True)))
    migrator.migrate(migrator.add_column("login_try", "forgiven_at", DateTimeField(null=True)))
    migrator.migrate(migrator.add_column("session", "code_at", DateTimeField(null=True)))
    migrator.migrate(migrator.add_column("session", "by_link", BooleanField(default=False)))
    migrator.migrate(migrator.add_column("session", "totp_secret", TextField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("session", "totp_secret"))
    migrator.migrate(migrator.drop_column("session", "by_link"))
    migrator.migrate(migrator.drop_column("session", "code_at"))
    migrator.migrate(migrator.drop_column("login_try", "forgiven_at"))
    migrator.migrate(migrator.drop_column("login_try", "step"))
    migrator.migrate(migrator.drop_column("person", "password_set_at"))
    migrator.migrate(migrator.drop_table("second_factor"))
    migrator.migrate(migrator.drop_table("password_before"))
