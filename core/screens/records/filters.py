"""The filters of a list: by state, choice, yes or no, owner, department, moment and added question, from the address."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import peewee

from core.clocks import OPEN, Clock
from core.fields import YesNo
from core.forms import questions_of
from core.language import say
from core.organisation import Department, organisation, zone_of
from core.people import Person
from core.plugins import registry
from core.records.visibility import answer_sql, is_id
from core.screens.records.searching import clear_in
from core.sealing import Sealed, found_by

CLOCK_COLOURS = ("red", "yellow", "running")


@dataclass
class Filter:
    """One filter: what it asks, what may be chosen, and what the address chose. `kind` is choice, person, day or text."""

    name: str
    label: object
    kind: str
    options: tuple = ()
    value: str = ""
    column: object = None
    question: object = None
    end: bool = False  # of a day: up to and including it

    @property
    def shown(self):
        """What was chosen, in words."""
        return str(dict(self.options).get(self.value, self.value))


def filters_of(model, columns, args, branch):
    """Every Filter of a record type, with what `args` choose. `columns` are those that are on in the branches at hand."""
    found = [Filter("state", columns["state"].label, "choice", _states(model), column=columns["state"])]
    own = {column.name for column in model.own_fields()} | {"owner", "department", "happened_at"}
    for name, column in columns.items():
        if column.name in own:
            found += _of_column(name, column, branch)
    for name, question in questions_of(model._meta.record).items():
        found.append(Filter(name, question.label, *_of_question(question), question=question))
    if any(limit["record"] == model._meta.record for limit in _limits()):
        options = tuple((colour, clock_word(colour)) for colour in CLOCK_COLOURS)
        found.append(Filter("clock", say("时限", "Limit"), "choice", options))
    for each in found:
        each.value = args.get(each.name, "").replace("\0", "").strip()
    return found


def clock_word(colour):
    """A colour of the clock filter in words."""
    return {"red": say("已超时", "Past its limit"), "yellow": say("临近时限", "Near its limit")}.get(
        colour, say("进行中", "Running")
    )


def _limits():
    return [limit for plugin in registry().plugins.values() for limit in plugin.limits]


def _states(model):
    return tuple((state.name, state.label) for state in model._meta.workflow.states.values())


def _of_column(name, column, branch):
    if column.kind == "choice":
        return [Filter(name, column.label, "choice", tuple(column.options.items()), column=column)]
    if column.kind == "yesno":
        return [Filter(name, column.label, "choice", _yes_no(), column=column)]
    if column.kind in ("moment", "day"):
        return [
            Filter(f"{name}.from", say("{label}自", "{label} from", label=column.label), "day", column=column),
            Filter(f"{name}.to", say("{label}至", "{label} to", label=column.label), "day", column=column, end=True),
        ]
    target = getattr(column, "rel_model", None)
    if target is Person:
        return [Filter(name, column.label, "person", column=column)]
    if target is Department:
        below = organisation().subtree(branch.id) | set(organisation().path(branch.id))
        known = [d for d in organisation().departments.values() if d.branch_id in below]
        several = len({d.branch_id for d in known}) > 1
        options = [
            (str(d.id), f"{organisation().branches[d.branch_id].name} {d.name}" if several else d.name) for d in known
        ]
        return [Filter(name, column.label, "choice", tuple(options), column=column)]
    return []


def _yes_no():
    return (("true", say("是", "Yes")), ("false", say("否", "No")))


def _of_question(question):
    if question.kind == "choice":
        return "choice", tuple((word, label) for word, label, _ in question.choices)
    return ("choice", _yes_no()) if question.kind == "yesno" else ("text", ())


def apply(query, model, actor, filters, branch):
    """The query narrowed by what the filters chose. A value that makes no sense finds nothing."""
    for chosen in filters:
        if chosen.value:
            query = query.where(_condition(chosen, model, actor, branch))
    return query


NOTHING = peewee.SQL("1 = 0")


def _condition(chosen, model, actor, branch):
    if chosen.name == "clock":
        return _by_clock(model, actor, chosen.value)
    if chosen.question is not None:
        return _by_answer(chosen, model, actor)
    column, value = chosen.column, chosen.value
    if chosen.kind == "day":
        found = _by_day(chosen, column, branch)
    elif chosen.kind == "person":
        found = column.in_(Person.select(Person.id).where((Person.login == value.split()[0]) | (Person.name == value)))
    elif getattr(column, "rel_model", None) is Department:
        found = column == int(value) if is_id(value) else NOTHING
    elif column.kind == "yesno":
        found = column == YesNo.WORDS[value.lower()] if value.lower() in YesNo.WORDS else NOTHING
    else:
        found = column == value
    return found & clear_in(model, column, actor) if getattr(column, "personal", None) else found


def _by_day(chosen, column, branch):
    try:
        day = date.fromisoformat(chosen.value)
    except ValueError:
        return NOTHING
    if column.kind == "day":
        return column <= day if chosen.end else column >= day
    start = datetime(day.year, day.month, day.day, tzinfo=zone_of(branch.id))
    return column < start + timedelta(days=1) if chosen.end else column >= start


def _by_answer(chosen, model, actor):
    question, answer = chosen.question, answer_sql(model, chosen.question.key)
    if question.kind == "yesno":
        wanted = ("true", "1") if chosen.value == "true" else ("false", "0")
        return answer.cast("text").in_(wanted)
    if isinstance(question.column, Sealed):
        found = found_by(answer, question.column.seal_kind, chosen.value)
        return found & clear_in(model, question.column, actor)
    if question.kind in ("text", "longtext"):
        return answer.cast("text").contains(chosen.value)
    return answer.cast("text") == chosen.value


def _by_clock(model, actor, colour):
    late, near = Clock.due_at < actor.now, Clock.yellow_at <= actor.now
    by_colour = {"red": late, "yellow": near & ~late, "running": (Clock.yellow_at.is_null() | ~near) & ~late}
    if colour not in by_colour:
        return NOTHING
    open_ = Clock.select(Clock.record_id).where(
        Clock.record == model._meta.record, Clock.state.in_(OPEN), Clock.due_at.is_null(False), by_colour[colour]
    )
    return model.id.in_(open_)
