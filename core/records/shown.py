"""What personal data was shown in the clear: to whom, of which record, for what purpose, and until when it stays so."""

import peewee

from core.access import needs_actor
from core.database import Kept
from core.fields import JsonColumn, MomentColumn
from core.people import Person


class Showing(Kept):
    """Personal values shown to a person. `fields` are their names; `row_id` is 0 where `count` rows were written out."""

    person = peewee.ForeignKeyField(Person, null=True, backref="+", on_delete="RESTRICT")
    who = peewee.CharField(max_length=160)
    branch_id = peewee.BigIntegerField()
    record = peewee.CharField(max_length=64)
    row_id = peewee.BigIntegerField(default=0)
    fields = JsonColumn()
    count = peewee.BigIntegerField(default=1)
    purpose = peewee.CharField(max_length=255)
    via = peewee.CharField(max_length=32)
    session_id = peewee.BigIntegerField(null=True)
    at = MomentColumn()
    until = MomentColumn()

    class Meta:
        indexes = ((("person", "until"), False), (("record", "row_id"), False), (("branch_id", "at"), False))


def shown_to(actor):
    """What is shown to the actor now, read once: {(record name, id): names of the fields}."""
    needs_actor(actor)
    if actor.shown is None:
        actor.shown = {}
        if actor.session_id is not None:
            mine = (Showing.person == actor.person_id) & (Showing.session_id == actor.session_id)
            for row in Showing.select().where(mine, Showing.until > actor.now, Showing.row_id > 0):
                remember(actor, row.record, row.row_id, row.fields)
    return actor.shown


def remember(actor, record, row_id, names):
    """Let the actor see these fields of a record from now on."""
    shown_to(actor).setdefault((record, row_id), set()).update(names)


def showings_of(record, row_id):
    """The showings of one record, newest first, each with its person loaded."""
    mine = (Showing.record == record) & (Showing.row_id == row_id)
    return list(Showing.select(Showing, Person).left_outer_join(Person).where(mine).order_by(Showing.id.desc()))
