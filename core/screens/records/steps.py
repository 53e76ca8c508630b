"""The steps that lead on from a record's state: which the actor may take, why not the others, and what each asks."""

from dataclasses import dataclass

from core.language import say
from core.records.context import Context
from core.records.steps import capacity_label
from core.screens.records import asked
from core.screens.records.entry import Entry


@dataclass
class Step:
    """One step as the page offers it. `reason` says why it is closed to the actor, "" where it is open."""

    transition: object
    entry: Entry
    reason: str = ""
    clauses: tuple = ()
    is_open: bool = False  # its form is shown: it was sent and refused
    both: tuple = ()  # what somebody else saved of what the step asks, while it was filled in

    @property
    def event(self):
        return self.transition.event


def steps_of(actor, record):
    """Every step from the record's state that people take, in the order of the workflow."""
    context = Context(actor, record.branch_id, type(record))
    held = actor.capacities(record.branch_id, record)
    found = []
    for transition in context.workflow.after(record.state):
        by = [name for name in transition.by if name != "system"]
        if by:
            entry = Entry(context, items_of(context, transition, record), record)
            clauses = asked.clauses(context, transition.clauses)
            found.append(Step(transition, entry, "" if held & set(by) else _closed(by), clauses))
    return found


def _closed(by):
    return say("须由以下身份办理:{by}", "done by: {by}", by="、".join(str(capacity_label(name)) for name in by))


def items_of(context, transition, record):
    """What a step asks: its moments (now, unless told otherwise), what it requires, what it may be told, open questions."""
    names = dict.fromkeys((*transition.stamps, *transition.requires, *transition.asks))
    items = asked.items(context, names, record)
    for item in items:
        item.required = item.name in transition.requires
        if item.name in transition.stamps:
            item.text, item.is_more = _now(context, item), True
            item.hint = item.hint or say("不改则记为提交的时刻", "Left as it is, the moment of sending counts")
        if item.name in transition.requires and not item.text and item.column.kind == "day":
            item.text = str(context.now.astimezone(context.zone).date())
    answered = record.extra or {}
    open_ = [q for q in asked.questions(context, record) if q.required and answered.get(q.question.key) in (None, "")]
    return [*items, *open_]


def _now(context, item):
    now = asked.for_input(context.now, context.zone)
    return now[:10] if item.column.kind == "day" else now
