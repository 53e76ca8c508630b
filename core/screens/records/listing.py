"""The list of a record type: which rows, in which order, with which columns; its queries do not grow with its rows."""

from dataclasses import dataclass, field
from datetime import datetime

import peewee

from core.clocks import OPEN, Clock
from core.forms import questions_of
from core.language import say
from core.organisation import organisation
from core.records.model import BASE_LABELS
from core.records.visibility import columns, is_id, visible_branches, visible_to
from core.screens.records import filters
from core.screens.records.cells import Cell, answer_cell, cell, load, state_cell, title_of
from core.screens.records.searching import search
from core.switches import is_on

PER_PAGE = 20
ORDERS = ("-happened_at", "happened_at", "-number", "number")
HIDDEN = ("stamps", "extra", "gaps", "number", "state", "source_row")
LEFT_OUT = ("json",)


@dataclass(frozen=True)
class Heading:
    """A column of a list: `show(row)` gives its Cell."""

    name: str
    label: object
    show: object
    order: str = ""  # what a click on it sorts by


@dataclass
class Listing:
    """One page of a list."""

    rows: list
    headings: list
    filters: list = field(default_factory=list)
    text: str = ""
    order: str = ORDERS[0]
    next: str = ""
    previous: str = ""
    count: int | None = None
    choices: list = field(default_factory=list)  # what columns there are: [(name, label, shown)]
    clocks: dict = field(default_factory=dict)

    @property
    def is_narrowed(self):
        """Whether a search or a filter is at work."""
        return bool(self.text) or any(each.value for each in self.filters)


def columns_at(model, branches, now):
    """The columns of a record type that are on in any of the branches."""
    found = {}
    for branch_id in branches:
        found.update(columns(model, branch_id, now))
    known = {**model.by_api_name()}
    return {name: column for name, column in known.items() if name in found and column.kind not in LEFT_OUT}


def rows_at(actor, model, scope, verb="view"):
    """A query of the rows that the actor sees in the branches of the scope."""
    query, seen = visible_to(actor, model, verb), visible_branches(actor, model, verb)
    if len(scope) == len(organisation().branches) or (seen is not None and seen <= set(scope)):
        return query
    return query.where(model.branch.in_(list(scope)))


def narrowed(actor, model, scope, branch, args, verb="view"):
    """The rows that search and filters leave, as a query, and the filters: what list and export share."""
    chosen = filters.filters_of(model, columns_at(model, scope, actor.now), args, branch)
    query = filters.apply(rows_at(actor, model, scope, verb), model, actor, chosen, branch)
    return search(query, model, actor, args.get("q", "").replace("\0", "")), chosen


def listing(actor, model, scope, branch, args, shown=None):
    """One page of the list, as the address asks for it. `shown` are the names of the columns that the person chose."""
    query, chosen = narrowed(actor, model, scope, branch, args)
    return page_of(actor, model, query, scope, args, shown, chosen)


def page_of(actor, model, query, scope, args, shown=None, chosen=()):
    """One page of any query of a record type."""
    order = args.get("sort") if args.get("sort") in ORDERS else ORDERS[0]
    rows, following, before = _page(query, model, order, args)
    found = shown_rows(actor, model, rows, scope, shown)
    found.filters, found.text, found.order = list(chosen), args.get("q", ""), order
    found.next, found.previous = following, before
    found.clocks = nearest_clocks(model, rows, actor.now)
    if args.get("count"):
        found.count = query.count()
    return found


def shown_rows(actor, model, rows, scope, shown=None):
    """Rows with the columns to show of them, and all that these refer to loaded."""
    available = columns_at(model, scope, actor.now)
    headings, choices = _headings(actor, model, available, scope, shown)
    load(rows, model, {available[h.name].name for h in headings if h.name in available} | {"branch"})
    return Listing(rows, headings, choices=choices)


def _page(query, model, order, args):
    """The rows of a page by key, with the keys of the next and of the previous one ("" where there is none)."""
    column = model.number if order.endswith("number") else model.happened_at
    back, key = bool(args.get("before")), _key(args.get("before") or args.get("after"), column)
    descending = order.startswith("-") != back
    if key is not None:
        here = peewee.Tuple(column, model.id)
        there = peewee.Tuple(peewee.Value(key[0], converter=column.db_value), key[1])
        query = query.where(here < there if descending else here > there)
    ordered = (column.desc(), model.id.desc()) if descending else (column.asc(), model.id.asc())
    rows = list(query.order_by(*ordered).limit(PER_PAGE + 1))
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    if back:
        rows.reverse()
    has_next, has_previous = (True, more) if back else (more, key is not None)
    last, first = (_as_key(rows[-1], column), _as_key(rows[0], column)) if rows else ("", "")
    return rows, last if has_next else "", first if has_previous else ""


def _as_key(row, column):
    value = getattr(row, column.name)
    return f"{value.isoformat() if isinstance(value, datetime) else value}~{row.id}"


def _key(text, column):
    value, _, row_id = (text or "").replace("\0", "").rpartition("~")
    if not is_id(row_id):
        return None
    if column.name == "number":
        return value, int(row_id)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment, int(row_id)) if moment.tzinfo else None


def _headings(actor, model, available, scope, shown):
    questions = questions_of(model._meta.record)
    usual = [*(["branch"] if len(scope) > 1 else []), *model._meta.list_fields]
    names = [name for name in (shown or usual) if name in available or name in questions or name == "branch"]
    found = [Heading(name, *_shown_as(name, actor, available, questions)) for name in names]
    everything = ["branch", *(name for name in available if name not in HIDDEN), *questions]
    choices = [(name, _shown_as(name, actor, available, questions)[0], name in names) for name in everything]
    return found, choices


def _shown_as(name, actor, available, questions):
    """The label, the Cell of a row and the order of a column."""
    if name == "branch":
        return BASE_LABELS["branch"], lambda row: Cell(organisation().branches[row.branch_id].name), ""
    if name in questions:
        return questions[name].label, lambda row: answer_cell(row, questions[name], actor), ""
    column = available[name]
    return column.label, lambda row: cell(row, column, actor), "happened_at" if name == "happened_at" else ""


def first_cells(actor, model, row):
    """What stands at the beginning of each row: the number as a link, with its title, and the state."""
    return title_of(row, actor), state_cell(row, actor)


def nearest_clocks(model, rows, now):
    """The open clock of each row that falls due first and whose regulation is on, in one query: {row id: Clock}."""
    branches, nearest = {row.id: row.branch_id for row in rows}, {}
    query = Clock.select().where(
        Clock.record == model._meta.record,
        Clock.record_id.in_(list(branches)),
        Clock.state.in_(OPEN),
        Clock.due_at.is_null(False),
    )
    for clock in query.order_by(Clock.due_at) if rows else ():
        if is_on(clock.plugin, branches[clock.record_id], now):
            nearest.setdefault(clock.record_id, clock)
    return nearest


def empty_line(model, is_narrowed, may_create):
    """What an empty list says: what to do."""
    label = model._meta.label
    if is_narrowed:
        return say("没有符合条件的{label}。放宽筛选条件再试。", "No {label} fits. Loosen the filters.", label=label)
    if may_create:
        return say(
            "还没有{label}。点击“新增”登记第一条。", "No {label} yet. Press New to record the first.", label=label
        )
    return say("还没有你能看到的{label}。", "No {label} yet that you may see.", label=label)
