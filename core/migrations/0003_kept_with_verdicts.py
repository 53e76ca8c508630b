"""Kept with verdicts."""

from peewee import *


def up(migrator, db):
    migrator.migrate(migrator.add_column("clock", "span", CharField(max_length=64, null=True)))
    migrator.migrate(migrator.add_column("clock", "levels", TextField(null=True)))
    migrator.migrate(migrator.add_column("clock", "zone", CharField(max_length=64, null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("clock", "zone"))
    migrator.migrate(migrator.drop_column("clock", "levels"))
    migrator.migrate(migrator.drop_column("clock", "span"))
