"""Counting time: when a limit ends and when yellow begins. Pure functions; the time of day is not asked.

The rules, with the PRC Civil Code art. 201-203 behind them:

- `N business days`: the day of the event is not counted; to close of business of the Nth business day after it.
- `N days`: the day of the event is not counted; a last day that is off moves to the next business day; to its close.
- `N business hours|minutes`: session time; to the earliest moment at which it has run.
- `N hours|minutes|seconds`: elapsed time, an event outside sessions counting from the next opening.
- `22nd of the month` and other named days stay where they are, also on a day off: to the end of that day. A day that
  the month does not have is its last one.
- `N ... before X`: counted back from X, whose day is not counted; a day off moves to the business day before, so that
  nobody is left with less time than was meant (our choice). Hours and minutes are plain elapsed time.
- A start that is a day without an hour counts, for hours and minutes, from the end of that day.

Pauses (our choice): hours and minutes stand still for as long as the pause lasts. A day is not counted where the clock
stands still at its close; so a pause from Tuesday to Thursday moves the end by two business days, one within a day by
none, and no limit ends while its clock stands still. Named days, promises and `before X` are not moved by a pause.
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from core.calendars import DAY, MIDNIGHT
from core.spans import Span


class Due(NamedTuple):
    """When a limit ends: the last moment in time (UTC), the day in the zone, and whether a year's holidays are open.

    `at` and `on` are None where no moment can be told: rings, a promise not made yet, an X not known yet, a clock that
    is paused still.
    """

    at: datetime | None
    on: date | None
    provisional: bool = False


NEVER = Due(None, None)


def due(span, start, calendar, *, promised=None, reference=None, pauses=(), extension=None):
    """When the limit that begins with `start` ends.

    `start`, `promised` and `reference` (the X of "before X") are aware moments, or days without an hour. `pauses` are
    (from, to) moments, to None while it lasts. `extension` is a day or moment, or a Span counted from the old end; one
    that is earlier than the old end changes nothing. Raises Refused beyond the years of the calendar.
    """
    found = (_before if span.before else _ENDS[span.unit])(span, start, calendar, promised, reference, pauses)
    if extension is None or found.at is None:
        return found
    if isinstance(extension, Span):
        later = due(extension, found.at, calendar, pauses=pauses)
    else:
        later = _named(extension, found.on, calendar)
    if later.at is None:
        return later
    at, on = max(found[:2], later[:2])
    return Due(at, on, found.provisional or later.provisional)


def yellow(span, start, due, calendar, percent=80, *, pauses=()):
    """The moment (UTC) at which `percent` of the running time from start to due has passed; None where due is none.

    Business time for a limit in business units, else elapsed time. A start that is a day counts from its end; a due
    moment that is already past at the start is its own yellow.
    """
    if due.at is None:
        return None
    begin = beginning(span, start, calendar)
    pauses = merged(pauses, begin)
    spent = calendar.between if span.is_business else _elapsed
    total = spent(begin, due.at) - sum((spent(a, min(b or due.at, due.at)) for a, b in pauses), timedelta())
    if total <= timedelta():
        return due.at
    return _run(begin, total * percent / 100, calendar, pauses, span.is_business)


def in_time(stop, due):
    """Whether `stop` is in time: a moment not after the due moment, a day not after the due day. Yes without a due."""
    if due.at is None:
        return True
    return stop <= due.at if isinstance(stop, datetime) else stop <= due.on


def opening(moment, calendar):
    """`moment` itself inside a session, else the next opening (UTC). A session does not hold its close."""
    return next(calendar.stretches(moment))[0]


def business_seconds(a, b, calendar):
    """The seconds of session time from `a` to `b`; negative where `b` is earlier."""
    return calendar.between(a, b).total_seconds() if a <= b else -calendar.between(b, a).total_seconds()


def stricter(a, b, start, calendar, **given):
    """Whichever of two spans ends first from the same start; `a` where both end together or neither has a moment."""
    one, other = due(a, start, calendar, **given).at, due(b, start, calendar, **given).at
    return b if other is not None and (one is None or other < one) else a


# The end of each kind of limit


def _business_days(span, start, calendar, promised, reference, pauses):
    day = calendar.day_of(start)
    if not pauses:
        on = calendar.add_business_days(day, span.number)
        return Due(calendar.close(on), on, calendar.is_provisional(day, on))
    on, left, pauses = day, span.number, merged(pauses)
    while left:
        on = calendar.next_business_day(on)
        if _for_good(calendar.close(on), pauses):
            return NEVER
        left -= not stands_still(calendar.close(on), pauses)
    return Due(calendar.close(on), on, calendar.is_provisional(day, on))


def _days(span, start, calendar, promised, reference, pauses):
    day = calendar.check(calendar.day_of(start))
    pauses = merged(pauses)
    on, left = (day, span.number) if pauses else (day + span.number * DAY, 0)
    while left or not calendar.is_business_day(on) or stands_still(calendar.close(on), pauses):
        on += DAY
        if _for_good(calendar.close(on), pauses):
            return NEVER
        if left:
            left -= not stands_still(calendar.close(on), pauses)
    return Due(calendar.close(on), on, calendar.is_provisional(day, on))


def _time(span, start, calendar, promised, reference, pauses):
    begin = beginning(span, start, calendar)
    at = _run(begin, span.length, calendar, merged(pauses, begin), span.is_business)
    if at is None:
        return NEVER
    on = calendar.check(calendar.day_of(at))
    return Due(at, on, calendar.is_provisional(calendar.day_of(start), on))


def _before(span, start, calendar, promised, reference, pauses):
    if reference is None:
        return NEVER
    day = calendar.check(calendar.day_of(reference))
    if span.is_timed:
        at = reference if isinstance(reference, datetime) else _opening_of(day, calendar)
        at -= span.length
        return Due(at, calendar.check(calendar.day_of(at)), calendar.is_provisional(day, calendar.day_of(at)))
    if span.unit == "business day":
        on = calendar.add_business_days(day, -span.number)
    else:
        on = calendar.check(day - span.number * DAY)
        on = on if calendar.is_business_day(on) else calendar.previous_business_day(on)
    return Due(calendar.close(on), on, calendar.is_provisional(day, on))


def _named_day(span, start, calendar, promised, reference, pauses):
    day = calendar.check(calendar.day_of(start))
    first, after = period_of(day, span)
    if span.unit == "nth day":
        on = after - DAY if span.number == -1 else min(first + (span.number - 1) * DAY, after - DAY)
    elif span.unit == "nth business day":
        last = calendar.previous_business_day(after)
        on = last if span.number == -1 else min(calendar.add_business_days(first - DAY, span.number), last)
    else:
        on = min(first + (span.number - 1) * DAY, after - DAY)
        on = on if span.inclusive else on - DAY
        if span.unit == "weekday before":
            on -= (on.weekday() - span.weekday) % 7 * DAY
        elif not calendar.is_business_day(on):
            on = calendar.previous_business_day(on)
    return _named(on, day, calendar)


def _promise(span, start, calendar, promised, reference, pauses):
    return NEVER if promised is None else _named(promised, calendar.day_of(start), calendar)


def _none(span, start, calendar, promised, reference, pauses):
    return NEVER


_ENDS = {
    "business day": _business_days,
    "day": _days,
    **dict.fromkeys(("second", "minute", "hour", "business minute", "business hour"), _time),
    "promised": _promise,
    "ring": _none,
    **dict.fromkeys(("nth day", "nth business day", "weekday before", "business day before"), _named_day),
}


def _named(end, day, calendar):
    """The Due of a named moment, or of a named day to its end."""
    on = calendar.check(calendar.day_of(end))
    at = end.astimezone(UTC) if isinstance(end, datetime) else calendar.close(on)
    return Due(at, on, calendar.is_provisional(day, on))


def period_of(day, span):
    """The first day of the span's month, quarter or year, and the first day after it."""
    months = {"month": 1, "quarter": 3, "year": 12}[span.period]
    begin = (day.year * 12 + day.month - 1) // months * months + span.ahead * months
    return tuple(date(at // 12, at % 12 + 1, 1) for at in (begin, begin + months))


# Running and standing still


def beginning(span, start, calendar):
    """The moment from which time runs."""
    moment = start if isinstance(start, datetime) else calendar.close(start)
    if span.is_timed and not span.before and calendar.from_opening:
        return opening(moment, calendar)
    return moment


def _run(begin, length, calendar, pauses, business):
    """The earliest moment at which `length` has run since `begin` outside the pauses; None where it never has."""
    end = calendar.after(begin, length) if business else begin + length
    for stands, resumes in pauses:
        if stands >= end:
            break
        if resumes is None:
            return None
        length += calendar.between(stands, resumes) if business else resumes - stands
        end = calendar.after(begin, length) if business else begin + length
    return end


def _elapsed(begin, end):
    return max(end - begin, timedelta())


def merged(pauses, begin=None):
    """The pauses in order, none overlapping, nothing of them before `begin`."""
    merged = []
    for stands, resumes in sorted(pauses, key=lambda pause: pause[0]):
        stands = max(stands, begin) if begin else stands
        if resumes is not None and resumes <= stands:
            continue
        if merged and (merged[-1][1] is None or stands <= merged[-1][1]):
            last = merged[-1][1]
            merged[-1] = (merged[-1][0], None if last is None or resumes is None else max(last, resumes))
        else:
            merged.append((stands, resumes))
    return merged


def stands_still(moment, pauses):
    return any(stands < moment and (resumes is None or moment <= resumes) for stands, resumes in pauses)


def _for_good(moment, pauses):
    return bool(pauses) and pauses[-1][1] is None and pauses[-1][0] < moment


def _opening_of(day, calendar):
    return calendar.hours(day)[0][0] if calendar.is_business_day(day) else calendar.moment(day, MIDNIGHT)
