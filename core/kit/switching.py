"""Promises about a plugin that is switched off and on again."""

from core import records, switches
from core.clocks import Clock
from core.database import refresh
from core.errors import SwitchedOff
from core.kit.promises import NOW, promise
from core.plugins import registry
from core.records.visibility import visible_to
from core.testing import actor, branch, console, local, work

LATER = "2025-03-06 10:00"


def _switch(subject, value, at):
    for name in subject.chosen:
        switches.switch(console(local(at)), name, branch("TJ"), value, reason="试验")
    refresh()


def _kept():
    rows = {
        (record, row.id): row.__data__
        for record, model in registry().models.items()
        for row in model.select().where(model.branch == branch("TJ").id)
    }
    return rows, {clock.id: (clock.due_at, clock.started_at) for clock in Clock.select()}


@promise("停用即关闭", fills=True)
def closed_when_switched_off(subject):
    """Closed when switched off, for administrators too."""
    _switch(subject, "off", NOW)
    here = branch("TJ").id
    for model in subject.models:
        for login in ("alice", "bob", "carol", "admin", "auditor"):
            if here in {row.branch_id for row in visible_to(actor(login, NOW), model)}:
                yield f"{login} sees records {model._meta.record} where it is off."
        try:
            records.create(console(local(NOW)), model, {}, branch=branch("TJ"))
            yield f"a record {model._meta.record} can be made where it is off."
        except SwitchedOff:
            pass


@promise("停用再启用不丢数据", fills=True)
def off_and_on_again_loses_nothing(subject):
    """Off and on again loses nothing."""
    before, clocks = _kept()
    _switch(subject, "off", NOW)
    work(LATER)
    _switch(subject, "on", LATER)
    after, clocks_after = _kept()
    for (record, row_id), row in before.items():
        if after.get((record, row_id)) != row:
            yield f"record {record} {row['number']} is not what it was before."
    if {key: clocks_after.get(key) for key in clocks} != clocks:
        yield "clocks are not what they were before."


@promise("一机构的启停不影响其他机构", fills=True)
def other_branches_notice_nothing(subject):
    """Other branches notice nothing of a switch."""

    def seen():
        by = actor("frank", NOW)
        return {m: [row.__data__ for row in visible_to(by, m).order_by(m.id)] for m in subject.models}

    before = seen()
    _switch(subject, "off", NOW)
    for model, rows in seen().items():
        if rows != before[model]:
            yield f"another branch's records {model._meta.record} changed with the switch."


ALL = (closed_when_switched_off, off_and_on_again_loses_nothing, other_branches_notice_nothing)
