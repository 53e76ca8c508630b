"""The page of one record: all that a person may see of it, put together from the one way out."""

from dataclasses import dataclass, field

from core import attachments, comments
from core.findings import STATES, Finding
from core.forms import PREFIX
from core.language import Words, say
from core.limits import shipped
from core.plugins import registry
from core.records.context import Context
from core.records.showing import purposes_of
from core.records.shown import showings_of
from core.records.visibility import permission, visible_to
from core.screens.records import asked, handing, listing
from core.screens.records.cells import answer_cell, cell, load, state_cell, title_of
from core.screens.records.clock_cards import cards_of
from core.screens.records.steps import steps_of
from core.screens.records.trail import story
from core.switches import is_on

MOST_CHILDREN = 20
BASE = ("owner", "department", "happened_at", "recorded_by", "recorded_at")
TONES = {"yellow": "yellow", "red": "red"}


@dataclass(frozen=True)
class Fact:
    """One field as shown, with the clauses that ask for it."""

    label: object
    cell: object
    clauses: tuple = ()
    is_long: bool = False


@dataclass
class Children:
    """The records of one type that refer to this one."""

    model: object
    label: object
    rows: list
    headings: list
    add_url: str = ""


@dataclass
class Details:
    """What the page of a record shows. `is_archived`: its plugin is off there, and nothing can be done to it."""

    record: object
    title: str
    state: object
    facts: list = field(default_factory=list)
    empty: list = field(default_factory=list)
    base: list = field(default_factory=list)
    not_asked: list = field(default_factory=list)
    clocks: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    children: list = field(default_factory=list)
    comments: list = field(default_factory=list)
    files: list = field(default_factory=list)
    trail: list = field(default_factory=list)
    has_older: bool = False
    steps: list = field(default_factory=list)
    stamps: list = field(default_factory=list)
    hand_over: object = None
    purposes: dict = field(default_factory=dict)
    showings: list = field(default_factory=list)
    may_edit: bool = False
    may_comment: bool = False
    is_archived: bool = False


def details(actor, record, everything=False, is_archived=False):
    """The Details of a visible record. `everything` tells the whole trail."""
    model, context = type(record), Context(actor, record.branch_id, type(record))
    load([record], model)
    page = Details(record, title_of(record, actor), state_cell(record, actor), is_archived=is_archived)
    _tell_facts(page, record, context)
    page.clocks = cards_of(record, context)
    page.findings = _findings(record, context)
    page.comments, page.files = comments.comments_on(record), attachments.attachments_of(record)
    page.trail, page.has_older = story(record, actor, everything)
    page.purposes = {purpose: _listed(labels) for purpose, labels in purposes_of(actor, record).items()}
    if actor.may("core.showing.view", record.branch_id):
        page.showings = showings_of(record._meta.record, record.id)[:MOST_CHILDREN]
    if not is_archived:
        _tell_what_can_be_done(page, record, context)
    return page


def _listed(labels):
    return say("、", ", ").join(map(str, labels))


def _tell_facts(page, record, context):
    model, columns = context.model, context.columns
    for column in model.own_fields():
        name = column.api_name
        if name not in columns:
            continue
        shown = cell(record, column, context.actor)
        if shown:
            long = column.kind in ("longtext", "json")
            page.facts.append(Fact(column.label, shown, asked.clauses(context, column.clauses), long))
        else:
            page.empty.append(column.label)
    then = context.form_for(record)
    for question in then.questions:
        shown = answer_cell(record, question, context.actor)
        if shown:
            page.facts.append(Fact(question.label, shown, is_long=question.kind == "longtext"))
        elif not question.retired:
            page.empty.append(question.label)
    page.not_asked = [q.label for q in context.form.questions if q.name not in then.by_name and not q.retired]
    page.base = [Fact(columns[name].label, cell(record, columns[name], context.actor)) for name in BASE]


def _findings(record, context):
    """The findings about a record: [(tone, what, state, Finding)], newest first."""
    mine = (Finding.record == record._meta.record) & (Finding.record_id == record.id)
    found = []
    for finding in Finding.select().where(mine).order_by(Finding.id.desc()).limit(MOST_CHILDREN):
        if is_on(finding.plugin, record.branch_id, context.now):
            limit = shipped().get(finding.source.removeprefix("limit:"))
            what = limit.label if limit else finding.message or finding.source
            found.append(
                (TONES.get(finding.colour, "grey"), what, STATES.get(finding.state, Words(finding.state)), finding)
            )
    return found


def _tell_what_can_be_done(page, record, context):
    actor, model = context.actor, context.model
    page.may_edit = actor.may(permission(model, "edit"), record.branch_id)
    page.may_comment = comments.may_comment(actor, record)
    page.steps = steps_of(actor, record)
    page.children = children_of(actor, record)
    if page.may_edit:
        page.stamps = _stamps(record, context)
        page.hand_over = handing.offer(actor, record)


def _stamps(record, context):
    """The moments that may be corrected with a reason: [(name, label, text for an input)]."""
    found = []
    for name, column in context.columns.items():
        if column.name in context.stamped and record.__data__.get(column.name) is not None:
            found.append((name, column.label, asked.as_text(record, column, context), column.kind))
    return found


def children_of(actor, record):
    """The records that refer to this one, type by type, where the actor may see them and their plugin is on."""
    found = []
    for child in registry().models.values():
        seen = actor.may(permission(child, "view"), record.branch_id)
        if not seen or not is_on(child._meta.plugin, record.branch_id, actor.now):
            continue
        for column in child._meta.sorted_fields:
            if getattr(column, "rel_model", None) is type(record) and not column.name.startswith(PREFIX):
                found.append(_children(actor, record, child, column))
    return found


def _children(actor, record, child, column):
    query = visible_to(actor, child).where(column == record.id)
    rows = list(query.order_by(child.happened_at.desc(), child.id.desc()).limit(MOST_CHILDREN))
    names = [name for name in child._meta.list_fields if name != column.api_name]
    page = listing.shown_rows(actor, child, rows, (record.branch_id,), names)
    may = actor.may(permission(child, "create"), record.branch_id) and not column.read_only
    address = f"/records/{child._meta.record}/new?{column.api_name}={record.id}&branch={record.branch.code}"
    return Children(child, child._meta.label, page.rows, page.headings, address if may else "")
