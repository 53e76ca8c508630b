"""Set aside."""

from peewee import *


def up(migrator, db):
    class PluginTrouble(Model):
        id = BigAutoField()
        plugin = CharField(max_length=64)
        what = CharField(max_length=128)
        in_row = IntegerField()
        total = IntegerField()
        error = TextField()
        since_at = DateTimeField()
        last_at = DateTimeField()

        class Meta:
            database = db
            table_name = "plugin_trouble"
            indexes = ((("plugin", "what"), True),)

    db.create_tables([PluginTrouble])

    class SetAside(Model):
        id = BigAutoField()
        plugin = CharField(max_length=64)
        reason = TextField()
        author = CharField(max_length=160)
        begun_at = DateTimeField()
        ended_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "set_aside"
            indexes = ((("plugin", "ended_at"), False),)

    db.create_tables([SetAside])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("set_aside"))
    migrator.migrate(migrator.drop_table("plugin_trouble"))
