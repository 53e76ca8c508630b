"""Drafts: what somebody has typed and not saved yet."""

import peewee

from core.database import Table
from core.fields import JsonColumn, MomentColumn
from core.people import Person


class Draft(Table):
    """What a person has typed into one form (`key`: the form's address)."""

    person = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    key = peewee.CharField(max_length=200)
    values = JsonColumn()
    title = peewee.CharField(max_length=255, default="")
    saved_at = MomentColumn()

    class Meta:
        indexes = ((("person", "key"), True),)
