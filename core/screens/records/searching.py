"""Searching a record type by what somebody types: the number first, then its other search fields."""

from functools import reduce
from operator import or_

import peewee

from core.records.visibility import permission
from core.sealing import Sealed


def search(query, model, actor, text):
    """The rows of `query` that a text finds: by the exact number, else by how it begins, else in the search fields.

    A personal field is searched only where the actor may see it in the clear; a sealed one by the whole of it, or by its last
    four characters.
    """
    text = text.strip()
    if not text:
        return query
    for by_number in (model.number == text, model.number.startswith(text)):
        if any(character.isdigit() for character in text) and query.where(by_number).exists():
            return query.where(by_number)
    conditions = [_contains(model, model.by_api_name()[name], actor, text) for name in _fields(model)]
    return query.where(reduce(or_, conditions) if conditions else peewee.SQL("1 = 0"))


def _fields(model):
    return [name for name in model._meta.search_fields if name != "number"]


def _contains(model, column, actor, text):
    found = column.found_by(text) if isinstance(column, Sealed) else column.contains(text)
    return found & clear_in(model, column, actor)


def clear_in(model, column, actor):
    """A condition: the row lies where the actor sees the column in the clear."""
    if not getattr(column, "personal", None):
        return peewee.SQL("1 = 1")
    branches = actor.branches(permission(model, "personal"))
    if branches is None:
        return peewee.SQL("1 = 1")
    return model.branch.in_(sorted(branches)) if branches else peewee.SQL("1 = 0")
