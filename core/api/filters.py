"""Filters of lists: `field=value`, several times for any of them, empty for none; `field.from` and `field.to` for ranges."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_

import peewee

from core import sealing
from core.api.problems import Malformed
from core.database import is_sqlite
from core.errors import Fault
from core.fields import printable
from core.forms import PREFIX, form_of
from core.language import say
from core.organisation import Department, organisation
from core.people import Person
from core.records.visibility import answer_sql, is_id, permission, workflow
from core.sealing import Sealed
from core.switches import branches_with

RANGED = ("moment", "day", "integer", "money")
ENDS = ("from", "to")


@dataclass(frozen=True)
class Place:
    """Where a filter's value is read: moments without an offset are of this zone."""

    zone: object


def known_columns(model):
    """What a list can be filtered by, by API name: all that is declared and has a value of its own."""
    return {name: column for name, column in model.by_api_name().items() if column.kind != "json"}


def known_questions(model, branches):
    """The added questions of these branches by name, retired ones too."""
    asked = [question for branch in sorted(branches) for question in form_of(model._meta.record, branch).questions]
    return {question.name: question for question in asked}


def narrowed(actor, model, query, branches, arguments, zone):
    """The query with the filters of `arguments` (a MultiDict). Raises Malformed that names every argument it cannot use.

    A filter on personal data, or on what a plugin adds, looks only where the person may see it and the plugin is on.
    """
    columns, questions, faults = known_columns(model), known_questions(model, branches), []
    for argument, texts in arguments.lists():
        name, dot, end = argument.rpartition(".")
        name, end = (name, end) if dot and end in ENDS else (argument, "")
        question = questions.get(name) if name.startswith(PREFIX) else None
        column = question.column if question else columns.get(name)
        if column is None or getattr(column, "taken_away", False) or (end and column.kind not in RANGED):
            faults.append(Fault(argument, say("不能按此项筛选", "there is no such filter"), "unknown"))
            continue
        expression = _answer(model, question) if question else column
        try:
            query = query.where(_condition(model, column, expression, end, texts, branches, actor, zone))
        except (ValueError, OverflowError) as error:
            faults.append(Fault(argument, str(error), "invalid"))
            continue
        query = _only_where_seen(actor, model, query, name, column)
    if faults:
        raise Malformed(*faults)
    return query


def _only_where_seen(actor, model, query, name, column):
    if "__" in name:
        query = query.where(model.branch.in_(sorted(branches_with(name.split("__")[0], actor.now))))
    if getattr(column, "personal", None):
        actor.require(permission(model, "personal"), None)
        seen = actor.branches(permission(model, "personal"))
        query = query if seen is None else query.where(model.branch.in_(sorted(seen)))
    return query


def _answer(model, question):
    """The answer to a question as SQL of its kind: it lies in JSON, where PostgreSQL sees a text."""
    sql = answer_sql(model, question.key)
    if question.kind == "money":
        return sql.cast("NUMERIC")
    return sql.cast("BIGINT") if question.kind == "integer" and not is_sqlite() else sql


def _condition(model, column, expression, end, texts, branches, actor, zone):
    if end:
        if len(texts) > 1 or not texts[0].strip():
            raise ValueError(say("应有且只有一个值", "exactly one value is wanted"))
        value = column.parse(texts[0], Place(zone))
        return _bounded(column, expression, end, value, zone)
    conditions = []
    for text in map(printable, texts):
        if not text.strip():
            conditions.append(expression.is_null())
        else:
            conditions.append(_equals(model, column, expression, text.strip(), branches, actor, zone))
    return reduce(or_, conditions)


def _equals(model, column, expression, text, branches, actor, zone):
    if column.kind == "ref":
        return expression.in_(_ids(column, text))
    if column is model.state and text not in _states(model, branches, actor.now):
        known = ", ".join(_states(model, branches, actor.now))
        raise ValueError(say("没有这个状态,可选:{known}", "no such state; there are: {known}", known=known))
    value = column.parse(text, Place(zone))
    if isinstance(column, Sealed) and not isinstance(expression, peewee.Field):
        return sealing.equals(expression, column.seal_kind, value)
    if column.kind == "moment" and not isinstance(value, datetime):
        return (expression >= midnight(value, zone)) & (expression < midnight(value + timedelta(days=1), zone))
    if isinstance(expression, peewee.Field):
        return expression == value
    return expression == _stored(column, value)


def _bounded(column, expression, end, value, zone):
    if column.kind == "moment" and not isinstance(value, datetime):
        if end == "from":
            return expression >= midnight(value, zone)
        return expression < midnight(value + timedelta(days=1), zone)
    value = value if isinstance(expression, peewee.Field) else _stored(column, value)
    return expression >= value if end == "from" else expression <= value


def _stored(column, value):
    """A value in the form in which the answer to a question is compared."""
    if column.kind == "money":
        return value
    if column.kind == "yesno":
        return int(value) if is_sqlite() else str(value).lower()
    return value.isoformat() if isinstance(value, date) else column.as_json(value)


def _states(model, branches, now):
    return list(dict.fromkeys(state for branch in branches for state in workflow(model, branch, now).states))


def _ids(column, text):
    if column.rel_model is Person:
        found = [row.id for row in Person.select(Person.id).where(Person.login == text)]
        wanted = say("没有登录名为“{text}”的人员", 'nobody has the login "{text}"', text=text)
    elif column.rel_model is Department:
        found = [department.id for department in organisation().departments.values() if department.code == text]
        wanted = say("没有代码为“{text}”的部门", 'no department has the code "{text}"', text=text)
    else:
        found = [int(text)] if is_id(text) else []
        wanted = say("应为记录的 id", "the id of a record is wanted")
    if not found:
        raise ValueError(wanted)
    return found


def midnight(day, zone):
    """The moment at which a day begins in a zone."""
    return datetime.combine(day, time.min, zone)
