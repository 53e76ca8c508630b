"""What refuses a record: what is missing, the order of time, who may be responsible, and the rules of plugins."""

from core.access import Actor
from core.database import is_trouble
from core.errors import Fault, Refused, ZhixingError
from core.failures import cause_of
from core.faulty import asking, is_aside
from core.language import say
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.records import visibility
from core.switches import is_on

BASE_WANTED = {"number", "state", "happened_at", "recorded_at", "stamps", "extra", "gaps"}


def missing(context, record, names, gaps, faulty):
    faults, values = [], visibility.Values(record)
    for name in dict.fromkeys(names):
        column = context.columns.get(name)
        if column is None or name in gaps or name in faulty:
            continue
        if record.__data__.get(column.name) in (None, ""):
            faults.append(Fault(name, say("请填写“{label}”", "{label} is needed", label=column.label), "required"))
    for question in context.form_for(record).questions:
        answered = (record.extra or {}).get(question.key) not in (None, "")
        if not question.required or answered or question.name in gaps or question.name in faulty:
            continue
        if question.is_asked_of(values):
            told = say("请填写“{label}”", "{label} is needed", label=question.label)
            faults.append(Fault(question.name, told, "required"))
    return faults


def judged(context, change):
    """The faults that the record's order of time and every rule in force find. A rule that raises refuses, by name."""
    record, faults = change.record, []
    for name in context.stamped - {"happened_at"}:
        value = record.__data__.get(name)
        if value is not None and _lies_before(context, record, name, value):
            label = context.columns[name].label if name in context.columns else name
            faults.append(
                Fault(
                    name, say("“{label}”早于接到或发生时间", "{label} lies before the beginning", label=label), "order"
                )
            )
    own = registry().plugins[context.model._meta.plugin].manifest.rules.get(context.model._meta.record, ())
    rules = [
        (context.model._meta.plugin, rule)
        for rule in own
        if f"rule:{context.model._meta.record}.{rule.id}" not in registry().without
    ]
    rules += [(plugin, rule) for plugin, extension in context.extensions for rule in extension.rules]
    for plugin, rule in rules:
        if rule.on is None or rule.on == change.event:
            faults += _ask(plugin, f"rule:{context.model._meta.record}.{rule.id}", rule.judge, change, context.now)
    for plugin, validate in registry().implementing("validate_record"):
        if is_on(plugin, context.branch_id, context.now):
            faults += _ask(plugin, "validate_record", validate, change, context.now)
    return faults


def _lies_before(context, record, name, value):
    if record.is_day_only(name) or record.is_day_only("happened_at"):
        return context.day_of(value) < context.day_of(record.happened_at)
    return value < record.happened_at


def _ask(plugin, what, judge, change, now):
    if is_aside(plugin):
        return []
    try:
        with asking(plugin, what, now):
            return _answered(judge, change)
    except (Exception, SystemExit) as error:
        if is_trouble(error):
            raise
        return [
            Fault(
                "",
                say(
                    "插件“{plugin}”的规则出错,未保存。请告知系统管理员:{error}",
                    "nothing was saved: a rule of plugin {plugin} failed. Tell the system administrator: {error}",
                    plugin=plugin,
                    error=cause_of(error),
                ),
                "plugin-failed",
            )
        ]


def _answered(judge, change):
    try:
        found = judge(change.record, change)
    except Refused as refused:
        return refused.faults
    faults = [] if found is None else [found] if isinstance(found, Fault) else list(found)
    if not all(isinstance(fault, Fault) for fault in faults):
        raise ZhixingError(f"returned {type(found).__name__}, not Faults")
    return faults


def owner_faults(context, record):
    """Whoever is responsible works in the branch, above it, or holds a role there."""
    owner_id = record.owner_id
    if owner_id is None or context.actor.is_system or owner_id == context.actor.person_id:
        return []
    if ("reach", owner_id) not in context.found:
        person = Person.get_by_id(owner_id)
        at_home = person.branch_id in organisation().path(context.branch_id)
        context.found["reach", owner_id] = at_home or bool(Actor(person, now=context.now).roles_at(context.branch_id))
    if context.found["reach", owner_id]:
        return []
    told = say("此人不在本机构,也没有本机构的角色", "this person neither works in this branch nor holds a role there")
    return [Fault("owner", told)]


def signed_by_others(context, record, before):
    """The faults of an edit that changes the words of a decision: only who signed it may."""
    steps = context.workflow.transitions.values()
    free = {name for step in steps if not step.signs for name in (*step.requires, *step.asks)}
    signed = {name: step.signs for step in steps if step.signs for name in (*step.requires, *step.asks)}
    told = say(
        "这是审阅人签署的意见,只有本人可以修改",
        "these are the words of a signed decision: only who signed it changes them",
    )
    return [
        Fault(name, told, "signed")
        for name, signer in signed.items()
        if name not in free
        and name in context.columns
        and context.columns[name].name in before
        and not context.actor.is_system
        and record.__data__.get(signer) != context.actor.person_id
    ]
