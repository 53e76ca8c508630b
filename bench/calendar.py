"""Calendar arithmetic beside its yardsticks, as ratios within one run: numpy's busday_offset and a loop over the days.

Run `python -m bench.calendar`. A ratio is how many times as long the yardstick takes as we do; the floor is what we
promise. All start from the same business days of 2024 to 2026, with the same days off.
"""

from datetime import UTC, date, datetime, timedelta
from statistics import median
from time import perf_counter
from zoneinfo import ZoneInfo

import chinese_calendar
import numpy

from core.worktime import Calendar, due, parse

REPEATS = 15
SPANS = (1, 3, 5, 10, 20)
ZONE = ZoneInfo("Asia/Shanghai")


def main(repeats=REPEATS):
    """Measure and print; a list of rows {name, ours_us, other_us, ratio, floor}, medians in microseconds a call."""
    calendar = _build()
    days = calendar.days
    begin = days.index(date(2024, 1, 2))
    starts = days[begin : begin + 600]  # the last of them ends in 2026: chinesecalendar knows no later year
    calls = [(day, n) for day in starts for n in SPANS]
    listed = [day for day in _every_day(calendar.first, calendar.last) if not calendar.is_business_day(day)]
    numpys = numpy.busdaycalendar(weekmask="1111111", holidays=numpy.array(listed, dtype="datetime64[D]"))
    as_numpy = [(numpy.datetime64(day), n) for day, n in calls]
    spans = {n: parse(f"{n} business days") for n in SPANS}
    events = [(spans[n], datetime(day.year, day.month, day.day, 2, tzinfo=UTC)) for day, n in calls]

    def add():
        for day, n in calls:
            calendar.add_business_days(day, n)

    def moments():
        for span, event in events:
            due(span, event, calendar)

    def offset():
        for day, n in as_numpy:
            numpy.busday_offset(day, n, busdaycal=numpys)

    def offset_of_dates():
        for day, n in calls:
            numpy.busday_offset(day, n, busdaycal=numpys)

    def loop():
        for day, n in calls:
            _by_looking_at_each_day(day, n)

    _agree(calendar, calls, as_numpy, numpys, events)
    took = _medians((add, moments, offset, offset_of_dates, loop), repeats, len(calls))
    by_day = {  # the loop again, one length at a time
        n: _medians((_add_only(calendar, starts, n), _loop_only(starts, n)), max(3, repeats // 5), len(starts))
        for n in SPANS
    }
    rows = [
        _row("add_business_days : numpy busday_offset, datetime64", took[add], took[offset], 1),
        _row("add_business_days : numpy busday_offset, date", took[add], took[offset_of_dates], 1),
        _row("due, aware moment : numpy busday_offset, datetime64", took[moments], took[offset], 1),
        _row("due, aware moment : numpy busday_offset, date", took[moments], took[offset_of_dates], 1),
        _row("add_business_days : chinesecalendar day by day", took[add], took[loop], 50),
        _row("due, aware moment : chinesecalendar day by day", took[moments], took[loop], None),
    ]
    for n, measured in by_day.items():
        rows.append(_row(f"add_business_days({n}) : chinesecalendar day by day", *measured.values(), None))
    built = _medians((_build,), repeats, 1)
    rows.append(
        {
            "name": "build a calendar of 2004 to 2036",
            "ours_us": built[_build],
            "other_us": None,
            "ratio": None,
            "floor": None,
        }
    )
    _print(rows)
    return rows


def _build():
    off, on = chinese_calendar.holidays, dict.fromkeys(chinese_calendar.workdays, "调休上班")
    return Calendar.build(ZONE, 2004, 2036, dict(off), on, published=range(2004, 2027))


def _every_day(first, last):
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _by_looking_at_each_day(day, n):
    while n:
        day += timedelta(days=1)
        n -= chinese_calendar.is_workday(day)
    return day


def _add_only(calendar, starts, n):
    return lambda: [calendar.add_business_days(day, n) for day in starts]


def _loop_only(starts, n):
    return lambda: [_by_looking_at_each_day(day, n) for day in starts]


def _agree(calendar, calls, as_numpy, numpys, events):
    """Raises AssertionError where the three do not find the same day: a fast wrong answer is no figure."""
    for (day, n), (numpy_day, _), (span, event) in zip(calls, as_numpy, events, strict=True):
        ours = calendar.add_business_days(day, n)
        assert ours == numpy.busday_offset(numpy_day, n, busdaycal=numpys).astype(object)
        assert ours == _by_looking_at_each_day(day, n) == due(span, event, calendar).on


def _medians(functions, repeats, calls):
    """The median microseconds a call of each, all taking turns, so that a busy machine is busy for all."""
    took = {function: [] for function in functions}
    for _ in range(repeats):
        for function in functions:
            begin = perf_counter()
            function()
            took[function].append((perf_counter() - begin) / calls * 1e6)
    return {function: median(times) for function, times in took.items()}


def _row(name, ours, other, floor):
    return {"name": name, "ours_us": ours, "other_us": other, "ratio": other / ours, "floor": floor}


def _print(rows):
    print(f"{'':60}{'ours us':>10}{'other us':>10}{'ratio':>9}{'floor':>7}")
    for row in rows:
        figures = [f"{row[key]:.2f}" if row[key] is not None else "-" for key in ("ours_us", "other_us", "ratio")]
        floor = row["floor"] or "-"
        print(f"{row['name']:60}{figures[0]:>10}{figures[1]:>10}{figures[2]:>9}{floor:>7}")


if __name__ == "__main__":
    main()
