"""How values look on pages: words, tags and links, masked where the actor may not see them. Nothing is loaded here."""

from dataclasses import dataclass
from datetime import datetime

from core.clocks import Clock
from core.findings import Finding
from core.language import say
from core.limits import shipped
from core.organisation import Branch, Department
from core.people import Person
from core.plugins import registry
from core.records.model import Record
from core.records.sealed import is_sealed
from core.records.visibility import day_of, in_clear, is_id, load_refs, masked, permission, workflow
from core.screens.times import moment as local
from core.switches import is_on

TONES = ("grey", "blue", "green", "yellow", "red")


@dataclass(frozen=True)
class Cell:
    """A value as shown: its text, where it leads, and the tone of its tag ("" is plain text)."""

    text: str = ""
    href: str = ""
    tone: str = ""
    is_masked: bool = False
    note: str = ""

    def __bool__(self):
        return bool(self.text)


def address(record):
    """Where a record's page is."""
    return f"/records/{record._meta.record}/{record.id}"


def sees(actor, record):
    """Whether the actor sees a loaded record: the same answer as `visible_to` gives, without a query."""
    model = type(record)
    return (
        not is_sealed(record)
        and actor.may(permission(model, "view"), record.branch_id)
        and is_on(model._meta.plugin, record.branch_id, actor.now)
    )


def sees_archived(actor, record):
    """Whether a loaded record lies in an archive that the actor may look into."""
    plugin = record._meta.plugin
    return (
        not is_sealed(record)
        and not is_on(plugin, record.branch_id, actor.now)
        and actor.may(f"{plugin}.archive.view", record.branch_id)
    )


def archive_address(record):
    """Where an archived record's page is."""
    return f"/archive/{record._meta.plugin}/{record._meta.record}/{record.id}"


def title_of(record, actor):
    """A record's number and title, the title masked where it is personal."""
    name = record._meta.title_field
    if name == "number":
        return record.number
    column, value = type(record)._meta.fields[name], record.__data__.get(name)
    shown = column.show(value) if in_clear(actor, record, column) else masked(value)
    return f"{record.number} {shown}".strip()


def state_cell(record, actor):
    """The state as a coloured tag."""
    state = workflow(type(record), record.branch_id, actor.now).states.get(record.state)
    return Cell(str(state.label), tone=state.tone) if state else Cell(record.state, tone="grey")


def cell(record, column, actor):
    """One value of a record, as the actor may see it. What it refers to was loaded by `load`."""
    name, value = column.name, record.__data__.get(column.name)
    if "__" in name and not is_on(name.split("__")[0], record.branch_id, actor.now):
        return Cell()
    if name == "state":
        return state_cell(record, actor)
    if value is None or value == "":
        return Cell()
    if not in_clear(actor, record, column):
        return Cell(masked(value), is_masked=True)
    if column.kind == "ref":
        return target_cell(record.__rel__.get(name), actor)
    if column.kind == "softref":
        return target_cell(record.__dict__.get("_soft", {}).get(value), actor)
    if column.kind == "moment":
        day_only = record.is_day_only(name)
        return Cell(str(day_of(record, name)) if day_only else local(value, record.branch_id))
    return Cell(column.show(value), tone=value if column.kind == "choice" and value in TONES else "")


def answer_cell(record, question, actor):
    """The answer to an added question, as the actor may see it."""
    value = (record.extra or {}).get(question.key)
    if value is None or value == "":
        return Cell()
    if not in_clear(actor, record, question.column):
        return Cell(masked(value), is_masked=True)
    return Cell(question.column.show(value))


def target_cell(target, actor):
    """What a reference leads to: by name, as a link where there is a page; nothing is told of what is not visible."""
    if target is None:
        return Cell()
    if isinstance(target, (Person, Department, Branch)):
        return Cell(target.name)
    if isinstance(target, Clock):
        return target_cell(target.__dict__.get("_about"), actor)
    if isinstance(target, Record):
        if sees(actor, target):
            return Cell(title_of(target, actor), href=address(target))
        if sees_archived(actor, target):
            return Cell(title_of(target, actor), href=archive_address(target))
        if is_sealed(target):
            return Cell(say("已封存", "sealed"), note=str(target._meta.label))
        return Cell("—", note=say("你无权查看", "you may not see this"))
    if isinstance(target, Finding):
        limit = shipped().get(target.source.removeprefix("limit:"))
        return Cell(str(limit.label) if limit else target.message or f"#{target.id}")
    return Cell(f"#{target.id}")


def load(rows, model, names=None):
    """Load all that the rows refer to, a query for each kind of target, never one for each row. Returns the rows.

    `names` are the columns to be shown; None is all.
    """
    load_refs(rows, model, names)
    _load_clock_records(rows, model, names)
    _load_soft(rows, model, names)
    return rows


def _columns(model, kind, names):
    return [
        column
        for column in model._meta.sorted_fields
        if getattr(column, "kind", "") == kind and (names is None or column.name in names)
    ]


def _load_clock_records(rows, model, names):
    refs = [column for column in _columns(model, "ref", names) if column.rel_model is Clock]
    clocks = [clock for row in rows for column in refs if (clock := row.__rel__.get(column.name)) is not None]
    found = by_name({(clock.record, clock.record_id) for clock in clocks})
    for clock in clocks:
        clock._about = found.get((clock.record, clock.record_id))


def _load_soft(rows, model, names):
    columns = _columns(model, "softref", names)
    if columns:
        texts = {row.__data__.get(column.name) for row in rows for column in columns} - {None}
        pairs = {text: text.partition(":")[::2] for text in texts}
        found = by_name({(name, int(key)) for name, key in pairs.values() if is_id(key)})
        soft = {text: found.get((name, int(key))) for text, (name, key) in pairs.items() if is_id(key)}
        for row in rows:
            row._soft = soft


def by_name(pairs):
    """The records that (record name, id) pairs name, one query for each record type: {pair: record}. Sees everything."""
    wanted, found = {}, {}
    for name, row_id in pairs:
        wanted.setdefault(name, []).append(row_id)
    for name, ids in wanted.items():
        model = registry().models.get(name)
        if model is not None:
            found.update({(name, row.id): row for row in model.select().where(model.id.in_(sorted(ids)))})
    return found


def stored_text(column, value, titles, actor, record):
    """A value as the trail keeps it (ids, ISO text), as people read it. `titles` maps (model, id) to a text."""
    if value is None or value == "":
        return say("空", "nothing")
    if not in_clear(actor, record, column):
        return masked(value)
    if getattr(column, "rel_model", None) is not None:
        return titles.get((column.rel_model, value), f"#{value}")
    if column.name == "state":
        state = workflow(type(record), record.branch_id, actor.now).states.get(value)
        return str(state.label) if state else str(value)
    if getattr(column, "kind", "") == "moment":
        return local(datetime.fromisoformat(value), record.branch_id)
    return column.show(value) if hasattr(column, "show") else str(value)
