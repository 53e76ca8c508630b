"""What people enter: raw values parsed onto a record, moments stamped, every fault in the field's own place."""

from datetime import datetime

from core.errors import Fault
from core.language import say
from core.organisation import organisation
from core.people import Person
from core.records.context import limits_of_time
from core.records.visibility import masked

TYPED_BASE = ("owner", "department", "happened_at")
CLOSED_BASE = {
    *TYPED_BASE, "number", "state", "recorded_by", "recorded_at", "extra", "stamps", "gaps",
}  # fmt: skip


def assign(context, record, values, base, faults):
    """Parse raw values onto the record; returns the old values of what differs, by field name."""
    before, questions = {}, context.form_for(record).by_name
    for name, raw in values.items():
        question = questions.get(name)
        column = question.column if question else context.columns.get(name)
        if column is None or (not question and _is_closed(context, column, base)):
            faults.append(Fault(name, say("没有这个可填的项", "there is no such field to fill in"), "unknown"))
            continue
        stored = (record.extra or {}).get(question.key) if question else record.__data__.get(column.name)
        if _is_masked(column, stored, raw):
            continue
        try:
            value = column.parse(raw, context)
        except ValueError as error:
            if question or not _names_what_is_there(record, column, raw):
                faults.append(Fault(name, str(error)))
            continue
        if question:
            stored = column.as_json(value)
            if (record.extra or {}).get(question.key) != stored:
                if question.is_closed_to(stored):
                    faults.append(
                        Fault(name, say("此题或此选项已停用", "this question or choice is retired"), "choice")
                    )
                    continue
                before.setdefault("extra", dict(record.extra or {}))
                record.extra = {**(record.extra or {}), question.key: stored}
            continue
        if column.name in context.stamped and column.name not in base and record.__data__.get(column.name) is None:
            if value is not None:
                told = say("此时间由办理步骤记下,不能直接填写", "a step stamps this moment: take the step instead")
                faults.append(Fault(name, told, "stamped"))
            continue
        if column.kind in ("moment", "day"):
            value = _stamp(context, record, column, value, faults, before)
        old = record.__data__.get(column.name)
        if old != value:
            before[column.name] = old
            setattr(record, column.name, value)
    return before


def _is_masked(column, stored, raw):
    """Whether what came in is the stored personal value with its stars, sent back as it was shown."""
    return bool(getattr(column, "personal", None) and stored and "*" in str(raw) and str(raw).strip() == masked(stored))


def _is_closed(context, column, base):
    if column.name in CLOSED_BASE:
        return column.name not in base
    return column.read_only and column.name not in base and not context.actor.is_system


def _names_what_is_there(record, column, raw):
    """Whether a reference that cannot be looked up (any more, or by this person) is the one that the record has."""
    if column.kind != "ref" or record.__data__.get(column.name) is None:
        return False
    target = getattr(record, column.name)
    names = (target.id, getattr(target, "login", None), getattr(target, "code", None), getattr(target, "number", None))
    return str(raw) in {str(name) for name in names if name is not None}


def _stamp(context, record, column, value, faults, before):
    """A moment or day as it is stored, with its recorded-at and whether only the day is known; never in the future."""
    if value is None:
        return None
    day = context.day_of(value)
    day_only = value == day
    if day_only and column.kind == "moment":
        value = datetime(day.year, day.month, day.day, tzinfo=context.zone).astimezone(context.now.tzinfo)
    same = record.__data__.get(column.name) == value and record.is_day_only(column.name) == day_only
    if column.name in context.stamped and not same:
        if day > context.day_of(context.now) or (not day_only and value > context.latest):
            faults.append(Fault(column.api_name, say("不能晚于现在", "lies in the future"), "future"))
        stamps = dict(record.stamps or {})
        before.setdefault("stamps", dict(stamps))
        stamps[column.name] = [context.now.isoformat(timespec="seconds"), int(day_only)]
        record.stamps = stamps
    return value


def back_dated(context, record, before):
    """The faults of stamps that lie further back than anybody but the head may enter."""
    names = [n for n in before if n in context.stamped and record.__data__.get(n) is not None]
    if context.history or not names or context.is_head(record):
        return []
    told = say(
        "补录超过 {days} 个工作日须由部门负责人办理",
        "more than {days} business day back: only the head of the department may enter that",
        days=limits_of_time["back_dating_business_days"],
    )
    late = [n for n in names if context.day_of(record.__data__[n]) < context.earliest()]
    return [Fault(n.rstrip("_"), told, "back-dated") for n in late]


def home_department(context, owner_id):
    if owner_id is None:
        return None
    if ("home", owner_id) not in context.found:
        person = Person.get_by_id(owner_id)
        known = organisation().departments.get(person.department_id)
        here = known is not None and known.branch_id in organisation().path(context.branch_id)
        context.found["home", owner_id] = person.department_id if here else None
    return context.found["home", owner_id]
