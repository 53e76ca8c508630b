"""Days of a calendar as lines that people type: `2027-02-05/2027-02-11 Spring Festival`, and back."""

import re
from datetime import date, timedelta

from core.language import say

DAY = timedelta(days=1)
LINE = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})(?:\s*[/~]\s*(\d{4}-\d{1,2}-\d{1,2}))?(?:\s+(.*))?")
HOURS = re.compile(r"(\d{1,2}:\d{2})\s*[-~]\s*(\d{1,2}:\d{2})")


def lines_of(days):
    """Days with their reasons (or hours) as lines, days in a row of the same reason as one."""
    spans = []
    for day, what in sorted((date.fromisoformat(text), what) for text, what in days.items()):
        if spans and spans[-1][1] + DAY == day and spans[-1][2] == what:
            spans[-1][1] = day
        else:
            spans.append([day, day, what])
    return "\n".join(f"{first}{'' if first == last else f'/{last}'} {what}".rstrip() for first, last, what in spans)


def hour_lines_of(day_sessions):
    """Days with hours of their own as lines."""
    return lines_of({day: hours_text(hours) for day, hours in day_sessions.items()})


def hours_text(hours):
    """Sessions as text: 09:00-12:00, 13:30-17:30."""
    return ", ".join(f"{opens}-{closes}" for opens, closes in hours)


def hours_typed(form, name):
    """The sessions that a field says; what is none becomes a fault of the form."""
    text = form.text(name)
    found = [[_clock(opens), _clock(closes)] for opens, closes in HOURS.findall(text)]
    if text and (not found or HOURS.sub("", text).strip(" ,;、\uff0c\uff1b")):
        form.fault(name, say("时间应写成 09:00-12:00, 13:30-17:30", "write hours as 09:00-12:00, 13:30-17:30"))
    return found


def days_typed(form, name):
    """The days that the lines of a field say, {iso day: reason}; each line that is none becomes a fault of the form."""
    days = {}
    for place, line in enumerate(form.text(name).splitlines(), 1):
        if line.strip():
            try:
                days.update(_days(line.strip()))
            except ValueError:
                form.fault(
                    name,
                    say(
                        "第 {n} 行“{line}”无法理解,请写成 2027-02-05/2027-02-11 春节",
                        'line {n}, "{line}", is not understood: write 2027-02-05/2027-02-11 Spring Festival',
                        n=place,
                        line=line.strip(),
                    ),
                )
    return days


def hour_days_typed(form, name):
    """The days with hours of their own that the lines of a field say, {iso day: sessions}."""
    found = {}
    for day, text in days_typed(form, name).items():
        hours = HOURS.findall(text)
        if not hours:
            told = say("{day} 缺少时间,例如 09:00-12:00", "{day} has no hours, for example 09:00-12:00", day=day)
            form.fault(name, told)
        found[day] = [[_clock(opens), _clock(closes)] for opens, closes in hours]
    return found


def _days(line):
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(line)
    first, last, why = match.groups()
    first, last = _day(first), _day(last or first)
    if not first <= last <= first + 366 * DAY:
        raise ValueError(line)
    return {(first + n * DAY).isoformat(): why or "" for n in range((last - first).days + 1)}


def _day(text):
    return date(*map(int, text.split("-")))


def _clock(text):
    return text.zfill(5)
