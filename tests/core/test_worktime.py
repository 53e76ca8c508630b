"""Limits are counted by the Civil Code in the branch's own calendar. All clock times below are of the branch's zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from time import perf_counter
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Refused
from core.language import speaking
from core.worktime import (
    Calendar,
    Due,
    business_seconds,
    due,
    in_time,
    opening,
    parse,
    stricter,
    working,
    yellow,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
OFF = dict(chinese_calendar.holidays)
ON = dict.fromkeys(chinese_calendar.workdays, "调休上班")
BREAK = ((time(9), time(12)), (time(13, 30), time(17, 30)))


def china(**changes):
    return Calendar.build(SHANGHAI, 2004, 2036, OFF, ON, **{"published": range(2004, 2027), **changes})


SHIPPED = china()
WITH_BREAK = china(sessions=BREAK)
ELAPSED = china(from_opening=False)
HALF_DAY = china(day_sessions={date(2026, 2, 14): ((time(9), time(12)),)})
NIGHT = Calendar.build(
    BERLIN,
    2025,
    2026,
    off={date(2026, 4, 3): "Karfreitag", date(2025, 12, 25): "Weihnachten"},
    on={date(2026, 3, 29): "Inventur", date(2025, 10, 26): "Inventur"},  # the nights on which the clocks are changed
    sessions=((time(0), time(6)), (time(22), time(0))),
)


def at(text, zone=SHANGHAI):
    """A moment in UTC from "2026-02-13 10:00" in the zone; a day from "2026-02-13"."""
    if text is None or len(text) == 10:
        return text and date.fromisoformat(text)
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def shown(moment, zone=SHANGHAI):
    return moment and f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def case(sentence, limit, start, ends, calendar=SHIPPED, **given):
    return pytest.param(limit, start, ends, calendar, given, id=sentence)


# When a limit ends


@pytest.mark.parametrize(
    "limit, start, ends, calendar, given",
    [
        # N business days
        case("one business day", "1 business day", "2025-03-03 10:00", "2025-03-04 17:30"),
        case("received on a Saturday", "1 business day", "2025-03-08 10:00", "2025-03-10 17:30"),
        case("over the October holidays", "1 business day", "2025-09-30 10:00", "2025-10-09 17:30"),
        case("five business days", "5 business days", "2025-03-03 10:00", "2025-03-10 17:30"),
        case("ten business days", "10 business days", "2025-03-03 10:00", "2025-03-17 17:30"),
        case("ten with two make-up days", "10 business days", "2025-09-26 10:00", "2025-10-16 17:30"),
        case("the hour of the event does not matter", "1 business day", "2025-03-03 23:59", "2025-03-04 17:30"),
        case("a make-up Saturday counts", "1 business day", "2026-02-13 10:00", "2026-02-14 17:30"),
        case("a make-up Sunday counts", "1 business day", "2026-01-03 10:00", "2026-01-04 17:30"),
        case("an event on a make-up day is not counted", "1 business day", "2026-02-28 10:00", "2026-03-02 17:30"),
        case("over nine days of Spring Festival", "3 business days", "2026-02-13 10:00", "2026-02-25 17:30"),
        case("to the last day of the year", "1 business day", "2025-12-30 10:00", "2025-12-31 17:30"),
        case("across New Year", "3 business days", "2025-12-30 10:00", "2026-01-05 17:30"),
        case("a day without an hour", "1 business day", "2025-03-03", "2025-03-04 17:30"),
        case("close of a half day", "1 business day", "2026-02-13 10:00", "2026-02-14 12:00", HALF_DAY),
        case("the day is the zone's, not UTC's", "1 business day", "2025-03-04 00:30", "2025-03-05 17:30"),
        # N days
        case("days count days off", "10 days", "2025-03-03 10:00", "2025-03-13 17:30"),
        case("a last day on a Saturday moves to Monday", "5 days", "2025-03-03 10:00", "2025-03-10 17:30"),
        case("a last day in the holidays moves behind them", "7 days", "2026-02-13 10:00", "2026-02-24 17:30"),
        case("a last day on a make-up Saturday stays", "1 day", "2026-02-13 10:00", "2026-02-14 17:30"),
        case("days from a day without an hour", "1 day", "2025-03-03", "2025-03-04 17:30"),
        case("days across New Year", "2 days", "2025-12-31 09:00", "2026-01-04 17:30"),
        # N hours, minutes and seconds
        case("minutes elapse", "30 minutes", "2025-03-03 10:00", "2025-03-03 10:30"),
        case("seconds elapse", "60 seconds", "2025-03-03 10:00:30", "2025-03-03 10:01:30"),
        case("hours run on after the close", "2 hours", "2025-03-03 17:00", "2025-03-03 19:00"),
        case("hours run on over the weekend", "24 hours", "2025-03-07 17:00", "2025-03-08 17:00"),
        case("an event before opening counts from it", "30 minutes", "2025-03-03 08:00", "2025-03-03 09:30"),
        case("an event at opening", "30 minutes", "2025-03-03 09:00", "2025-03-03 09:30"),
        case("an event at the close counts from next opening", "30 minutes", "2025-03-03 17:30", "2025-03-04 09:30"),
        case("an event in the last second", "30 minutes", "2025-03-03 17:29:59", "2025-03-03 17:59:59"),
        case("an event on Saturday counts from Monday", "2 hours", "2025-03-08 10:00", "2025-03-10 11:00"),
        case("an event in the break", "30 minutes", "2025-03-03 12:00", "2025-03-03 14:00", WITH_BREAK),
        case("hours run through the break", "2 hours", "2025-03-03 11:00", "2025-03-03 13:00", WITH_BREAK),
        case("hours from a day without an hour", "2 hours", "2025-03-07", "2025-03-10 11:00"),
        case("at once, where a branch wants it so", "2 hours", "2025-03-08 10:00", "2025-03-08 12:00", ELAPSED),
        # N business hours and minutes
        case("business hours inside a day", "4 business hours", "2025-03-03 09:00", "2025-03-03 13:00"),
        case("business hours over the break", "4 business hours", "2025-03-03 09:00", "2025-03-03 14:30", WITH_BREAK),
        case("up to the break, not behind it", "3 business hours", "2025-03-03 09:00", "2025-03-03 12:00", WITH_BREAK),
        case("up to the close, not next opening", "510 business minutes", "2025-03-03 09:00", "2025-03-03 17:30"),
        case("into the next day", "511 business minutes", "2025-03-03 09:00", "2025-03-04 09:01"),
        case("over the weekend", "4 business hours", "2025-03-07 16:00", "2025-03-10 11:30"),
        case("business time from the close", "30 business minutes", "2025-03-07 17:30", "2025-03-10 09:30"),
        case("business hours on a half day", "4 business hours", "2026-02-14 09:00", "2026-02-24 10:00", HALF_DAY),
        case("business hours from a day", "4 business hours", "2025-03-07", "2025-03-10 13:00"),
        # named days
        case(
            "5th business day of February's next month",
            "5th business day of next month",
            "2025-02-10",
            "2025-03-07 17:30",
        ),
        case("after the October holidays", "5th business day of next month", "2025-09-30 10:00", "2025-10-14 17:30"),
        case("a named day stays on a Saturday", "22nd of the month", "2025-03-01", "2025-03-22 23:59:59"),
        case("a named business day ends at close", "22nd of next month", "2025-03-31 10:00", "2025-04-22 17:30"),
        case("a day that the month lacks is its last", "31st of next month", "2026-01-05", "2026-02-28 17:30"),
        case("next month of December", "10th of next month", "2025-12-31 10:00", "2026-01-10 23:59:59"),
        case("Friday before the 25th", "Friday before the 25th", "2025-03-01", "2025-03-21 17:30"),
        case("strictly before", "Friday before the 25th", "2025-04-01", "2025-04-18 17:30"),
        case("or on it", "Friday on or before the 25th", "2025-04-01", "2025-04-25 17:30"),
        case(
            "the 10th moves back", "business day on or before the 10th of next month", "2025-04-30", "2025-05-09 17:30"
        ),
        case("the 10th stays", "business day on or before the 10th of next month", "2025-08-31", "2025-09-10 17:30"),
        case("last business day of the quarter", "last business day of the quarter", "2025-04-01", "2025-06-30 17:30"),
        case("last business day of a month", "last business day of the month", "2025-05-02", "2025-05-30 17:30"),
        case("last day of next month", "last day of next month", "2025-03-31", "2025-04-30 17:30"),
        case("last day of the year", "last day of the year", "2025-03-31", "2025-12-31 17:30"),
        case(
            "the 23rd business day is at most the last",
            "23rd business day of the month",
            "2025-02-03",
            "2025-02-28 17:30",
        ),
        # promised, and before X
        case("a promised moment", "promised", "2025-03-03 10:00", "2025-03-05 12:00", promised="2025-03-05 12:00"),
        case("a promised day", "promised", "2025-03-03 10:00", "2025-03-05 17:30", promised="2025-03-05"),
        case("a day off may be promised", "promised", "2025-03-03", "2025-03-08 23:59:59", promised="2025-03-08"),
        case(
            "a business day before", "1 business day before X", "2025-03-03", "2025-03-07 17:30", reference="2025-03-10"
        ),
        case("before a holiday", "1 business day before X", "2026-02-01", "2026-02-14 17:30", reference="2026-02-20"),
        case("30 days before expiry", "30 days before X", "2025-01-01", "2025-03-31 17:30", reference="2025-04-30"),
        case("days before move back", "1 day before X", "2025-03-03", "2025-03-07 17:30", reference="2025-03-09"),
        case("an hour before", "1 hour before X", "2025-03-03", "2025-03-08 07:00", reference="2025-03-08 08:00"),
        case("an hour before a day", "1 hour before X", "2025-03-03", "2025-03-10 08:00", reference="2025-03-10"),
        # no moment
        case("rings have no moment", "3 rings", "2025-03-03 10:00", None),
        case("nothing promised yet", "promised", "2025-03-03 10:00", None),
        case("X not known yet", "1 business day before X", "2025-03-03 10:00", None),
        # extension
        case("extended to a day", "10 business days", "2025-03-03", "2025-03-21 17:30", extension="2025-03-21"),
        case("never shortened", "10 business days", "2025-03-03", "2025-03-17 17:30", extension="2025-03-10"),
        # seconds and zone
        case("in a zone of its own", "1 business day", "2026-03-26 10:00", "2026-03-28 00:00", NIGHT),
        case("the night the clock is put on", "6 business hours", "2026-03-28 23:30", "2026-03-29 23:00", NIGHT),
        case("the night the clock is put back", "7 business hours", "2025-10-26 00:00", "2025-10-26 06:00", NIGHT),
        case("elapsed hours are real hours", "6 hours", "2026-03-29 00:00", "2026-03-29 07:00", NIGHT),
    ],
)
def test_limit_ends(limit, start, ends, calendar, given):
    zone = calendar.zone
    given = {name: at(text, zone) for name, text in given.items()}
    found = due(parse(limit), at(start, zone), calendar, **given)
    assert shown(found.at, zone) == ends
    assert found.at is None or found.at.utcoffset() == timedelta()


def test_exactly_at_the_limit_is_in_time_and_a_second_later_is_late():
    end = due(parse("1 business day"), at("2025-03-03 10:00"), SHIPPED)
    assert in_time(end.at, end)
    assert not in_time(end.at + timedelta(seconds=1), end)


def test_a_day_without_an_hour_is_in_time_on_the_due_day():
    end = due(parse("1 business day"), at("2025-03-03 10:00"), SHIPPED)
    assert in_time(date(2025, 3, 4), end)
    assert not in_time(date(2025, 3, 5), end)


def test_nothing_is_late_without_a_due_moment():
    assert in_time(at("2030-01-01 10:00"), Due(None, None))


def test_the_22nd_on_a_saturday_is_in_time_and_the_23rd_is_late():
    end = due(parse("22nd of the month"), date(2025, 3, 1), SHIPPED)
    assert in_time(date(2025, 3, 22), end) and in_time(at("2025-03-22 23:59:59"), end)
    assert not in_time(date(2025, 3, 23), end) and not in_time(at("2025-03-23 00:00"), end)


@pytest.mark.parametrize(
    "limit, start, provisional",
    [
        pytest.param("1 business day", "2026-12-30 10:00", False, id="it ends in the last published year"),
        pytest.param("2 business days", "2026-12-31 10:00", True, id="it ends in an unpublished year"),
        pytest.param("5 days", "2026-12-30 10:00", True, id="so do days"),
        pytest.param("30 minutes", "2026-12-31 17:30", True, id="so do minutes from the next opening"),
        pytest.param("1 business day before X", "2026-12-31 17:30", True, id="counted back from an unpublished year"),
        pytest.param("5th business day of next month", "2026-12-01 10:00", True, id="so do named days"),
    ],
)
def test_a_year_without_published_holidays_is_provisional(limit, start, provisional):
    assert due(parse(limit), at(start), SHIPPED, reference=date(2027, 1, 4)).provisional is provisional


@pytest.mark.parametrize("extension", [date(2027, 1, 8), parse("3 business days")], ids=["to a day", "by days"])
def test_an_extension_into_an_unpublished_year_is_provisional(extension):
    assert due(parse("1 business day"), at("2026-12-29 10:00"), SHIPPED, extension=extension).provisional


def test_an_extension_out_of_an_unpublished_year_stays_provisional():
    calendar = china(published={2026})
    assert due(parse("1 business day"), date(2025, 12, 31), calendar, extension=date(2026, 1, 9)).provisional


def test_a_start_in_an_unpublished_year_is_provisional():
    assert due(parse("1 business day"), date(2025, 12, 31), china(published={2026})).provisional


def test_a_gap_of_unpublished_years_is_noticed():
    calendar = china(published={2024, 2026})
    assert due(parse("500 business days"), date(2024, 6, 3), calendar).provisional


def test_left_out_the_published_years_are_those_with_a_day_off():
    assert Calendar.build(SHANGHAI, 2020, 2036, OFF, ON).published >= {2025, 2026}
    assert 2027 not in Calendar.build(SHANGHAI, 2020, 2036, OFF, ON).published


@pytest.mark.parametrize("limit", ["1 business day", "1 day", "1 hour", "1 business hour", "22nd of the month"])
@pytest.mark.parametrize("start", [date(1990, 1, 1), at("2047-01-01 10:00")], ids=["too early", "too late"])
def test_beyond_the_calendar_is_refused_and_says_so(limit, start):
    with pytest.raises(Refused, match="1994"):
        due(parse(limit), start, SHIPPED)


@pytest.mark.parametrize("limit", ["9999 business days", "99999 days", "999999 hours", "999999 business hours"])
def test_a_limit_that_ends_beyond_the_calendar_is_refused(limit):
    with pytest.raises(Refused):
        due(parse(limit), at("2026-02-13 10:00"), SHIPPED)


def test_a_moment_without_a_zone_is_a_fault_of_the_program():
    with pytest.raises(ValueError, match="aware"):
        due(parse("1 business day"), datetime(2025, 3, 3, 10), SHIPPED)


# Pauses


@pytest.mark.parametrize(
    "limit, pauses, ends",
    [
        pytest.param("3 business days", [("04 10:00", "04 16:00")], "03-06 17:30", id="within a day moves no day"),
        pytest.param("3 business days", [("04 10:00", "06 15:00")], "03-10 17:30", id="over two closes moves two"),
        pytest.param("3 business days", [("06 10:00", "07 15:00")], "03-07 17:30", id="no end while it stands still"),
        pytest.param(
            "3 business days", [("06 17:30", "07 15:00")], "03-06 17:30", id="a pause from the close is too late"
        ),
        pytest.param(
            "3 business days", [("04 10:00", "04 17:30")], "03-07 17:30", id="going on at the close is too late"
        ),
        pytest.param(
            "3 business days", [("04 10:00", "06 15:00"), ("05 10:00", "05 12:00")], "03-10 17:30", id="nested"
        ),
        pytest.param("5 days", [("10 10:00", "11 10:00")], "03-11 17:30", id="nor on the day it was moved to"),
        pytest.param("3 business days", [("07 09:00", "09 12:00")], "03-06 17:30", id="a later pause moves nothing"),
        pytest.param("3 business days", [("04 10:00", None)], None, id="paused still has no end"),
        pytest.param("3 business days", [("07 10:00", None)], "03-06 17:30", id="paused after the end is too late"),
        pytest.param(
            "3 business days",
            [("04 10:00", "05 10:00"), ("04 12:00", "05 09:00")],
            "03-07 17:30",
            id="overlaps count once",
        ),
        pytest.param("4 days", [("04 10:00", "06 15:00")], "03-10 17:30", id="days stand still too"),
        pytest.param("4 days", [("04 10:00", None)], None, id="days paused still"),
        pytest.param("2 hours", [("03 10:30", "03 11:00")], "03-03 12:30", id="hours are longer by the pause"),
        pytest.param("2 hours", [("03 12:00", "03 15:00")], "03-03 12:00", id="not by a pause from the end on"),
        pytest.param(
            "2 hours", [("03 09:00", "03 10:30")], "03-03 12:30", id="of a pause before the start only the rest"
        ),
        pytest.param("2 hours", [("03 11:00", None)], None, id="hours paused still"),
        pytest.param("8 business hours", [("03 16:00", "04 10:00")], "03-04 12:00", id="business hours skip the pause"),
        pytest.param(
            "8 business hours", [("03 18:00", "04 08:00")], "03-04 09:30", id="a pause at night changes nothing"
        ),
        pytest.param("22nd of the month", [("04 10:00", "06 15:00")], "03-22 23:59:59", id="a named day is not moved"),
    ],
)
def test_a_pause_moves_the_end(limit, pauses, ends):
    pauses = [(at(f"2025-03-{a}"), at(b and f"2025-03-{b}")) for a, b in pauses]
    found = due(parse(limit), at("2025-03-03 10:00"), SHIPPED, pauses=pauses)
    assert shown(found.at) == (ends and f"2025-{ends}")


def test_an_extension_may_be_counted_from_the_old_end():
    found = due(parse("1 business day"), at("2025-03-03 10:00"), SHIPPED, extension=parse("2 business days"))
    assert shown(found.at) == "2025-03-06 17:30"


# Yellow


@pytest.mark.parametrize(
    "limit, start, begins, calendar, given",
    [
        case("8 of 10 hours", "10 hours", "2025-03-03 09:00", "2025-03-03 17:00"),
        case("from the opening on", "10 hours", "2025-03-03 07:00", "2025-03-03 17:00"),
        case("business time of two days", "1 business day", "2025-03-03 10:00", "2025-03-04 14:18"),
        case("business time does not pass on a weekend", "1 business day", "2025-03-08 10:00", "2025-03-10 15:48"),
        case("a day counts from its close", "1 business day", "2025-03-07", "2025-03-10 15:48"),
        case("business hours", "5 business hours", "2025-03-07 15:00", "2025-03-10 10:30"),
        case("over the break", "5 business hours", "2025-03-07 09:00", "2025-03-07 14:30", WITH_BREAK),
        case("days elapse", "10 days", "2025-03-03 17:30", "2025-03-11 17:30"),
        case("a promise elapses", "promised", "2025-03-03 10:00", "2025-03-03 18:00", promised="2025-03-03 20:00"),
        case("back from X", "1 hour before X", "2025-03-08 08:00", "2025-03-08 16:00", reference="2025-03-08 19:00"),
        case("past already", "promised", "2025-03-03 10:00", "2025-03-03 09:00", promised="2025-03-03 09:00"),
        case("no due, no yellow", "3 rings", "2025-03-03 10:00", None),
    ],
)
def test_yellow_begins(limit, start, begins, calendar, given):
    given = {name: at(text) for name, text in given.items()}
    span, start = parse(limit), at(start)
    assert shown(yellow(span, start, due(span, start, calendar, **given), calendar)) == begins


def test_yellow_stands_still_during_a_pause():
    span, start, pauses = parse("10 hours"), at("2025-03-03 09:00"), [(at("2025-03-03 10:00"), at("2025-03-03 11:00"))]
    end = due(span, start, SHIPPED, pauses=pauses)
    assert shown(yellow(span, start, end, SHIPPED, pauses=pauses)) == "2025-03-03 18:00"


def test_yellow_is_not_moved_by_a_pause_after_the_end():
    span, start, pauses = (
        parse("2 business hours"),
        at("2025-03-03 10:00"),
        [(at("2025-03-03 13:00"), at("2025-03-03 14:00"))],
    )
    end = due(span, start, SHIPPED, pauses=pauses)
    assert shown(yellow(span, start, end, SHIPPED, 50, pauses=pauses)) == "2025-03-03 11:00"


@pytest.mark.parametrize("limit", ["3 business days", "10 days", "10 hours", "9 business hours", "22nd of the month"])
def test_yellow_at_a_hundred_percent_is_the_due_moment(limit):
    start = at("2025-03-03 10:00")
    end = due(parse(limit), start, SHIPPED)
    assert yellow(parse(limit), start, end, SHIPPED, percent=100) == end.at


# The calendar


@pytest.mark.parametrize(
    "day, n, found",
    [
        ("2026-02-13", 1, "2026-02-14"),
        ("2026-02-14", 1, "2026-02-24"),
        ("2026-02-20", 1, "2026-02-24"),
        ("2026-02-20", 0, "2026-02-24"),
        ("2026-02-14", 0, "2026-02-14"),
        ("2026-02-24", -1, "2026-02-14"),
        ("2026-02-20", -2, "2026-02-13"),
    ],
)
def test_business_days_are_added(day, n, found):
    assert SHIPPED.add_business_days(at(day), n) == at(found)


def test_days_of_2025_and_2026_are_the_official_ones():
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(730)]
    assert [day for day in days if SHIPPED.is_business_day(day) != chinese_calendar.is_workday(day)] == []


def test_next_and_previous_business_day_leave_the_day_itself_out():
    assert SHIPPED.next_business_day(date(2026, 2, 14)) == date(2026, 2, 24)
    assert SHIPPED.previous_business_day(date(2026, 2, 24)) == date(2026, 2, 14)


def test_counting_back_beyond_the_calendar_is_refused():
    with pytest.raises(Refused, match="1994"):
        SHIPPED.add_business_days(date(1994, 1, 5), -10)


def test_beyond_the_years_given_monday_to_friday_is_assumed():
    assert SHIPPED.is_business_day(date(2046, 10, 1)) and not SHIPPED.is_business_day(date(2046, 10, 6))


def test_opening_leaves_a_moment_inside_a_session_alone():
    assert opening(at("2025-03-03 10:00"), WITH_BREAK) == at("2025-03-03 10:00")
    assert opening(at("2025-03-03 12:00"), WITH_BREAK) == at("2025-03-03 13:30")


def test_business_seconds_are_signed():
    a, b = at("2025-03-07 11:00"), at("2025-03-10 10:00")
    assert business_seconds(a, b, WITH_BREAK) == 6 * 3600 == -business_seconds(b, a, WITH_BREAK)


@pytest.mark.parametrize(
    "sessions",
    [
        (),
        ((time(12), time(9)),),
        ((time(9), time(12)), (time(11), time(17))),
        ((time(22), time(0)), (time(1), time(6))),
    ],
    ids=["none", "backwards", "overlapping", "over midnight"],
)
def test_wrong_sessions_are_refused(sessions):
    with pytest.raises(Refused):
        china(sessions=sessions)


def test_a_day_both_off_and_on_is_refused():
    with pytest.raises(Refused, match="2026-02-14"):
        Calendar.build(SHANGHAI, 2026, 2026, {date(2026, 2, 14): "春节"}, {date(2026, 2, 14): "调休上班"})


# The grammar


@pytest.mark.parametrize(
    "written, text, zh",
    [
        ("30 minutes", "30 minutes", "30 分钟"),
        (" 1  Business Days ", "1 business day", "1 个工作日"),
        ("2 hour", "2 hours", "2 小时"),
        ("4 business hours", "4 business hours", "4 个工作小时"),
        ("60 seconds", "60 seconds", "60 秒"),
        ("10 days", "10 days", "10 天"),
        ("3 rings", "3 rings", "响铃 3 声"),
        ("promised", "promised", "承诺时间"),
        (
            "1 business day before training.held_on",
            "1 business day before training.held_on",
            "training.held_on 前 1 个工作日",
        ),
        ("5th business day of next month", "5th business day of next month", "次月第 5 个工作日"),
        ("last business day of this quarter", "last business day of the quarter", "本季度最后一个工作日"),
        ("22nd of the month", "22nd of the month", "当月 22 日"),
        ("22th of next month", "22nd of next month", "次月 22 日"),
        ("friday before the 25th", "Friday before the 25th", "当月 25 日之前的最后一个星期五"),
        ("11th of the month", "11th of the month", "当月 11 日"),
    ],
)
def test_a_limit_is_read(written, text, zh):
    span = parse(written)
    assert span.text == text and parse(text) == span
    assert span.label == zh
    with speaking("en"):
        assert span.label == text


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "0 days",
        "-1 days",
        "1.5 hours",
        "３ days",
        "business day",
        "5 weeks",
        "32nd of the month",
        "3 rings before x",
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(written):
    with pytest.raises(Refused, match=f"(?s){re.escape(written)}.*3 business days"):
        parse(written)


def test_the_stricter_of_two_limits_ends_first():
    day, hours, rings = parse("1 business day"), parse("24 hours"), parse("3 rings")
    assert stricter(day, hours, at("2025-03-03 10:00"), SHIPPED) == hours
    assert stricter(day, hours, at("2025-03-03 18:00"), SHIPPED) == day
    assert stricter(rings, day, at("2025-03-03 10:00"), SHIPPED) == day


# The working


def rows(steps):
    return [(f"{step.day:%m-%d}", step.what, step.count) for step in steps]


def test_working_shows_every_day_looked_at():
    steps = working(parse("2 business days"), at("2026-01-01 10:00"), SHIPPED)
    assert rows(steps) == [
        ("01-01", "start", 0),
        ("01-02", "off", 0),
        ("01-03", "off", 0),
        ("01-04", "make_up", 1),
        ("01-05", "due", 2),
    ]
    assert steps[3].note == "调休上班" and steps[4].note == "截止 2026-01-05 17:30"


def test_working_of_days_moves_on_over_days_off():
    steps = working(parse("5 days"), at("2025-03-03 10:00"), SHIPPED)
    assert rows(steps)[-4:] == [
        ("03-07", "counted", 4),
        ("03-08", "counted", 5),
        ("03-09", "off", 5),
        ("03-10", "due", 5),
    ]


def test_working_of_business_hours_shows_the_stretches_without_the_pause():
    pauses = [(at("2025-03-07 14:00"), at("2025-03-07 15:00"))]
    steps = working(parse("5 business hours"), at("2025-03-07 11:00"), WITH_BREAK, pauses=pauses)
    assert rows(steps) == [
        ("03-07", "start", 0),
        ("03-07", "counted", 240),
        ("03-08", "off", 240),
        ("03-09", "off", 240),
        ("03-10", "due", 300),
    ]
    assert steps[1].note == "11:00-12:00, 13:30-14:00, 15:00-17:30"


def test_working_of_business_hours_calls_a_paused_weekend_off():
    pauses = [(at("2025-03-07 16:00"), at("2025-03-11 10:00"))]
    steps = working(parse("2 business hours"), at("2025-03-07 15:00"), SHIPPED, pauses=pauses)
    assert [step.what for step in steps] == ["start", "counted", "off", "off", "paused", "due"]


def test_working_of_hours_is_cut_at_midnight():
    steps = working(parse("30 hours"), at("2025-03-07 16:00"), SHIPPED)
    assert [step.note for step in steps[1:3]] == ["16:00-24:00", "周末; 00:00-22:00; 截止 2025-03-08 22:00"]


def test_working_of_a_named_business_day_begins_with_the_first_of_the_month():
    steps = working(parse("2nd business day of next month"), date(2025, 3, 10), SHIPPED)
    assert rows(steps) == [("03-10", "start", 0), ("04-01", "counted", 1), ("04-02", "due", 2)]


def test_working_says_when_a_year_is_provisional():
    assert "未公布" in working(parse("1 business day"), at("2026-12-31 10:00"), SHIPPED)[-1].note


def test_working_speaks_both_languages():
    with speaking("en"):
        assert working(parse("30 minutes"), at("2025-03-08 10:00"), SHIPPED)[0].note == "counts from 2025-03-10 09:00"
        assert working(parse("1 business day"), at("2025-03-07"), SHIPPED)[1].note == "weekend"


def test_working_counts_back_from_the_named_moment():
    steps = working(parse("1 business day before held_on"), date(2025, 3, 3), SHIPPED, reference=date(2025, 3, 10))
    assert rows(steps) == [("03-10", "start", 0), ("03-09", "off", 0), ("03-08", "off", 0), ("03-07", "due", 1)]


def test_working_shows_pauses_and_the_extension():
    pauses = [(at("2025-03-04 10:00"), at("2025-03-05 10:00"))]
    steps = working(parse("1 business day"), date(2025, 3, 3), SHIPPED, pauses=pauses, extension=date(2025, 3, 7))
    assert rows(steps) == [("03-03", "start", 0), ("03-04", "paused", 0), ("03-05", "counted", 1), ("03-07", "due", 1)]


def test_working_of_a_clock_that_stands_still_ends_with_the_pause():
    steps = working(parse("3 business days"), date(2025, 3, 3), SHIPPED, pauses=[(at("2025-03-05 10:00"), None)])
    assert rows(steps) == [("03-03", "start", 0), ("03-04", "counted", 1), ("03-05", "paused", 1)]


@pytest.mark.parametrize("limit", ["3 rings", "promised", "22nd of the month", "30 hours", "last day of next month"])
def test_working_ends_at_the_due_day(limit):
    start = at("2025-03-03 10:00")
    end, steps = due(parse(limit), start, SHIPPED), working(parse(limit), start, SHIPPED)
    assert (steps[-1].what, steps[-1].day) == (("due", end.on) if end.at else ("start", date(2025, 3, 3)))


# Against a count of every single minute


MINUTE = timedelta(minutes=1)
DAYS = 40


@cache
def minutes(name):
    """For each minute of 40 days from the returned moment, whether it lies in a session: looked up one by one."""
    calendar, first, worked = {
        "break": (WITH_BREAK, at("2026-01-30 00:00"), chinese_calendar.is_workday),
        "put on": (NIGHT, at("2026-03-10 00:00", BERLIN), night_is_worked),
        "put back": (NIGHT, at("2025-10-10 00:00", BERLIN), night_is_worked),
    }[name]
    is_open = []
    for n in range(DAYS * 1440):
        local = (first + n * MINUTE).astimezone(calendar.zone)
        hours = [(a, b if b != time(0) else time.max) for a, b in calendar.sessions]
        is_open.append(worked(local.date()) and any(a <= local.time() < b for a, b in hours))
    return calendar, first, is_open


def night_is_worked(day):
    return NIGHT.notes[day] == "Inventur" if day in NIGHT.notes else day.weekday() < 5


def nth(flags, begin, n):
    """The end of the nth minute that counts from `begin` on."""
    for i in range(begin, len(flags)):
        n -= flags[i]
        if n == 0:
            return i + 1


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["break", "put on", "put back"]),
    start=st.integers(0, 20 * 1440),
    half=st.integers(1, 750),
    pause=st.integers(0, 22 * 1440),
    paused=st.integers(0, 3000),
    business=st.booleans(),
)
def test_minutes_are_counted_as_one_would_by_hand(name, start, half, pause, paused, business):
    calendar, first, is_open = minutes(name)
    span = parse(f"{2 * half} {'business ' if business else ''}minutes")
    begin = is_open.index(True, start)
    runs = [(not business or flag) and not pause <= i < pause + paused for i, flag in enumerate(is_open)]
    pauses = [(first + pause * MINUTE, first + (pause + paused) * MINUTE)]
    found = due(span, first + start * MINUTE, calendar, pauses=pauses)
    end = nth(runs, begin, 2 * half)
    assert found.at == first + end * MINUTE
    share = yellow(span, first + start * MINUTE, found, calendar, 50, pauses=pauses)
    assert share == first + nth(runs, begin, half) * MINUTE
    assert business_seconds(first + start * MINUTE, found.at, calendar) == 60 * sum(is_open[start:end])


@settings(max_examples=200, deadline=None)
@given(start=st.dates(date(2025, 1, 1), date(2026, 10, 1)), n=st.integers(1, 40), business=st.booleans())
def test_days_are_counted_as_one_would_by_hand(start, n, business):
    day, left = start, n
    while left or not chinese_calendar.is_workday(day):
        day += timedelta(days=1)
        left -= left > 0 and (not business or chinese_calendar.is_workday(day))
    found = due(parse(f"{n} {'business ' if business else ''}days"), start, SHIPPED)
    assert (found.on, shown(found.at)) == (day, f"{day} 17:30")


# Speed: loose bounds, so that only a change of order is noticed; `bench/calendar.py` measures


def test_a_calendar_is_built_and_a_thousand_lines_counted_quickly():
    begin = perf_counter()
    calendar = china()
    built = perf_counter() - begin
    for n in range(250):
        for limit in ("3 business days", "10 days", "4 business hours", "2 hours"):
            due(parse(limit), at("2026-02-13 10:00") + n * timedelta(hours=1), calendar)
    assert built < 0.1 and perf_counter() - begin < 1
