"""Drafts: what somebody has typed and not saved yet."""

import json

import peewee

from core.database import Table, transaction
from core.errors import Fault, Refused
from core.fields import MomentColumn
from core.language import say
from core.people import Person
from core.sealing import SealedColumn, SealedJsonColumn

MOST = 200_000  # characters of all values of one draft
MANY = 100  # drafts of one person: the oldest make room


class Draft(Table):
    """What a person has typed into one form (`key`: the form's address)."""

    person = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    key = peewee.CharField(max_length=200)
    values = SealedJsonColumn()
    title = SealedColumn(default="")
    saved_at = MomentColumn()

    class Meta:
        indexes = ((("person", "key"), True),)


def keep(person, key, values, title, now):
    """Keep what a person has typed into the form at `key` (texts by input name), in place of what was kept before."""
    if not key or len(key) > 200 or len(json.dumps(values, ensure_ascii=False)) > MOST:
        raise Refused(Fault("key", say("草稿过大或地址不对,未保存", "the draft is too large, or its address is none")))
    with transaction():
        mine = (Draft.person == person) & (Draft.key == key)
        if not Draft.update(values=values, title=title[:255], saved_at=now).where(mine).execute():
            row = {"person": person, "key": key, "values": values, "title": title[:255], "saved_at": now}
            Draft.insert(row).on_conflict_ignore().execute()
            old = Draft.select(Draft.id).where(Draft.person == person).order_by(Draft.saved_at.desc()).offset(MANY)
            gone = [row.id for row in old]
            if gone:
                Draft.delete().where(Draft.id.in_(gone)).execute()


def find(person, key):
    """What the person typed into the form at `key` and has not saved, or None."""
    return Draft.get_or_none(Draft.person == person, Draft.key == key)


def drop(person, key):
    """Forget a draft: it was saved, or is not wanted."""
    Draft.delete().where(Draft.person == person, Draft.key == key).execute()


def of(person):
    """The person's drafts, the latest first."""
    return list(Draft.select().where(Draft.person == person).order_by(Draft.saved_at.desc()))
