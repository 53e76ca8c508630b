"""What a form asks: an Item for each field and each added question, with its label, its clauses and what was typed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.clocks import Clock
from core.conditions import Condition
from core.language import say
from core.organisation import Department
from core.people import Person
from core.plugins import registry
from core.records.model import Record
from core.records.visibility import day_of, find, in_clear, masked, may_see
from core.screens.records import lookups
from core.screens.records.cells import title_of
from core.switches import is_on


@dataclass
class Item:
    """One question of a form. `text` is what its input holds; `shown_if` are the parts of a condition, for the browser.

    `options` are (word, label); `look_up` the address that finds what may be typed; `new` a record made inside.
    """

    name: str
    label: object
    kind: str
    text: str = ""
    fault: str = ""
    hint: str = ""
    required: bool = False
    options: tuple = ()
    clauses: tuple = ()
    shown_if: tuple = ()
    look_up: str = ""
    locked: bool = False
    masked: str = ""  # what stands there, with stars; left empty it stays as it is
    is_more: bool = False
    column: object = None
    question: object = None
    new: object = None

    @property
    def is_day_only(self):
        """Whether a moment is given as a day without an hour."""
        return self.kind == "moment" and len(self.text) == 10


def is_askable(column):
    """Whether a form can ask a column at all: not what the program fills in."""
    if column.read_only or column.kind == "json" or getattr(column, "taken_away", False):
        return False
    return (
        column.kind != "ref" or column.rel_model in (Person, Department, Clock) or issubclass(column.rel_model, Record)
    )


def own_names(context):
    """The askable own fields of a record type in a branch, by API name, in the order of their declaration."""
    own = {column.name for column in context.model.own_fields()}
    return [name for name, column in context.columns.items() if column.name in own and is_askable(column)]


def asked_by_steps(context):
    """The fields that transitions ask for or stamp: these wait for their step."""
    steps = context.workflow.transitions.values()
    return {name for step in steps for name in (*step.requires, *step.asks, *step.stamps)}


def names_for_new(context):
    """What a new record is asked: (names, those of them that are asked less often). Fields of later steps wait for them."""
    later = asked_by_steps(context)
    at_once = {n for _, ext in context.extensions for r in ext.requires if r.on == "create" for n in r.fields}
    at_once |= {name for name, column in context.columns.items() if column.required}
    own = own_names(context)
    names = [name for name in own if name not in later or name in at_once]
    first_later = next((place for place, name in enumerate(own) if name in later), len(own))
    more = {name for name in own[first_later:] if name not in at_once}
    return ["happened_at", *names, "owner", "department"], more


def names_for_change(context, record):
    """What may be changed on an old record: not what a step asks and has not been given, and no stamped moments."""
    later = asked_by_steps(context)
    names = [name for name in own_names(context) if context.columns[name].name not in context.stamped]
    return [n for n in names if n not in later or record.__data__.get(context.columns[n].name) not in (None, "")]


def items(context, names, record=None, more=()):
    """The Items of fields, with the record's values, or what a new record begins with."""
    return [_item(context, name, record, name in more) for name in names if name in context.columns]


def questions(context, record=None):
    """The Items of the added questions: today's for a new record, those that were asked of it for an old one."""
    form = context.form if record is None else context.form_for(record)
    return [_question(context, question, record) for question in form.questions if not question.retired]


def _item(context, name, record, is_more):
    column = context.columns[name]
    target = getattr(column, "rel_model", None)
    item = Item(
        name,
        column.label,
        "department" if target is Department else "lookup" if column.kind in ("ref", "softref") else column.kind,
        hint=column.hint or "",
        required=column.required or name in ("owner", "happened_at"),
        options=_options(context, column, target),
        clauses=clauses(context, column.clauses + _asked_for(context, name)),
        look_up=_look_up(context, name, column, target),
        is_more=is_more,
        column=column,
    )
    if record is None:
        item.text = _beginning(context, name, column)
    elif in_clear(context.actor, record, column):
        item.text = as_text(record, column, context)
    else:
        _mask(context, item, record.__data__.get(column.name))
    return item


def _mask(context, item, value):
    """Show a personal value with stars: left empty it stays, and who may not see it cannot change it either."""
    if may_see(context.actor, context.model, item.column, context.branch_id):
        item.masked = masked(value)
        item.required = item.required and not item.masked
    else:
        item.text, item.locked = masked(value), True


def _options(context, column, target):
    if target is Department:
        return (("", ""), *((d.code, d.name) for d in lookups.departments_of(context.branch_id)))
    blank = (("", ""),) if column.null or column.default is None else ()
    if column.kind == "choice":
        return (*blank, *column.options.items())
    if column.kind == "yesno":
        return (*blank, ("true", say("是", "Yes")), ("false", say("否", "No")))
    return ()


def _look_up(context, name, column, target):
    if column.kind == "softref" or (column.kind == "ref" and target is not Department):
        return f"/records/{context.model._meta.record}/look-up/{name}"
    return ""


def _asked_for(context, name):
    return tuple(r.clause for _, extension in context.extensions for r in extension.requires if name in r.fields)


def clauses(context, ids):
    """The clauses with these ids, of regulations that are on in the branch: [(Regulation, Clause)]."""
    found = []
    for plugin in registry().plugins.values():
        if plugin.regulation and is_on(plugin.name, context.branch_id, context.now):
            known = plugin.regulation.clauses
            found += [(plugin.regulation, known[i]) for i in dict.fromkeys(ids) if i in known]
    return tuple(found)


def _question(context, question, record):
    stored = (record.extra or {}).get(question.key) if record is not None else question.default
    text = "" if stored is None else str(stored).lower() if isinstance(stored, bool) else str(stored)
    options = ()
    if question.kind == "choice":
        offered = [(word, label) for word, label, retired in question.choices if not retired or word == text]
        options = (("", ""), *offered)
    elif question.kind == "yesno":
        options = (("", ""), ("true", say("是", "Yes")), ("false", say("否", "No")))
    item = Item(
        question.name,
        question.label,
        question.kind,
        text=text,
        required=question.required,
        options=options,
        shown_if=Condition.parse(question.shown_if).parts if question.shown_if else (),
        column=question.column,
        question=question,
    )
    if record is not None and not in_clear(context.actor, record, question.column):
        item.text = ""
        _mask(context, item, stored)
    return item


def _beginning(context, name, column):
    if name == "happened_at":
        return for_input(context.now, context.zone)
    if name == "owner":
        return lookups.person_text(context.actor.person) if context.actor.person else ""
    if name == "department":
        home = context.actor.person.department_id if context.actor.person else None
        return next((d.code for d in lookups.departments_of(context.branch_id) if d.id == home), "")
    default = column.default() if callable(column.default) else column.default
    return "" if default is None else plain(default)


def for_input(moment, zone):
    """A moment as an input of type datetime-local wants it."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def plain(value):
    """A value without a place or a person in it, as an input holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.2f}" if isinstance(value, Decimal) else str(value)


def as_text(record, column, context):
    """A record's value as the input of its column holds it."""
    value = record.__data__.get(column.name)
    if value is None:
        return ""
    if column.kind == "ref":
        return target_text(getattr(record, column.name), context.actor)
    if isinstance(value, datetime):
        day_only = record.is_day_only(column.name)
        return str(day_of(record, column.name)) if day_only else for_input(value, context.zone)
    return plain(value)


def target_text(target, actor):
    """What a reference leads to, as an input shows it and finds it again."""
    if isinstance(target, Person):
        return lookups.person_text(target)
    if isinstance(target, Department):
        return target.code
    return title_of(target, actor) if isinstance(target, Record) else f"#{target.id}"


def prefill(items, context, args):
    """Fill Items of a new record in from an address, as in `?report=3`: what is not visible stays empty."""
    for item in items:
        text = args.get(item.name, "").replace("\0", "").strip()
        if text and item.kind == "lookup" and issubclass(item.column.rel_model, Record):
            item.text = target_text(find(context.actor, item.column.rel_model, text), context.actor)
        elif text:
            item.text = text
