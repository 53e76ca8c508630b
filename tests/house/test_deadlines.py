"""Deadlines around the Spring Festival and the National Day of 2024, 2025 and 2026, each worked out by hand from the notice.

Off: 2024-02-10/17, 09-15/17, 10-01/07; 2025-01-28/02-04, 10-01/08; 2026-02-15/23, 09-25/27, 10-01/07. Worked instead, on
weekends: 2024-02-04, 02-18, 09-14, 09-29, 10-12; 2025-01-26, 02-08, 09-28, 10-11; 2026-02-14, 02-28, 09-20, 10-10.
Business is from 09:00 to 17:30, Shanghai time.
"""

import io
import json
import sys
from datetime import date, datetime

import pytest

from core.business_calendar import calendar_of
from core.clocks import ClockEvent, clocks_of
from core.conditions import Condition
from core.language import Words
from core.limits import Limit
from core.testing import branch, local
from core.worktime import due, parse, working
from plugins.cases.models import Complaint
from tests.core.commands.conftest import call, zhixing  # noqa: F401

DEADLINES = [  # limit, from, due (local), why
    # Spring Festival 2024
    ("3 business days", "2024-02-08T10:00", "2024-02-19 17:30", "Fri 9, Sun 18 made up, Mon 19"),
    ("1 business day", "2024-02-09T16:00", "2024-02-18 17:30", "the next day worked is Sunday 18"),
    ("10 days", "2024-02-02T09:00", "2024-02-18 17:30", "Mon 12 is off, moves on to Sunday 18, made up"),
    ("2 hours", "2024-02-09T17:00", "2024-02-09 19:00", "elapsed time runs on past the close"),
    ("2 hours", "2024-02-09T17:30", "2024-02-18 11:00", "at the close it counts from the next opening, 9 days on"),
    ("4 business hours", "2024-02-09T15:30", "2024-02-18 11:00", "2 h to the close, 2 h on Sunday 18"),
    ("30 business minutes", "2024-02-04T17:15", "2024-02-05 09:15", "15 min on Sunday 4 made up, 15 on Monday"),
    ("3 business days", "2024-02-03T12:00", "2024-02-06 17:30", "Saturday is not counted; Sun 4, Mon 5, Tue 6"),
    ("5th business day of the month", "2024-02-01", "2024-02-06 17:30", "Feb 1, 2, Sun 4, 5, 6"),
    ("10th of the month", "2024-02-01", "2024-02-10 23:59:59.999999", "a named day stays on a day off, to its end"),
    ("Friday before the 18th", "2024-02-01", "2024-02-16 23:59:59.999999", "Fri 16 is off and stays"),
    ("business day before the 15th", "2024-02-01", "2024-02-09 17:30", "10 to 14 are off, back to Fri 9"),
    # National Day and Mid-autumn 2024
    ("3 business days", "2024-09-27T15:00", "2024-10-08 17:30", "Sun 29 made up, Mon 30, Tue Oct 8"),
    ("10 days", "2024-09-25", "2024-10-08 17:30", "Oct 5 is off, moves on to the 8th"),
    ("5 business days", "2024-10-08T09:00", "2024-10-14 17:30", "9, 10, 11, Sat 12 made up, Mon 14"),
    ("last business day of the month", "2024-09-10", "2024-09-30 17:30", "Mon 30 is worked"),
    ("1st business day of next month", "2024-09-20", "2024-10-08 17:30", "Oct 1 to 7 are off"),
    ("3 days", "2024-09-14T11:00", "2024-09-18 17:30", "Tue 17 is off, moves on to Wed 18"),
    ("8 business hours", "2024-09-30T17:00", "2024-10-08 16:30", "half an hour, then seven and a half on Oct 8"),
    ("last day of the quarter", "2024-09-30T08:00", "2024-09-30 17:30", "Sep 30 itself, to the close"),
    # Spring Festival 2025
    ("3 business days", "2025-01-24T10:00", "2025-02-05 17:30", "Sun 26 made up, Mon 27, Wed Feb 5"),
    ("7 days", "2025-01-27T18:00", "2025-02-05 17:30", "Feb 3 is off, moves on to the 5th"),
    ("24 hours", "2025-01-27T18:00", "2025-02-06 09:00", "after the close: runs from Feb 5, 09:00"),
    ("24 hours", "2025-01-27T17:29:59", "2025-01-28 17:29:59", "a second before the close: runs at once"),
    ("5 business days", "2025-02-04T12:00", "2025-02-10 17:30", "5, 6, 7, Sat 8 made up, Mon 10"),
    ("5th business day of the month", "2025-02-01", "2025-02-10 17:30", "Feb 5, 6, 7, Sat 8, 10"),
    ("2 business hours", "2025-01-26T16:30", "2025-01-27 10:00", "an hour on Sunday 26, an hour on Monday"),
    ("22nd of the month", "2025-02-10", "2025-02-22 23:59:59.999999", "a Saturday, which a named day does not heed"),
    # National Day 2025
    ("10 business days", "2025-09-24T09:30", "2025-10-14 17:30", "25, 26, Sun 28, 29, 30, Oct 9, 10, Sat 11, 13, 14"),
    ("15 days", "2025-09-20T10:00", "2025-10-09 17:30", "Oct 5 is off, moves on to the 9th"),
    ("1 business day", "2025-09-30T17:30", "2025-10-09 17:30", "the day itself does not count, whatever its hour"),
    ("Friday on or before the 10th of next month", "2025-09-15", "2025-10-10 17:30", "Oct 10 is a Friday itself"),
    # Spring Festival 2026
    ("3 business days", "2026-02-13T10:00", "2026-02-25 17:30", "Sat 14 made up, Tue 24, Wed 25"),
    ("10 days", "2026-02-11T15:00", "2026-02-24 17:30", "Feb 21 is off, moves on to the 24th"),
    (
        "4 business hours",
        "2026-02-14T14:00",
        "2026-02-24 09:30",
        "three and a half on Sat 14, half an hour on the 24th",
    ),
    ("30 minutes", "2026-02-20T12:00", "2026-02-24 09:30", "received in the holiday: from Tue 24, 09:00"),
    ("5 business days", "2026-02-24T09:00", "2026-03-02 17:30", "25, 26, 27, Sat 28 made up, Mon Mar 2"),
    # National Day and Mid-autumn 2026
    ("5th business day of next month", "2026-09-15", "2026-10-13 17:30", "Oct 8, 9, Sat 10, 12, 13"),
    ("3 business days", "2026-09-19T10:00", "2026-09-22 17:30", "Sun 20 made up, 21, 22"),
    ("7 days", "2026-09-18T10:00", "2026-09-28 17:30", "Fri 25 is off, moves on to Mon 28"),
    ("2 business days", "2026-09-30T09:00", "2026-10-09 17:30", "Oct 8 and 9"),
    ("business day on or before the 3rd of next month", "2026-09-10", "2026-09-30 17:30", "Oct 1 to 3 are off"),
    ("72 hours", "2026-09-30T17:00", "2026-10-03 17:00", "elapsed time runs through the holiday"),
]
BACKWARDS = [  # limit, X, due, why
    ("1 business day before due_on", date(2024, 2, 19), "2024-02-18 17:30", "Sunday 18 is made up"),
    ("1 business day before due_on", date(2025, 2, 5), "2025-01-27 17:30", "back over the whole holiday"),
    (
        "2 days before due_on",
        date(2026, 10, 9),
        "2026-09-30 17:30",
        "Oct 7 is off, back to Sep 30: nobody has less time",
    ),
    ("2 hours before due_on", local("2026-02-24 10:00"), "2026-02-24 08:00", "hours back are plain elapsed time"),
]


def cases(table):
    return [pytest.param(*row[:3], id=f"{row[0]} from {row[1]}: {row[3]}") for row in table]


@pytest.fixture
def calendar(group):
    return calendar_of(branch().id)


def test_forty_deadlines_end_as_worked_out_by_hand(calendar):
    assert len(DEADLINES) >= 40 and len({row[0] for row in DEADLINES}) >= 20
    wrong = []
    for text, start, ends, why in DEADLINES:
        begin = local(start) if "T" in start else date.fromisoformat(start)
        found = due(parse(text), begin, calendar)
        steps = working(parse(text), begin, calendar)
        if (found.at, steps[-1].day) != (local(ends), found.on) or found.provisional or steps[-1].what != "due":
            wrong.append((text, start, ends, why, found))
    assert not wrong


@pytest.mark.parametrize("text, start, ends", cases(DEADLINES))
@pytest.mark.pure
def test_a_clock_is_judged_to_the_second_at_a_deadline_worked_out_by_hand(group, text, start, ends):
    calendar, is_day = calendar_of(branch().id), "T" not in start
    begin = local(f"{start} 00:00" if is_day else start)
    one = Limit("t", "one", ("X1",), "complaint", "happened_at", "result_told_at", parse(text), Words(""), Condition())
    last = local(ends)
    verdicts = []
    for second in (0, 1):
        stopped = datetime.fromtimestamp(last.timestamp() + second, last.tzinfo)
        stamps = {"happened_at": [begin.isoformat(), is_day], "result_told_at": [stopped.isoformat(), False]}
        record = Complaint(happened_at=begin, result_told_at=stopped, stamps=stamps, extra={}, gaps=[])
        (reading,) = clocks_of(record, {one.family: [one]}, calendar).values()
        verdicts.append((reading.due_at, reading.state(stopped)))
    assert verdicts == [(last, "met"), (last, "late")]


@pytest.mark.parametrize("text, reference, ends", cases(BACKWARDS))
def test_what_is_counted_back_over_a_holiday_leaves_nobody_with_less_time(calendar, text, reference, ends):
    start = local("2024-01-02 09:00")
    assert due(parse(text), start, calendar, reference=reference).at == local(ends)


def test_the_command_line_says_the_same(zhixing, monkeypatch):  # noqa: F811
    lines = "".join(f"{text}\t{start}\n" for text, start, _, _ in DEADLINES)
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    answer = zhixing("due", "-")
    found = [json.loads(line) for line in answer.out.splitlines()]
    shown = [(row["limit"], row["from"], datetime.fromisoformat(row["due"]), row["provisional"]) for row in found]
    assert shown == [(text, start, local(ends), False) for text, start, ends, _ in DEADLINES]


def test_a_pause_over_the_holiday_moves_the_end_by_the_business_days_in_it(group):
    """Stands still from Tue 2026-02-10 10:00 to Wed 25 10:00: 10 to 14 and 24 are not counted; 25, 26, 27 are."""
    one = Limit("t", "one", ("X1",), "complaint", "happened_at", "closed_at", parse("3 business days"), Words(""))
    record = Complaint(happened_at=local("2026-02-09 15:00"), stamps={}, extra={}, gaps=[])
    moments = (("pause", "2026-02-10 10:00"), ("resume", "2026-02-25 10:00"))
    events = [ClockEvent(kind=kind, stop="closed_at", happened_at=local(at)) for kind, at in moments]
    (reading,) = clocks_of(record, {one.family: [one]}, calendar_of(branch().id), events).values()
    assert reading.due_at == local("2026-02-27 17:30")
