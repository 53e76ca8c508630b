"""The routes of what belongs to one record: its clocks and its history."""

from datetime import datetime

from flask import g, request

from core import audit
from core.api.answers import listed, moment
from core.api.entrance import blueprint
from core.api.lists import cursor, cursor_of, limit_of
from core.api.reading import in_clear, model_of
from core.api.records import found
from core.clocks import Clock
from core.fields import Ref
from core.forms import PREFIX, sealed_kinds
from core.limits import shipped
from core.organisation import Department, organisation, zone_of
from core.people import Person
from core.records import visibility
from core.records.shown import shown_to
from core.records.visibility import columns, masked
from core.replay import state_now, workings_of
from core.switches import is_on


@blueprint.get("/<record_type:record>/<int:row_id>/clocks")
def clocks(record, row_id):
    """The clocks of a record as of now; with working=1 each with how its due moment was counted, day by day."""
    row = found(model_of(record), row_id)
    query = Clock.select().where(Clock.record == record, Clock.record_id == row.id).order_by(Clock.id)
    kept = [clock for clock in query if is_on(clock.plugin, row.branch_id, g.now)]
    logins, limits, zone = _logins({clock.owner_id for clock in kept}), shipped(), zone_of(row.branch_id)
    items = [_clock(clock, limits, logins, zone) for clock in kept]
    if request.args.get("working") in ("1", "true"):
        for item, steps in zip(items, workings_of(row, kept), strict=True):
            item["working"] = steps
    return listed(items)


def _clock(clock, limits, logins, zone):
    limit = limits.get(f"{clock.plugin}.{clock.limit}")
    department = organisation().departments.get(clock.department_id)
    return {
        "limit": f"{clock.plugin}.{clock.limit}",
        "clauses": clock.clauses,
        "label": str(limit.label) if limit else clock.limit,
        "started_at": moment(clock.started_at, zone),
        "due_at": moment(clock.due_at, zone),
        "due_on": clock.due_on.isoformat() if clock.due_on else None,
        "yellow_at": moment(clock.yellow_at, zone),
        "stopped_at": moment(clock.stopped_at, zone),
        "state": state_now(clock, g.now),
        "provisional": clock.is_provisional,
        "owner": logins.get(clock.owner_id),
        "department": department.code if department else None,
        "edition": clock.edition,
    }


@blueprint.get("/<record_type:record>/<int:row_id>/history")
def history(record, row_id):
    """The trail of a record, oldest first, a page at a time; personal values are masked as they are on the record."""
    row = found(model_of(record), row_id)
    limit, after = limit_of(request.args), cursor_of(request.args, int)
    query = audit.trail(record, row.id)
    if after:
        query = query.where(audit.AuditEntry.id > after[0])
    entries = list(query.limit(limit + 1))
    in_clear([row])
    following = cursor(entries[limit - 1].id) if len(entries) > limit else None
    return listed(_told(row, entries[:limit]), following)


def _told(row, entries):
    known = {column.name: column for column in columns(type(row), row.branch_id, g.now).values()}
    people = {name for name, column in known.items() if isinstance(column, Ref) and column.rel_model is Person}
    ids = {value for entry in entries for name in people for value in (entry.changes or {}).get(name, ())}
    logins, zone = _logins(ids), zone_of(row.branch_id)
    return [
        {
            "at": moment(entry.at, zone),
            "actor": entry.actor,
            "via": entry.via,
            "event": entry.verb,
            "changes": None if entry.changes is None else _changes(row, entry.changes, known, logins, zone),
            "reason": entry.reason,
            "seq": entry.seq,
            "hash": entry.hash,
        }
        for entry in entries
    ]


def _changes(row, changes, known, logins, zone):
    """The changes of one entry by API name. None in their place means that they were erased."""
    told = {}
    for name, pair in changes.items():
        if name == "extra":
            old, new = ({} if value is None else value for value in pair)
            keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            told.update({PREFIX + key: [_answer(row, key, answers.get(key)) for answers in (old, new)] for key in keys})
        elif name == "branch":
            told[name] = [organisation().branches[place].code if place else None for place in pair]
        elif name in known:
            told[known[name].api_name] = [_value(row, known[name], value, logins, zone) for value in pair]
    return told


def _answer(row, key, value):
    """An answer as the trail kept it; one that is sealed only once it was shown."""
    shown = PREFIX + key in shown_to(g.actor).get((row._meta.record, row.id), ())
    return value if value is None or key not in sealed_kinds(row._meta.record) or shown else masked(value)


def _value(row, column, value, logins, zone):
    if value is None:
        return None
    if not visibility.in_clear(g.actor, row, column):
        return masked(value)
    if isinstance(column, Ref) and column.rel_model is Person:
        return logins.get(value)
    if isinstance(column, Ref) and column.rel_model is Department:
        return organisation().departments[value].code
    return moment(datetime.fromisoformat(value), zone) if column.kind == "moment" else value


def _logins(ids):
    ids = sorted(ids - {None})
    return dict(Person.select(Person.id, Person.login).where(Person.id.in_(ids)).tuples()) if ids else {}
