"""The one way in: permission, switch, validation, revision, write, what follows (clocks, outbox) and the trail, together.

A single write is a batch of one. Every function either does all of it or nothing, and tells every fault at once.
"""

from core.database import door, transaction
from core.errors import Fault, Refused, Stale
from core.forms import PREFIX
from core.language import say
from core.records import steps, visibility
from core.records.context import Change, open_context
from core.records.entering import TYPED_BASE, assign, back_dated, home_department
from core.records.judging import BASE_WANTED, judged, missing, owner_faults, signed_by_others
from core.records.saving import follow, update, write_new


def create(actor, model, values, *, branch):
    """Make one record in a branch (a Branch or its id). Returns it. Raises Denied, SwitchedOff or Refused."""
    return create_many(actor, model, [values], branch=branch)[0]


def create_many(actor, model, rows, *, branch, history=False):
    """Make records of one type in one branch, all or none. `rows` are mappings by API name."""
    context = open_context(actor, model, branch, "create", history)
    records, faults = [], []
    for place, values in enumerate(rows):
        record, found = prepare(context, values)
        records.append(record)
        faults += found if len(rows) == 1 else [Fault(f"{place}.{f.field}", f.message, f.code) for f in found]
    if faults:
        raise Refused(*faults)
    return write_new(context, records)


def prepare(context, values, *, given=(), gaps=(), state=None):
    """A new record from raw values, with its faults; nothing is written.

    `given` are base columns that an import may set (number); `gaps` are requirements that it lifts on this row; `state`
    is the state that it had reached, whose steps' requirements then hold too.
    """
    model, faults = context.model, []
    record = model(branch=context.branch_id, form_version=context.form.version, recorded_at=context.now)
    record.state = state or context.workflow.initial
    record.stamps, record.extra, record.gaps = {}, {}, sorted(gaps)
    record.recorded_by = context.actor.person_id
    base = (*TYPED_BASE, *given, *(context.stamped if state else ()))
    before = assign(context, record, values, base, faults)
    for question in context.form.questions:
        if (
            question.preset is not None
            and question.key not in record.extra
            and question.is_asked_of(visibility.Values(record))
        ):
            record.extra[question.key] = question.preset
    if record.__data__.get("happened_at") is None and not any(f.field == "happened_at" for f in faults):
        record.happened_at = context.now
    if record.owner_id is None and "owner" not in gaps:
        record.owner = context.actor.person_id
    if record.department_id is None:
        record.department = home_department(context, record.owner_id)
    faults += back_dated(context, record, before) + owner_faults(context, record)
    asked = [name for _, ext in context.extensions for r in ext.requires if r.on == "create" for name in r.fields]
    if state:
        asked += [name for step in steps.steps_to(context.workflow, state) for name in (*step.requires, *step.stamps)]
    wanted = [name for name, column in context.columns.items() if column.required and name not in BASE_WANTED]
    faults += missing(context, record, [*wanted, "owner", *asked], gaps, {f.field for f in faults})
    if not faults:
        faults += judged(context, Change(record, {}, "create", "", context))
    return record, faults


def change(actor, record, values, *, revision=None, reason=""):
    """Change fields of a record. A moment that was stamped is corrected only with a reason; its old value is kept.

    `revision` is the one that the person saw: raises Stale, with both versions, where somebody saved since.
    """
    context = open_context(actor, type(record), record.branch_id, "edit")
    return _write(context, [(record, values, None, revision, reason)])[0]


def transition(actor, record, event, values=None, *, revision=None, reason="", history=False):
    """Take a record a step further: `event` with what it asks for. Raises Denied, Refused or Stale."""
    context = open_context(actor, type(record), record.branch_id, "view", history)
    return _write(context, [(record, values or {}, event, revision, reason)])[0]


def change_many(actor, records, values, *, event=None, reason="", revisions=None):
    """The same change or step for several records of one type and branch, all or none.

    `revisions` are those that the person saw, by id: raises Stale where somebody saved one of them since.
    """
    by_branch, seen = {}, revisions or {}
    for record in records:
        by_branch.setdefault((type(record), record.branch_id), []).append(record)
    written = []
    with transaction():
        for (model, branch_id), group in by_branch.items():
            context = open_context(actor, model, branch_id, "view" if event else "edit")
            written += _write(context, [(r, values, event, seen.get(r.id), reason) for r in group])
    return written


def _write(context, plans):
    with transaction(), door():
        changes, faults = [], []
        stored = visibility.find_all(context.actor, context.model, [plan[0].id for plan in plans])
        for record, values, event, revision, reason in plans:
            fresh = stored[record.id]
            if fresh.branch_id != context.branch_id or (revision is not None and fresh.revision != int(revision)):
                raise Stale(fresh, values)
            change_, found = _plan(context, fresh, dict(values), event, reason)
            faults += found
            changes.append(change_)
        if faults:
            raise Refused(*faults)
        for change_ in changes:
            update(context, change_)
        follow(context, [c for c in changes if c.before or c.event not in ("change", "correct")])
    return [c.record for c in changes]


def _plan(context, record, values, event, reason):
    """The Change that values and a step make of a record, with its faults; nothing is written."""
    step = steps.open_step(context, record, event) if event is not None else None
    for name in step.stamps if step else ():
        if values.get(name) in (None, ""):
            values[name] = context.now
    asked = (*step.stamps, *step.requires, *step.asks) if step else ()
    faults, base = _beyond(context, step, asked, values), (*TYPED_BASE, *asked)
    before = assign(context, record, values, base, faults)
    faults += back_dated(context, record, before)
    faults += owner_faults(context, record) if "owner" in before else []
    faults += signed_by_others(context, record, before) if step is None else []
    corrected = _corrected(context, values, before, step)
    if corrected and not reason.strip():
        faults.append(Fault("reason", say("更正时间须写明原因", "a correction of a moment needs a reason"), "required"))
    for name, value in steps.moves(context, record, step, before).items():
        if record.__data__.get(name) != value:
            before[name] = record.__data__.get(name)
            setattr(record, name, value)
    lacking = missing(
        context, record, _needed(context, step, before), set(record.gaps or ()), {f.field for f in faults}
    )
    faults += [f for f in lacking if step or not f.field.startswith(PREFIX) or f.field in values]
    made = Change(record, before, event or ("correct" if corrected else "change"), reason, context)
    return made, faults or judged(context, made)


def _beyond(context, step, asked, values):
    """The faults of filling in more with a step than it asks for: that needs the permission to edit."""
    if step is None or context.actor.may(visibility.permission(context.model, "edit"), context.branch_id):
        return []
    told = say("这一步不填此项,你也没有修改权限", "this step does not ask for it, and you may not edit")
    return [Fault(name, told, "denied") for name in values if name not in asked]


def _corrected(context, values, before, step):
    """The stamped moments that an edit or a step changes beside those that the step stamps itself."""
    names = {name: context.columns[name].name for name in values if name in context.columns}
    stamped = step.stamps if step else ()
    return [
        name
        for name, own in names.items()
        if own in before
        and own in context.stamped
        and name not in stamped
        and (before[own] is not None or own == "happened_at")
    ]


def _needed(context, step, before):
    """The names that must have a value: always, once a step has asked for them, and for this step."""
    always = [name for name, column in context.columns.items() if column.required and name not in BASE_WANTED]
    asked = [name for each in context.workflow.transitions.values() for name in (*each.requires, *each.stamps)]
    kept = [n for n in asked if n in context.columns and before.get(context.columns[n].name) not in (None, "")]
    return [*always, *kept, *(step.requires if step else ()), "owner"]
