"""The rows behind a figure of a measure: clocks or records, the late ones first, page by page, with what may be seen of them."""

import peewee
from flask import g

from core.clocks import STATES, Clock
from core.limits import shipped
from core.organisation import organisation
from core.plugins import registry
from core.records.model import Record
from core.records.visibility import load_refs, visible_to, workflow

PAGE = 50
TONES = {"met": "green", "late": "red", "red": "red"}


def behind(measure, scope, ids=None):
    """The rows that a figure counts, of the whole or of people or departments (`ids`): (query, which of them are late)."""
    query = measure.rows(scope)
    if ids is not None:
        query = query.where(measure.groups[scope.by].in_(ids))
    return query, peewee.Value(0) if measure.late is None else peewee.Case(None, [(measure.late, 1)], 0)


def page_of(behind, after):
    """One page of rows, the late ones first, from a key `after` on; and the key of the next page, None for the last."""
    query, late = behind
    model = query.model
    rank, _, last = after.partition(".")
    if rank.isdigit() and last.isdigit():
        query = query.where((late < int(rank)) | ((late == int(rank)) & (model.id < int(last))))
    query = query.select_extend(late.alias("is_late")).order_by(late.desc(), model.id.desc())
    rows = list(query.limit(PAGE + 1))
    more = len(rows) > PAGE
    return rows[:PAGE], f"{int(rows[PAGE - 1].is_late)}.{rows[PAGE - 1].id}" if more else None


def with_records(rows):
    """Pairs of each row and the record that it speaks of, None where the actor may not see that: a query for each type."""
    ids, seen = {}, {}
    for row in rows:
        name, record_id = _about(row)
        ids.setdefault(name, set()).add(record_id)
    for name, wanted in ids.items():
        model = registry().models.get(name)
        if model is not None:
            found = list(visible_to(g.actor, model).where(model.id.in_(sorted(wanted))))
            seen.update({(name, record.id): record for record in load_refs(found, model, ("owner", "department"))})
    return [(row, seen.get(_about(row))) for row in rows]


def _about(row):
    return (row._meta.record, row.id) if isinstance(row, Record) else (row.record, row.record_id)


def row_of(row, record):
    """What the page shows of a row and its record."""
    name, record_id = _about(row)
    model = registry().models.get(name)
    shown = {
        "record": record,
        "name": name,
        "id": record_id,
        "label": model._meta.label if model else name,
        "is_late": bool(row.is_late),
        "branch": organisation().branches[row.branch_id],
        "department": organisation().departments.get(row.department_id),
        "owner": record.owner if record and record.owner_id else None,
    }
    return {**shown, **(_of_clock(row) if isinstance(row, Clock) else _of_record(row))}


def _of_clock(clock):
    limit = shipped().get(f"{clock.plugin}.{clock.limit}")
    return {
        "what": limit.label if limit else clock.limit,
        "clause": clock.clause,
        "begun_at": clock.started_at,
        "due_at": clock.due_at,
        "stopped_at": clock.stopped_at,
        "state": STATES[clock.state],
        "tone": TONES.get(clock.state, "yellow"),
    }


def _of_record(record):
    state = workflow(type(record), record.branch_id, g.now).states.get(record.state)
    moments = {"begun_at": record.happened_at, "due_at": None, "stopped_at": None}
    label, tone = (state.label, state.tone) if state else (record.state, "grey")
    return {"what": "", "clause": "", **moments, "state": label, "tone": tone}
