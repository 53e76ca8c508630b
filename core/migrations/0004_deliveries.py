"""Deliveries: how often a message was about to be handed over."""

from peewee import *


def up(migrator, db):
    migrator.migrate(migrator.add_column("outbox", "handed", IntegerField(default=0)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("outbox", "handed"))
