"""The working behind a due moment, day by day, for people to check."""

from datetime import date, timedelta
from typing import NamedTuple

from core.calendars import DAY, MIDNIGHT
from core.counting import beginning, due, merged, period_of, stands_still
from core.language import say


class Step(NamedTuple):
    """One line of the working shown to people.

    `what` is start, counted, make_up (counted on a weekend), off, paused or due. `count` is how many days have been
    counted so far, or how many minutes have run for a limit in hours, minutes or seconds.
    """

    day: date
    what: str
    note: str
    count: int


def working(span, start, calendar, *, promised=None, reference=None, pauses=(), extension=None):
    """How `due` was counted, day by day, as a list of Step; the notes are in the language that speaks now."""
    end = due(span, start, calendar, promised=promised, reference=reference, pauses=pauses)
    day, pauses = calendar.day_of(start), merged(pauses)
    if span.is_timed and not span.before:
        steps = _timed_steps(span, start, end, calendar, pauses)
    elif span.before and end.on:
        origin = calendar.day_of(reference)
        back = _days_between(end.on - DAY, origin - DAY)[::-1]
        steps = [Step(origin, "start", span.before, 0), *_day_steps(span, back, calendar, ())]
    else:
        origin = period_of(day, span)[0] - DAY if span.unit == "nth business day" else day
        last = end.on or (calendar.day_of(pauses[-1][0]) - DAY if _is_open(pauses) else origin)
        counted = _days_between(origin, last) if span.unit in ("day", "business day", "nth business day") else ()
        steps = [Step(day, "start", _reason(day, calendar), 0), *_day_steps(span, counted, calendar, pauses)]
    if end.at is None:
        return [*steps, _standing(pauses[-1][0], steps[-1].count, calendar)] if _is_open(pauses) else steps
    final = end
    if extension is not None:
        final = due(span, start, calendar, promised=promised, reference=reference, pauses=pauses, extension=extension)
    return _finished(steps, end, final, calendar)


def _finished(steps, end, final, calendar):
    """The steps with the due line: their last one where it is of that day; one more where the limit was extended."""
    last = steps[-1]
    if final.at is None:
        return steps
    if final.at > end.at:
        old, new = _local(end.at, calendar), _until(final, calendar)
        extended = say("原定 {old},延期;{new}", "extended from {old}; {new}", old=old, new=new)
        return [*steps, Step(final.on, "due", extended, last.count)]
    if len(steps) == 1 or last.day != end.on:
        return [*steps, Step(end.on, "due", _until(end, calendar), last.count)]
    note = "; ".join(note for note in (last.note, _until(end, calendar)) if note)
    return [*steps[:-1], Step(end.on, "due", note, last.count)]


def _day_steps(span, days, calendar, pauses):
    """One step for each day looked at; `N days` counts days off too, and moves on over them once all have run."""
    count = 0
    for day in days:
        works = calendar.is_business_day(day)
        if (works or span.unit == "day") and stands_still(calendar.close(day), pauses):
            what = "paused"
        elif works or (span.unit == "day" and count < span.number):
            what = "make_up" if works and day.weekday() > 4 else "counted"
            count += not (span.unit == "day" and count == span.number)
        else:
            what = "off"
        yield Step(day, what, _reason(day, calendar), count)


def _timed_steps(span, start, end, calendar, pauses):
    day, begin = calendar.day_of(start), beginning(span, start, calendar)
    moved = begin != start
    note = say("从 {at} 起算", "counts from {at}", at=_local(begin, calendar)) if moved else _local(begin, calendar)
    steps, run = [Step(day, "start", note, 0)], timedelta()
    stop = end.at or max(pauses[-1][0], begin)
    pieces = {}
    for opens, closes in _pieces(begin, stop, calendar, span.is_business, pauses):
        pieces.setdefault(calendar.day_of(opens), []).append((opens, closes))
    for looked_at in (day, *_days_between(day, calendar.day_of(stop))):
        if looked_at in pieces:
            run += sum((closes - opens for opens, closes in pieces[looked_at]), timedelta())
            hours = ", ".join(_hours(*piece, calendar) for piece in pieces[looked_at])
            make_up = calendar.is_business_day(looked_at) and looked_at.weekday() > 4
            note = "; ".join(part for part in (_reason(looked_at, calendar), hours) if part)
            steps.append(Step(looked_at, "make_up" if make_up else "counted", note, run // timedelta(minutes=1)))
        elif looked_at != day:
            could_run = calendar.is_business_day(looked_at) or not span.is_business
            what = "paused" if could_run and stands_still(calendar.close(looked_at), pauses) else "off"
            steps.append(Step(looked_at, what, _reason(looked_at, calendar), run // timedelta(minutes=1)))
    return steps


def _pieces(begin, end, calendar, business, pauses):
    """The stretches that were counted, none longer than a day, the pauses cut out."""
    for opens, closes in calendar.stretches(begin, end) if business else _whole_days(begin, end, calendar):
        for stands, resumes in pauses:
            if stands >= closes:
                break
            if opens < stands:
                yield opens, stands
            opens = max(opens, resumes or closes)
        if opens < closes:
            yield opens, closes


def _whole_days(begin, end, calendar):
    while begin < end:
        midnight = calendar.moment(calendar.day_of(begin) + DAY, MIDNIGHT)
        yield begin, min(end, midnight)
        begin = midnight


def _days_between(one, other):
    """The days after `one` up to `other`."""
    return [one + n * DAY for n in range(1, (other - one).days + 1)]


def _is_open(pauses):
    """Whether the last pause lasts still."""
    return bool(pauses) and pauses[-1][1] is None


def _reason(day, calendar):
    """Why the day is on or off, as the calendar knows it; nothing for a usual business day."""
    reason = calendar.notes.get(day, "")
    if not reason and not calendar.is_business_day(day):
        reason = say("周末", "weekend") if day.weekday() > 4 else say("休息日", "day off")
    elif not reason and day.weekday() > 4:
        reason = say("调休上班", "make-up working day")
    if day.year not in calendar.published:
        reason = f"{reason} {say('(节假日未公布,暂按周末推算)', '(holidays not published yet)')}".strip()
    return reason


def _standing(moment, count, calendar):
    note = say("自 {at} 起暂停计时", "paused since {at}", at=_local(moment, calendar))
    return Step(calendar.day_of(moment), "paused", note, count)


def _until(end, calendar):
    return say("截止 {at}", "until {at}", at=_local(end.at, calendar))


def _local(moment, calendar):
    return f"{moment.astimezone(calendar.zone):%Y-%m-%d %H:%M}"


def _hours(opens, closes, calendar):
    opens, closes = (f"{moment.astimezone(calendar.zone):%H:%M}" for moment in (opens, closes))
    return f"{opens}-{'24:00' if closes == '00:00' else closes}"
