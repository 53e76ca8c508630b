"""The trail of a record in plain sentences: who, when, what changed from what to what, and why."""

from dataclasses import dataclass

from core import audit
from core.forms import questions_of, sealed_kinds
from core.language import say
from core.organisation import Branch, Department, organisation
from core.people import Person
from core.records.model import Record
from core.records.visibility import in_clear, masked, workflow
from core.screens.records.cells import sees, stored_text, title_of

MOST = 50
WITHOUT_STORY = ("stamps", "gaps", "revision", "form_version", "batch", "recorded_at")


@dataclass(frozen=True)
class Told:
    """One entry of the trail as told: `lines` are (label, old, new) texts."""

    at: object
    who: str
    what: str
    lines: tuple
    reason: str = ""
    verb: str = ""


def story(record, actor, everything=False):
    """The entries about a record, newest first, and whether there are older ones that are not shown."""
    entries = list(
        audit.trail(record._meta.record, record.id)
        .order_by(audit.AuditEntry.id.desc())
        .limit(None if everything else MOST + 1)
    )
    more = not everything and len(entries) > MOST
    entries = entries[:MOST] if more else entries
    titles = _titles(record, entries, actor)
    questions = questions_of(record._meta.record)
    return [_told(entry, record, actor, titles, questions) for entry in entries], more


def _told(entry, record, actor, titles, questions):
    lines = []
    for name, change in (entry.changes or {}).items():
        lines += _lines(name, change, record, actor, titles, questions)
    who = titles.get((Person, entry.person_id)) or _program(entry.actor)
    what = _what(entry.verb, record, actor) if entry.changes is not None else say("内容已删除", "values erased")
    return Told(entry.at, who, what, tuple(lines), entry.reason, entry.verb)


def _lines(name, change, record, actor, titles, questions):
    if name == "extra":
        old, new = ((values or {}) for values in change)
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return [_answer(questions.get(f"x_{key}"), key, (old.get(key), new.get(key)), record, actor) for key in keys]
    column = type(record)._meta.fields.get(name)
    if column is None or name in WITHOUT_STORY:
        return []
    old, new = (stored_text(column, value, titles, actor, record) for value in change)
    return [(str(getattr(column, "label", name)), old, new)]


def _answer(question, key, values, record, actor):
    """The line of an answer that changed. One to a question that nobody asks any more is told only where it is not sealed."""
    kinds = sealed_kinds(record._meta.record)

    def told(value):
        if value in (None, ""):
            return say("空", "nothing")
        if key in kinds and not (question and in_clear(actor, record, question.column)):
            return masked(value)
        return question.column.show(value) if question else str(value)

    return (str(question.label if question else key), *map(told, values))


def _what(verb, record, actor):
    known = {
        "create": say("登记", "recorded it"),
        "change": say("修改", "changed it"),
        "correct": say("更正", "corrected it"),
        "hand_over": say("移交", "handed it over"),
        "import": say("导入", "imported it"),
        "take_over": say("接手", "took it over"),
    }
    step = workflow(type(record), record.branch_id, actor.now).transitions.get(verb)
    return str(step.label) if step else known.get(verb, verb)


def _program(name):
    return say("系统", "the system") if name == "system" else name


def _titles(record, entries, actor):
    """Texts of all that the entries refer to, one query for each kind: {(model, id): text}."""
    wanted = {Person: {entry.person_id for entry in entries}}
    fields = record._meta.fields
    for entry in entries:
        for name, change in (entry.changes or {}).items():
            target = getattr(fields.get(name), "rel_model", None)
            if target is not None:
                wanted.setdefault(target, set()).update(value for value in change if isinstance(value, int))
    return {(target, i): text for target, ids in wanted.items() for i, text in _texts(target, ids - {None}, actor)}


def _texts(target, ids, actor):
    if target is Branch:
        return [(i, organisation().branches[i].name) for i in ids if i in organisation().branches]
    if target is Department:
        return [(i, organisation().departments[i].name) for i in ids if i in organisation().departments]
    if not ids or not (target is Person or issubclass(target, Record)):
        return []
    rows = target.select().where(target.id.in_(sorted(ids)))
    return [(row.id, f"{row.name}({row.login})" if target is Person else _title(row, actor)) for row in rows]


def _title(row, actor):
    return title_of(row, actor) if sees(actor, row) else "—"
