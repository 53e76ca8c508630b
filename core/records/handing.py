"""Handing a record to another branch, department or person; its clocks run on."""

from core.database import door, transaction
from core.errors import Fault, Refused, Stale
from core.language import say
from core.organisation import closed_faults, organisation
from core.records import visibility
from core.records.carrying import carry
from core.records.context import Change, Context, open_context
from core.records.judging import judged, owner_faults
from core.records.saving import follow, update
from core.switches import require_on


def hand_over(actor, record, *, branch=None, department=None, owner=None, reason="", revision=None):
    """Hand a record to another branch, department or person; its clocks run on. Raises Refused without a reason.

    `revision` is the one that the person saw: raises Stale where somebody saved since.
    """
    if not reason.strip():
        raise Refused(Fault("reason", say("移交须写明原因", "handing over needs a reason"), "required"))
    model = type(record)
    context = open_context(actor, model, record.branch_id, "edit")
    target = Context(actor, branch.id if branch else record.branch_id, model)
    require_on(model._meta.plugin, target.branch_id, actor.now)
    before, faults = {}, []
    with transaction(), door():
        record = visibility.find(actor, model, record.id)
        if record.branch_id != context.branch_id or (revision is not None and record.revision != int(revision)):
            raise Stale(record, {"branch": branch, "department": department, "owner": owner, "reason": reason})
        moves = {"branch": target.branch_id}
        if department is not None or branch is not None:
            moves["department"] = department.id if department is not None else None
        if owner is not None or branch is not None:
            moves["owner"] = owner.id if owner is not None else None
        if owner is not None and not owner.is_active:
            faults.append(Fault("owner", say("此人已停用", "this person is deactivated")))
        if department is not None and department.branch_id not in organisation().path(target.branch_id):
            faults.append(Fault("department", say("该部门不属于目标机构", "this department is not of that branch")))
        if target.branch_id != context.branch_id:
            moves |= carry(target, record)
        today = target.day_of(actor.now)
        faults += closed_faults(department, today, "department") if department is not None else []
        faults += closed_faults(branch, today, "branch") if branch is not None else []
        for name, value in moves.items():
            if record.__data__.get(name) != value:
                before[name] = record.__data__.get(name)
                setattr(record, name, value)
        faults += owner_faults(target, record) if "owner" in before else []
        made = Change(record, before, "hand_over", reason, target)
        if faults or (faults := judged(target, made)):
            raise Refused(*faults)
        if before:
            update(context, made)
            follow(target, [made])
    return record
