"""The open work of a person: what of it is shown to an administrator, and what was chosen to be handed over."""

import re

from flask import g, request

from core import handover
from core.language import say
from core.organisation import organisation
from core.plugins import registry
from core.records.visibility import visible_to

SHOWN = 100  # pieces of open work listed one by one


def shown_work(person):
    """What is open: {"counts": [(record label, branch, number)], "rows": those that the actor may see, "total": number}."""
    tree, models = organisation().branches, registry().models
    counts = handover.counts(person, g.now)
    rows = []
    for name in sorted({name for name, _ in counts}):
        query = _seen(person, models[name])
        rows += list(query.order_by(models[name].happened_at, models[name].id).limit(SHOWN - len(rows)))
    return {
        "counts": [(models[name]._meta.label, tree[branch_id], n) for (name, branch_id), n in sorted(counts.items())],
        "rows": rows,
        "total": sum(counts.values()),
    }


def _seen(person, model):
    """The open work of one type that the actor may see, too."""
    mine = handover.open_work(person, g.now)[model._meta.record]
    return mine.where(model.id.in_(visible_to(g.actor, model).select(model.id)))


def chosen_work(person, form):
    """The open records that were ticked (ids as "record:id") or named by their numbers, a query for each type."""
    ids, found = {}, []
    for name, _, row_id in (key.partition(":") for key in request.form.getlist("work")):
        if row_id.isdigit():
            ids.setdefault(name, []).append(int(row_id))
    numbers = re.split(r"[\s,\uff0c、]+", form.text("numbers").strip())
    numbers = [number for number in numbers if number]
    for name, query in handover.open_work(person, g.now).items():
        model = registry().models[name]
        wanted = model.number.in_(numbers) if numbers else None
        if name in ids:
            ticked = model.id.in_(ids[name])
            wanted = ticked if wanted is None else wanted | ticked
        found += [] if wanted is None else list(query.where(wanted))
    unknown = set(numbers) - {row.number for row in found}
    if unknown:
        told = say(
            "此人名下没有未办结的 {numbers}",
            "not open work of this person: {numbers}",
            numbers="、".join(sorted(unknown)),
        )
        form.fault("numbers", told)
    elif not found:
        form.fault("numbers", say("请勾选或写明编号,或移交全部", "tick what is to be handed over, or name its number"))
    return found
