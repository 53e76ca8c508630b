"""What a switch would do, told before it is done: worked out by `switches.consequences`, which the switch itself uses."""

from dataclasses import dataclass, field

import peewee

from core import switches
from core.clocks import OPEN, Clock
from core.handover import final_states
from core.limits import all_limits
from core.organisation import organisation
from core.plugins import registry
from core.switches import local_day


@dataclass
class Consequence:
    """What changes for one plugin in one branch: how it is now and would be, and what of it is at stake there."""

    branch: object
    plugin: object
    before: object
    after: object
    records: list = field(default_factory=list)  # (label, how many are open)
    clocks: int = 0  # running now
    begins: int = 0  # open records for which clocks will begin


def preview(actor, plugin, branch, value, day):
    """The Consequences of a new entry, branch by branch. Raises Refused where the entry is not allowed."""
    changes = switches.consequences(plugin, branch, value, day)
    open_records = _open_records(changes)
    clocks = _clocks(changes)
    told = []
    for branch_id, name, before, after in changes:
        models = registry().plugins[name].manifest.models
        records = [(m._meta.label, open_records.get((m._meta.record, branch_id), 0)) for m in models]
        begins = [open_records.get((record, branch_id), 0) for record in _limited(name)] if after.is_on else []
        told.append(
            Consequence(
                organisation().branches[branch_id],
                registry().plugins[name],
                before,
                after,
                [(label, number) for label, number in records if number],
                clocks.get((name, branch_id), 0),
                sum(begins),
            )
        )
    return told


def rules_of(plugin, branch, now):
    """What starts or stops with a plugin: {"limits": [Limit], "checks": [...], "measures": [...], "notices": [...]}."""
    limits = [limit for limit in all_limits(branch.id, local_day(now, branch.id)) if limit.plugin == plugin.name]
    manifest = plugin.manifest
    return {"limits": limits, "checks": manifest.checks, "measures": manifest.measures, "notices": manifest.notices}


def _limited(plugin):
    return sorted({limit["record"] for limit in registry().plugins[plugin].limits} & set(registry().models))


def _open_records(changes):
    """How many records are open, by type and branch, of all types that the changes concern: a query for each type."""
    branches, names = {branch_id for branch_id, *_ in changes}, set()
    for _, plugin, _, _ in changes:
        names |= {model._meta.record for model in registry().plugins[plugin].manifest.models} | set(_limited(plugin))
    found = {}
    for name in names:
        model = registry().models[name]
        query = model.select(model.branch, peewee.fn.COUNT(model.id)).group_by(model.branch)
        query = query.where(model.branch.in_(branches), model.state.not_in(final_states(model)))
        found.update({(name, branch_id): number for branch_id, number in query.tuples()})
    return found


def _clocks(changes):
    if not changes:
        return {}
    query = (
        Clock.select(Clock.plugin, Clock.branch_id, peewee.fn.COUNT(Clock.id))
        .where(Clock.branch_id.in_({branch_id for branch_id, *_ in changes}), Clock.state.in_(OPEN))
        .group_by(Clock.plugin, Clock.branch_id)
    )
    return {(plugin, branch_id): number for plugin, branch_id, number in query.tuples()}
