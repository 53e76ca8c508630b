"""A branch's business calendar: which days are worked, in which sessions, and the moments that follow from it."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Refused
from core.language import say

SESSIONS = ((time(9), time(17, 30)),)  # as shipped
MARGIN_YEARS = 10  # assumed Monday to Friday on either side of the years that are kept
DAY = timedelta(days=1)
MIDNIGHT = time(0)  # as a close it means the end of the day


@dataclass(frozen=True, eq=False)
class Calendar:
    """One version of a branch's calendar.

    A session is half open and lies within one day; a close of 00:00 is the end of the day. A business day is one of
    `days`; hours kept for a day off have no effect. Any year outside `published` is provisional. What is asked beyond
    the years of `days` raises Refused. Wrong sessions raise Refused, all at once.
    """

    zone: ZoneInfo
    sessions: tuple[tuple[time, time], ...]  # of a usual business day, ascending
    days: tuple[date, ...]  # every business day, ascending, make-up days included
    published: frozenset[int]  # years whose holidays are published
    day_sessions: Mapping[date, tuple] = field(default_factory=dict)  # days with hours of their own
    version: str = ""
    notes: Mapping[date, str] = field(default_factory=dict)  # why a day is off or on, for people
    levels: tuple[int, ...] = ()  # the branches that have a say in it beside the group, the highest first
    from_opening: bool = True  # hours and minutes of an event outside sessions run from the next opening
    first: date = field(init=False)
    last: date = field(init=False)
    _hours: dict = field(init=False, repr=False, default_factory=dict)  # sessions of a business day in UTC, once asked
    _closes: dict = field(init=False, repr=False, default_factory=dict)  # the same of its end

    def __post_init__(self):
        faults = [fault for hours in (self.sessions, *self.day_sessions.values()) for fault in _session_faults(hours)]
        if not self.days:
            faults.append(say("日历里没有一个工作日。", "The calendar has no business day."))
        if faults:
            raise Refused(*dict.fromkeys(faults))
        object.__setattr__(self, "first", date(self.days[0].year, 1, 1))
        object.__setattr__(self, "last", date(self.days[-1].year, 12, 31))

    @classmethod
    def build(
        cls,
        zone,
        first_year,
        last_year,
        off,
        on,
        sessions=SESSIONS,
        day_sessions=None,
        published=None,
        version="",
        levels=(),
        from_opening=True,
    ):
        """The calendar whose days off the weekends are `off` and whose make-up days are `on`, each with its reason.

        It reaches ten years beyond `first_year` and `last_year`, there with Monday to Friday. `published` left out is
        the years that `off` speaks of.
        """
        if last_year < first_year or off.keys() & on.keys():
            raise Refused(
                say(
                    "日历不成立:年份 {first}-{last},既休又上班的日期:{both}。",
                    "No such calendar: years {first}-{last}, days both off and on: {both}.",
                    first=first_year,
                    last=last_year,
                    both=", ".join(sorted(day.isoformat() for day in off.keys() & on.keys())) or "-",
                )
            )
        begin = date(first_year - MARGIN_YEARS, 1, 1).toordinal()
        end = date(last_year + MARGIN_YEARS, 12, 31).toordinal()
        not_worked, worked = {day.toordinal() for day in off}, {day.toordinal() for day in on}
        monday = begin - (begin - 1) % 7
        ordinals = {monday_to_friday for first in range(5) for monday_to_friday in range(monday + first, end + 1, 7)}
        ordinals = sorted((ordinals - not_worked) | worked)
        days = map(date.fromordinal, ordinals[bisect_left(ordinals, begin) : bisect_right(ordinals, end)])
        years = {day.year for day in off} if published is None else published
        return cls(
            zone=zone,
            sessions=tuple(sessions),
            days=tuple(days),
            published=frozenset(years),
            day_sessions=dict(day_sessions or {}),
            version=version,
            notes={**off, **on},
            levels=tuple(levels),
            from_opening=from_opening,
        )

    def is_business_day(self, day):
        """Whether `day` is worked."""
        self.check(day)
        i = bisect_left(self.days, day)
        return i < len(self.days) and self.days[i] == day

    def next_business_day(self, day):
        """The first business day after `day`."""
        return self.add_business_days(day, 1)

    def previous_business_day(self, day):
        """The last business day before `day`."""
        return self.add_business_days(day, -1)

    def add_business_days(self, day, n):
        """The nth business day after `day`, which is not counted; before it for a negative n.

        For n = 0 it is `day` itself, or the next business day where `day` is off.
        """
        if not self.first <= day <= self.last:
            raise self._outside(day)
        i = bisect_right(self.days, day) + n - 1 if n > 0 else bisect_left(self.days, day) + n
        if 0 <= i < len(self.days):
            return self.days[i]
        raise self._outside(say("{n} 个工作日", "{n} business days", n=n))

    def is_provisional(self, one, other):
        """Whether a year from one day to the other, in either order, has no published holidays."""
        low, high = one.year, other.year
        if low == high:
            return low not in self.published
        return any(year not in self.published for year in range(min(low, high), max(low, high) + 1))

    def day_of(self, moment):
        """The day of an aware moment in the calendar's zone; a day is its own."""
        if not isinstance(moment, datetime):
            return moment
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no zone. Pass an aware moment in UTC.")
        return moment.astimezone(self.zone).date()

    def check(self, day):
        """`day` again. Raises Refused where it lies outside the years of the calendar."""
        if self.first <= day <= self.last:
            return day
        raise self._outside(day)

    def hours(self, day):
        """The sessions of a business day as (open, close) moments in UTC."""
        if day not in self._hours:
            self._hours[day] = tuple(
                (self.moment(day, opens), self.moment(day + DAY if closes == MIDNIGHT else day, closes))
                for opens, closes in self.day_sessions.get(day, self.sessions)
            )
        return self._hours[day]

    def close(self, day):
        """When `day` ends: at close of business, or with the last microsecond of a day off (UTC)."""
        try:
            return self._closes[day]
        except KeyError:
            ends = self.hours(day)[-1][1] if self.is_business_day(day) else self.moment(day, time.max)
            self._closes[day] = ends
            return ends

    def stretches(self, begin, end=None):
        """Each (open, close) of session time from `begin` to `end`, in order; raises Refused when days run out."""
        first = self.check(self.day_of(begin))
        if end is not None:
            self.check(self.day_of(end))
        for i in range(bisect_left(self.days, first), len(self.days)):
            for opens, closes in self.hours(self.days[i]):
                if end is not None and opens >= end:
                    return
                if closes > begin:
                    yield max(opens, begin), closes if end is None else min(closes, end)
        if end is None:
            raise self._outside(self.last + DAY)

    def between(self, begin, end):
        """The session time from `begin` to `end`, a timedelta; none where `end` is not later."""
        if begin >= end:
            return timedelta()
        return sum((closes - opens for opens, closes in self.stretches(begin, end)), timedelta())

    def after(self, begin, length):
        """The earliest moment at which `length` of session time has run since `begin`."""
        for opens, closes in self.stretches(begin):
            if length <= closes - opens:
                return opens + length
            length -= closes - opens

    def moment(self, day, hour):
        """The moment (UTC) of an hour of a day in the calendar's zone."""
        return datetime.combine(day, hour, self.zone).astimezone(UTC)

    def _outside(self, what):
        return Refused(
            say(
                "工作日历只到 {first} 至 {last} 年,算不到 {what}。请检查日期,或先导入这些年份的日历。",
                "The calendar covers {first} to {last} and does not reach {what}. "
                "Check the date, or import the calendar of those years.",
                first=self.first.year,
                last=self.last.year,
                what=what,
            )
        )


def _session_faults(sessions):
    if not sessions:
        yield say("工作日必须有上班时段,例如 09:00-17:30。", "A business day needs a session, for example 09:00-17:30.")
    ends = MIDNIGHT
    for i, (opens, closes) in enumerate(sessions):
        ends_the_day = closes == MIDNIGHT and i == len(sessions) - 1
        if opens < ends or (opens >= closes and not ends_the_day):
            yield say(
                "时段 {opens:%H:%M}-{closes:%H:%M} 不成立:时段须按先后排列、不重叠、不跨午夜(00:00 表示当天结束)。",
                "Session {opens:%H:%M}-{closes:%H:%M} is wrong: sessions stand in order, do not overlap and end within "
                "the day (00:00 is its end).",
                opens=opens,
                closes=closes,
            )
        ends = closes
