"""An oracle of time: a random calendar as one flag for each minute, and limits counted on it one minute at a time.

Written apart from the core: it knows nothing of how the core keeps days, sessions, pauses or ends.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LENGTH = 75  # days that a world lasts
ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
CLOCK_CHANGES = (date(2025, 3, 1), date(2025, 9, 20), date(2026, 1, 20))  # in spring, in autumn, at the Spring Festival


@dataclass
class Minutes:
    """The days of a calendar as planned, and of every minute from `first` on whether it is worked and on which day it lies."""

    zone: ZoneInfo
    begin: date
    usual: tuple  # sessions of a usual day, (open, close) in minutes of the day
    off: set
    on: set
    hours: dict  # the sessions of days that have their own
    is_open: list = field(default_factory=list)
    day: list = field(default_factory=list)

    def __post_init__(self):
        self.first = datetime.combine(self.begin, time(), self.zone).astimezone(UTC)
        for n in range(LENGTH * 1440):
            here = (self.first + n * MINUTE).astimezone(self.zone)
            today, minute = here.date(), here.hour * 60 + here.minute
            self.day.append(today)
            self.is_open.append(self.works(today) and any(a <= minute < b for a, b in self.sessions(today)))
        self.ends = {}
        for n, today in enumerate(self.day):
            if self.is_open[n] or not self.works(today):
                self.ends[today] = n + 1

    def works(self, day):
        """Whether a day is worked: put on, or a Monday to Friday that is not put off."""
        return day in self.on or (day not in self.off and day.weekday() < 5)

    def sessions(self, day):
        """The sessions of a day, in minutes of it."""
        return self.hours.get(day, self.usual)

    def number(self, moment):
        """Which minute a whole minute is."""
        return (moment - self.first) // MINUTE

    def moment(self, number):
        """The moment at which a minute begins."""
        return self.first + number * MINUTE

    def end(self, unit, length, start, pauses=()):
        """The minute with which a limit ends that starts with minute `start`; None where it stands still for good."""

        def stands(n):
            return any(a <= n and (b is None or n < b) for a, b in pauses)

        if unit.endswith(("minute", "hour")):
            left, n = length * (60 if unit.endswith("hour") else 1), self.opening(start)
            while left and n < len(self.day) - 1440:
                left -= (self.is_open[n] or not unit.startswith("business")) and not stands(n)
                n += 1
            return None if left else n
        left, day = length, self.day[start]
        while day < self.day[-1440]:
            day += DAY
            stood = stands(self.ends[day] - 1)
            left -= left > 0 and not stood and (unit == "day" or self.works(day))
            if left == 0 and self.works(day) and not stood:
                return self.ends[day]
        return None

    def opening(self, start):
        """The first minute from `start` on that is worked."""
        return next(n for n in range(start, len(self.day)) if self.is_open[n])

    def share(self, unit, start, end, percent, pauses=()):
        """The moment at which `percent` of the running minutes from start to end are over."""
        begin = self.opening(start) if unit.endswith(("minute", "hour")) else start
        runs = [
            n
            for n in range(begin, end)
            if (self.is_open[n] or not unit.startswith("business"))
            and not any(a <= n and (b is None or n < b) for a, b in pauses)
        ]
        whole, rest = divmod(len(runs) * percent, 100)
        if not rest:
            return self.moment(runs[whole - 1] + 1) if runs else self.moment(end)
        return self.moment(runs[whole]) + MINUTE * rest / 100


@lru_cache(maxsize=20)
def world(seed):
    """A random calendar: a zone, usual hours with breaks, holidays, make-up weekends, days with hours of their own."""
    chance = random.Random(seed)
    begin = chance.choice(CLOCK_CHANGES)
    days = [begin + n * DAY for n in range(LENGTH)]
    off, on = set(), set()
    for _ in range(chance.randint(0, 3)):
        first = chance.randrange(LENGTH - 20)
        off.update(days[first : first + chance.randint(1, 9)])
    on.update(day for day in days if day.weekday() > 4 and day not in off and chance.random() < 0.25)
    own = {day: _hours(chance) for day in days if chance.random() < 0.1}
    return Minutes(ZoneInfo(chance.choice(ZONES)), begin, _hours(chance), off, on, own)


def _hours(chance):
    """One to three sessions on the quarter hour; outside the hours at which clocks are put on and back."""
    marks = sorted(chance.sample(range(6 * 4, 24 * 4 + 1), 2 * chance.randint(1, 3)))
    return tuple((15 * a, 15 * b) for a, b in zip(marks[::2], marks[1::2], strict=True))
