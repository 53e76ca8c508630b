"""Steps of a workflow: which are open to whom, and what they change by themselves."""

from core.access import ROLES
from core.errors import Denied, Fault, Refused
from core.language import say
from core.organisation import FUNCTIONS
from core.records.entering import home_department


def open_step(context, record, event):
    """The step that `event` names. Raises Refused where the state does not allow it, Denied where the actor does not."""
    flow = context.workflow
    step, state = flow.transitions.get(event), flow.states.get(record.state)
    if step is None or record.state not in step.source:
        told = say(
            "“{state}”状态下不能“{event}”,可以:{known}",
            "{event} is not possible in the state {state}; possible: {known}",
            state=state.label if state else record.state,
            event=step.label if step else event,
            known="、".join(f"{s.label}({s.event})" for s in flow.after(record.state)) or "-",
        )
        raise Refused(Fault("event", told, "state"))
    if not context.capacities(record) & set(step.by) and not context.actor.is_system:
        by = "、".join(capacity_label(name) for name in step.by)
        raise Denied(say("“{label}”须由以下身份办理:{by}。", "{label} is done by: {by}.", label=step.label, by=by))
    return step


def moves(context, record, step, before):
    """What a write changes beside the values given: {field name: value}."""
    found, person_id = {}, context.actor.person_id
    if record.owner_id is None and "owner" not in before and person_id is not None:
        found["owner"] = person_id  # handed over to nobody: who goes on with it takes it
        found["department"] = record.department_id or home_department(context, person_id)
    if step:
        found["state"] = step.target or record.state
        if step.signs and person_id is not None:
            found[step.signs] = person_id
        if step.counts:
            found[step.counts] = (record.__data__.get(step.counts) or 0) + 1
    return found


def steps_to(workflow, state):
    """The transitions of the shortest way from the initial state to `state`."""
    ways, seen = [(workflow.initial, [])], {workflow.initial}
    for here, steps in ways:
        if here == state:
            return steps
        for step in workflow.after(here):
            if step.target and step.target not in seen:
                seen.add(step.target)
                ways.append((step.target, [*steps, step]))
    return []


def capacity_label(name):
    """A capacity in words."""
    role = next((role for role in ROLES.values() if role.capacity == name or role.name == name), None)
    words = {
        "owner": ("责任人", "the owner"),
        "submitter": ("登记人", "who recorded it"),
        "system": ("系统", "the system"),
    }
    if name in words:
        return say(*words[name])
    return str(role.label if role else FUNCTIONS.get(name, name))
