"""One step, or another owner, for several records of a list at once: all or none."""

from dataclasses import dataclass, field

from core import records
from core.errors import Fault, NotFound, Refused
from core.language import say
from core.records.context import Context
from core.records.visibility import is_id, permission, visible_to
from core.screens.records import asked
from core.screens.records.cells import load
from core.screens.records.entry import Entry

MOST = 200
OWNER = "owner"  # the act that gives the records another owner; the others are "do:<event>"


@dataclass
class Bulk:
    """What is about to be done to which records, and what it asks first."""

    act: str
    label: object
    rows: list
    entry: Entry
    step: object = None
    seen: dict = field(default_factory=dict)  # the revisions that the person saw, by id

    @property
    def asks(self):
        """Whether something is to be typed, so that a page comes first."""
        return bool(self.entry.items) or bool(self.step and self.step.danger)


def acts(model, may_edit):
    """What can be done to several records: [(act, label)]."""
    steps = [s for s in model._meta.workflow.transitions.values() if set(s.by) - {"system"}]
    owner = [(OWNER, say("改派责任人", "Give to another owner"))] if may_edit else []
    return [*owner, *((f"do:{step.event}", step.label) for step in steps)]


def bulk(actor, model, form):
    """The Bulk that a form asks for. Raises NotFound where a record is not visible, Refused where nothing is chosen."""
    ids = sorted({int(text) for text in form.getlist("id") if is_id(text)})
    if not ids or len(ids) > MOST or not form.get("act"):
        told = say("请选择记录(最多 {most} 条)和操作", "choose records (at most {most}) and what to do", most=MOST)
        raise Refused(Fault("", told, "required"))
    rows = list(visible_to(actor, model).where(model.id.in_(ids)).order_by(model.happened_at, model.id))
    if len(rows) < len(ids):
        raise NotFound(say("所选记录中有你看不到的。", "Some of the chosen records are not there for you."))
    if len({row.branch_id for row in rows}) > 1:
        raise Refused(Fault("", say("一次只能处理同一机构的记录", "only records of one branch can be done together")))
    context, act = Context(actor, rows[0].branch_id, model), form["act"]
    load(rows, model, {"owner"})
    if act == OWNER:
        actor.require(permission(model, "edit"), context.branch_id)
        items = asked.items(context, [OWNER])
        items[0].text = ""
        return Bulk(act, say("改派责任人", "Give to another owner"), rows, Entry(context, items), seen=_seen(form, ids))
    step = context.workflow.transitions.get(act.removeprefix("do:"))
    if step is None:
        raise Refused(Fault("", say("没有这个操作", "there is no such act"), "choice"))
    wrong = [row.number for row in rows if row.state not in step.source]
    if wrong:
        told = say(
            "这些记录的状态不能“{step}”:{numbers}",
            "not possible in the state of these: {numbers}",
            step=step.label,
            numbers="、".join(wrong),
        )
        raise Refused(Fault("", told, "state"))
    items = asked.items(context, dict.fromkeys((*step.requires, *step.asks)))
    for item in items:
        item.required = item.name in step.requires
    return Bulk(act, step.label, rows, Entry(context, items), step, _seen(form, ids))


def _seen(form, ids):
    """The revisions that the page before carried."""
    given = {row_id: form.get(f"revision.{row_id}", type=int) for row_id in ids}
    return {row_id: revision for row_id, revision in given.items() if revision is not None}


def do(actor, chosen):
    """Do it to all the records, or to none. Returns them. Raises Denied, Refused with every fault, or Stale."""
    values, faults = chosen.entry.values()
    if faults:
        raise Refused(*faults)
    if chosen.act == OWNER and OWNER not in values:
        raise Refused(Fault(OWNER, say("请选择责任人", "say who is to be the owner"), "required"))
    event = None if chosen.act == OWNER else chosen.step.event
    return records.change_many(
        actor, chosen.rows, values, event=event, reason=chosen.entry.reason, revisions=chosen.seen
    )
