"""Clocks and calendars agree with a count of every single minute, over random calendars, limits and what befalls them."""

import random
from datetime import datetime, time, timedelta

import pytest

from core.calendars import Calendar
from core.clocks import ClockEvent, clocks_of
from core.conditions import Condition
from core.language import Words
from core.limits import Limit
from core.worktime import business_seconds, due, in_time, opening, parse, working, yellow
from plugins.cases.models import Complaint
from tests.house.conftest import DRILL
from tests.house.minutes import LENGTH, MINUTE, world

pytestmark = pytest.mark.pure

DRILLED = range(15, 500 if DRILL else 15)
SEEDS = (*range(15), *(pytest.param(seed, marks=pytest.mark.drill) for seed in DRILLED))
LONGEST = {
    "business day": 12,
    "day": 15,
    "business hour": 60,
    "hour": 200,
    "business minute": 900,
    "minute": 4000,
}
TIMES = 8  # limits counted in each world
SECOND, TICK = timedelta(seconds=1), timedelta(microseconds=1)


def calendar_of(plan):
    """The plan of a world as the core keeps a calendar."""

    def hours(sessions):
        return tuple((time(a // 60, a % 60), time(b // 60 % 24, b % 60)) for a, b in sessions)

    return Calendar.build(
        plan.zone,
        2025,
        2026,
        dict.fromkeys(plan.off, "休"),
        dict.fromkeys(plan.on, "班"),
        sessions=hours(plan.usual),
        day_sessions={day: hours(own) for day, own in plan.hours.items()},
        published=frozenset((2025, 2026)),
    )


def some_limit(chance):
    unit = chance.choice(list(LONGEST))
    return unit, chance.randint(1, LONGEST[unit])


def limit(unit, number, name="one"):
    span = parse(f"{number} {unit}s")
    return Limit("t", name, ("X1",), "complaint", "happened_at", "result_told_at", span, Words(name), Condition())


def some_start(chance):
    return chance.randrange(1440, (LENGTH - 50) * 1440)


def some_pauses(plan, chance, start):
    """Up to three pauses in minutes, one after the other; many begin or end just at a close, the last may last still."""

    def some(minute):
        close = plan.ends[plan.day[minute]]
        return close if close >= minute and chance.random() < 0.4 else minute

    pauses, at = [], start
    for _ in range(chance.choice((0, 0, 1, 2, 3))):
        at = some(at + chance.randint(0, 2000))
        pauses.append((at, some(at + chance.randint(1, 4000))))
        at = pauses[-1][1] + 1
    if pauses and chance.random() < 0.15:
        pauses[-1] = (pauses[-1][0], None)
    return pauses


def as_moments(plan, pauses):
    return [(plan.moment(a), None if b is None else plan.moment(b)) for a, b in pauses]


def as_events(plan, pauses, extended):
    rows = []
    for stands, resumes in pauses:
        rows.append(("pause", plan.moment(stands), None))
        if resumes is not None:
            rows.append(("resume", plan.moment(resumes), None))
    if extended is not None:
        rows.append(("extension", plan.moment(extended), plan.moment(extended)))
    return [ClockEvent(kind=k, stop="result_told_at", happened_at=at, until=until) for k, at, until in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_minute_of_a_calendar_is_worked_or_not_as_planned(seed):
    plan, chance = world(seed), random.Random(seed)
    calendar = calendar_of(plan)
    assert any(plan.is_open) and not all(plan.is_open)
    for day in set(plan.day):
        assert calendar.is_business_day(day) == plan.works(day), day
    for _ in range(60):
        a, b = sorted(chance.sample(range((LENGTH - 12) * 1440), 2))
        assert business_seconds(plan.moment(a), plan.moment(b), calendar) == 60 * sum(plan.is_open[a:b])
        assert opening(plan.moment(a), calendar) == plan.moment(plan.opening(a))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_ends_and_yellow_begins_where_the_minutes_say(seed):
    plan, chance = world(seed), random.Random(seed)
    calendar, told = calendar_of(plan), 0
    for _ in range(TIMES):
        (unit, number), start = some_limit(chance), some_start(chance)
        pauses, percent = some_pauses(plan, chance, start), chance.choice((50, 80, 90))
        span, end = parse(f"{number} {unit}s"), plan.end(unit, number, start, pauses)
        moments = as_moments(plan, pauses)
        found = due(span, plan.moment(start), calendar, pauses=moments)
        case = f"{span} from {plan.moment(start)} in {plan.zone}, pauses {moments}"
        if end is None:
            assert found.at is None or found.on > plan.day[-1440], case
            continue
        on = plan.day[end - 1] if unit.endswith("day") else plan.day[end]
        assert (found.at, found.on) == (plan.moment(end), on), case
        began = yellow(span, plan.moment(start), found, calendar, percent, pauses=moments)
        assert began == plan.share(unit, start, end, percent, pauses), case
        steps = working(span, plan.moment(start), calendar, pauses=moments)
        assert (steps[-1].what, steps[-1].day) == ("due", found.on), case
        told += 1
    assert told


@pytest.mark.parametrize("seed", SEEDS)
def test_a_verdict_follows_from_the_minutes_and_the_bound_is_exact_to_the_second(seed):
    plan, chance = world(seed), random.Random(seed)
    calendar, judged = calendar_of(plan), 0
    for _ in range(TIMES):
        start = some_start(chance)
        pauses, limits = some_pauses(plan, chance, start), [some_limit(chance) for _ in range(chance.choice((1, 1, 2)))]
        ends = [plan.end(*each, start, pauses) for each in limits]
        if None in ends:
            continue
        extended = chance.choice((None, min(ends) + chance.randint(-2000, 4000)))
        last = max(min(ends), extended or 0)
        if extended is not None and len(limits) > 1:
            last = min(max(end, extended) for end in ends)
        families = {("happened_at", "result_told_at"): [limit(*each, str(n)) for n, each in enumerate(limits)]}
        for past, verdict, seen in (
            (-SECOND, "met", "yellow"),
            (timedelta(), "met", "yellow"),
            (SECOND, "late", "red"),
            (chance.randint(1, 9000) * MINUTE, "late", "red"),
        ):
            stopped = plan.moment(last) + past
            told = stopped + chance.randint(0, 20) * timedelta(days=1)  # entered when, says nothing of done when
            record = Complaint(
                happened_at=plan.moment(start),
                result_told_at=stopped,
                stamps={"result_told_at": [told.isoformat(), False]},
                extra={},
                gaps=[],
            )
            open_ = Complaint(happened_at=plan.moment(start), stamps={}, extra={}, gaps=[])
            events = as_events(plan, pauses, extended)
            (done,) = clocks_of(record, families, calendar, events).values()
            (runs,) = clocks_of(open_, families, calendar, events).values()
            case = f"{limits} from {plan.moment(start)} in {plan.zone}, pauses {pauses}, extended {extended}"
            assert done.due_at == runs.due_at == plan.moment(last), case
            assert (done.state(told), done.stopped_in_time) == (verdict, verdict == "met"), case
            if runs.is_paused:  # by a pause that begins after the end, and so moves nothing
                assert runs.state(stopped) == ("red" if verdict == "late" else "paused"), case
                continue
            assert runs.state(stopped) == seen, case
            assert (runs.state(runs.yellow_at - TICK), runs.state(runs.yellow_at)) == ("running", "yellow"), case
        judged += 1
    assert judged


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_without_an_hour_is_judged_by_the_day(seed):
    plan, chance = world(seed), random.Random(seed)
    calendar = calendar_of(plan)
    for _ in range(TIMES):
        start = some_start(chance)
        unit, number = chance.choice((("day", chance.randint(1, 9)), ("business day", chance.randint(1, 9))))
        end = plan.end(unit, number, start)
        last = plan.day[end - 1]
        for day, verdict in ((last, "met"), (last + timedelta(days=1), "late")):
            hour = datetime.combine(day, time(), plan.zone)
            record = Complaint(
                happened_at=plan.moment(start),
                result_told_at=hour,
                stamps={"result_told_at": [hour.isoformat(), True]},
                extra={},
                gaps=[],
            )
            families = {("happened_at", "result_told_at"): [limit(unit, number)]}
            (reading,) = clocks_of(record, families, calendar).values()
            assert reading.due_on == last and reading.state(hour + timedelta(days=40)) == verdict
            assert in_time(day, due(parse(f"{number} {unit}s"), plan.moment(start), calendar)) == (verdict == "met")
