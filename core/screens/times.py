"""Moments as people read them: in the branch's zone, and as time that is left."""

from datetime import date, datetime, timedelta

from core.language import say
from core.organisation import zone_of


def moment(value, branch_id):
    """A moment in the branch's zone, to the minute; a day as it is; "" for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone_of(branch_id)).strftime("%Y-%m-%d %H:%M")
    return value.isoformat() if isinstance(value, date) else str(value)


def span(length):
    """A length of time in one unit, rounded down: 2 days, 3 hours, 20 minutes."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return say("不到 1 分钟", "less than a minute")
    if minutes < 60:
        return _count(minutes, say("分钟", "minute"))
    if minutes < 48 * 60:
        return _count(minutes // 60, say("小时", "hour"))
    return _count(minutes // (24 * 60), say("天", "day"))


def _count(number, unit):
    return say("{n} {unit}", "{n} {unit}" if number == 1 else "{n} {unit}s", n=number, unit=unit)


def time_left(due_at, now):
    """How long until, or since, a due moment."""
    if due_at is None:
        return ""
    left = due_at - now
    if left >= timedelta(0):
        return say("还有 {span}", "{span} left", span=span(left))
    return say("已超 {span}", "{span} over", span=span(-left))


def ago(value, now):
    """How long ago a moment was."""
    return say("{span}前", "{span} ago", span=span(max(now - value, timedelta(0))))
