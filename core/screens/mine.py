"""What a person has before them: owed, waiting for their decision, begun by them. The queries do not grow with the rows."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from core.clocks import OPEN, STATES, Clock
from core.handover import final_states
from core.limits import shipped
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.records.visibility import permission, visible_to, workflow
from core.screens.page import open_branches

MOST = 200  # rows owed that are shown at once
EACH = 20  # rows of one record type that wait for a decision
BEGUN = 10
TONES = {"red": "red", "yellow": "yellow", "paused": "grey", "running": "green"}


@dataclass(frozen=True)
class Owed:
    """One running clock of the person, with its record and the step that would stop it."""

    clock: Clock
    record: object
    state: str  # as of now: running, yellow, red or paused
    what: str  # the limit's label
    step: object = None  # a Transition, or None where the person has none to take

    @property
    def tone(self):
        return TONES[self.state]

    @property
    def state_label(self):
        return STATES[self.state]


@dataclass(frozen=True)
class Waiting:
    """A record that waits for the person's signature under a step."""

    record: object
    step: object
    owner: str
    since: datetime


def owed(actor):
    """The running clocks of the records that the actor owns, what is due first at the top, wherever their plugins are on.

    Whose a record is now decides, not who was late with it: what was handed over stands on the desk of who took it over.
    Every branch's: what is due must not hide behind the branch switcher. At most MOST rows.
    """
    mine = _of_own_records(actor)
    if mine is None:
        return []
    clocks = Clock.select().where(mine, Clock.state.in_(OPEN))
    clocks = list(clocks.order_by(Clock.due_at.asc(nulls="last"), Clock.id).limit(MOST))
    records, limits = _records_of(actor, clocks), shipped()
    found = []
    for clock in clocks:
        record = records.get((clock.record, clock.record_id))
        if record is not None:
            limit = limits.get(f"{clock.plugin}.{clock.limit}")
            what = str(limit.label) if limit else clock.limit
            found.append(Owed(clock, record, state_at(clock, actor.now), what, _next_step(actor, record, clock.stop)))
    return found


def _of_own_records(actor):
    """The condition of the clocks of the actor's open records, as a part of the query; None where no limit is loaded."""
    clauses = []
    for name in sorted({limit.record for limit in shipped().values()} & set(registry().models)):
        model = registry().models[name]
        own = model.select(model.id).where(model.owner == actor.person_id, model.state.not_in(final_states(model)))
        clauses.append((Clock.record == name) & Clock.record_id.in_(own))
    return reduce(or_, clauses) if clauses else None


def state_at(clock, now):
    """The state of a running clock at a moment, also where the sweep has not come by yet."""
    if clock.due_at is not None and now > clock.due_at:
        return "red"
    if clock.state == "paused":
        return "paused"
    return "yellow" if clock.yellow_at is not None and now >= clock.yellow_at else "running"


def _records_of(actor, clocks):
    """The visible records of clocks, one query for each record type: {(record, id): record}."""
    ids = {}
    for clock in clocks:
        ids.setdefault(clock.record, set()).add(clock.record_id)
    found = {}
    for name, wanted in ids.items():
        model = registry().models.get(name)
        if model is not None:
            rows = visible_to(actor, model).where(model.id.in_(sorted(wanted)))
            found.update({(name, row.id): row for row in rows})
    return found


def _next_step(actor, record, stop):
    """The step that the actor may take from here: the one that leads to the stop, else the first onward."""
    capacities = actor.capacities(record.branch_id, record)
    steps = onward(workflow(type(record), record.branch_id, actor.now), record.state)
    open_ = [step for step in steps if capacities.intersection(step.by)]
    return next((step for step in open_ if stop in (*step.stamps, *step.requires)), open_[0] if open_ else None)


def onward(flow, state):
    """The steps that lead on from a state: neither dangers (voiding) nor ways back to the beginning."""
    return [step for step in flow.after(state) if not step.danger and step.target != flow.initial]


# ---- what waits for a signature -----------------------------------------------------------------------------------------


def to_decide(actor, scope):
    """The records in `scope` that a person with the actor's capacity signs next, the oldest of each type first.

    A step that `signs` is a decision; what is everybody's daily work (a step of a whole department) is not listed here.
    """
    found = []
    for model in registry().models.values():
        flow = _everywhere(model)
        signed = [step for step in flow.transitions.values() if step.signs]
        reach = [clause for step in signed for clause in _reach(actor, model, step, scope)]
        if reach:
            rows = visible_to(actor, model).where(reduce(or_, reach)).order_by(model.happened_at, model.id).limit(EACH)
            found += [(row, step) for row in rows if (step := _signature(actor, row))]
    names = _names({row.owner_id for row, _ in found})
    return [Waiting(row, step, names.get(row.owner_id, ""), _last_stamp(row)) for row, step in found]


def _everywhere(model):
    """The workflow with all that any regulation adds; whether it does so here is asked row by row."""
    return model._meta.workflow.with_extensions(registry().extensions.get(model._meta.record, ()))


def _reach(actor, model, step, scope):
    """Which rows the actor's granted capacities (and the function of their department) reach under a step, as SQL."""
    tree, reached = organisation(), []
    for role, branch_id, department_id in actor.grants:
        if role.capacity in step.by:
            reached.append((tree.subtree(branch_id).intersection(scope), department_id))
    person = actor.person
    if person.department_id and tree.departments[person.department_id].function in step.by:
        reached.append((tree.subtree(person.branch_id).intersection(scope), None))
    for branches, department_id in reached:
        if branches:
            clause = model.state.in_(step.source) & model.branch.in_(sorted(branches))
            yield clause & (model.department == department_id) if department_id else clause


def _signature(actor, record):
    """The first step that signs and that the actor may take from here, as the regulations on there have it."""
    capacities = actor.capacities(record.branch_id, record) - {"owner", "submitter"}
    steps = workflow(type(record), record.branch_id, actor.now).after(record.state)
    return next((step for step in steps if step.signs and capacities.intersection(step.by)), None)


def _last_stamp(record):
    """When the record was last moved on: the latest of its stamps, else when it happened."""
    flow = record._meta.workflow
    stamped = {name for step in flow.transitions.values() for name in step.stamps}
    return max(filter(None, (record.__data__.get(name) for name in stamped)), default=record.happened_at)


def _names(ids):
    ids = sorted(ids - {None})
    return dict(Person.select(Person.id, Person.name).where(Person.id.in_(ids)).tuples()) if ids else {}


# ---- what the person began ----------------------------------------------------------------------------------------------


def begun(actor, scope, without=frozenset()):
    """The last records in `scope` that the actor recorded and that are still under way, newest first.

    `without` are (record, id) pairs that stand elsewhere on the page already.
    """
    found = []
    for name, model in registry().models.items():
        flow = _everywhere(model)
        states = [state.name for state in flow.states.values() if not state.final and onward(flow, state.name)]
        if not states or not open_branches(permission(model, "create"), model._meta.plugin):
            continue
        known = [record_id for record, record_id in without if record == name]
        rows = visible_to(actor, model).where(
            model.recorded_by == actor.person_id, model.state.in_(states), model.branch.in_(scope)
        )
        rows = rows.where(model.id.not_in(known)) if known else rows
        found.extend(rows.order_by(model.recorded_at.desc(), model.id.desc()).limit(BEGUN))
    return sorted(found, key=lambda row: row.recorded_at, reverse=True)[:BEGUN]
