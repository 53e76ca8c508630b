"""Business calendars: seeded years, versions that are never changed, own days of a branch."""

from datetime import date

import chinese_calendar
import pytest

from core import business_calendar
from core.business_calendar import CalendarVersion, calendar_of, publish, read_notice
from core.errors import Refused
from core.testing import branch, console

ROOT = console()


def workday(day, code=None, version=None):
    return calendar_of(branch(code).id if code else None, version).is_business_day(date.fromisoformat(day))


def faults(call, *args):
    with pytest.raises(Refused) as refused:
        call(*args)
    return [fault.message for fault in refused.value.faults]


def test_the_seed_agrees_with_the_official_notices_on_every_day(group):
    calendar, day = calendar_of(None), date(2004, 1, 1)
    ordinals = range(day.toordinal(), date(2026, 12, 31).toordinal() + 1)
    days = map(date.fromordinal, ordinals)
    assert [day for day in days if calendar.is_business_day(day) != chinese_calendar.is_workday(day)] == []


def test_seeding_again_changes_nothing(group):
    before = CalendarVersion.select().count()
    business_calendar.seed(ROOT)
    assert CalendarVersion.select().count() == before


@pytest.mark.parametrize(
    "day, works",
    [
        ("2026-02-14", True),
        ("2026-02-15", False),
        ("2026-02-23", False),
        ("2026-02-28", True),
        ("2026-10-10", True),
        ("2025-01-26", True),
        ("2025-02-08", True),
    ],
)
def test_days_that_are_made_up_and_days_off(group, day, works):
    assert workday(day) is works


def test_a_later_version_replaces_the_earlier_and_the_earlier_can_still_be_asked(group):
    before = int(calendar_of(None).version)
    version = publish(ROOT, None, 2025, {"off": {"2025-03-04": "停业"}, "on": {}}, "通知")
    assert (workday("2025-03-04"), workday("2025-03-04", version=before)) == (False, True)
    assert int(calendar_of(None).version) == version.id > before


def test_a_branch_has_days_of_its_own_over_those_of_the_group(group):
    publish(ROOT, branch("TJ"), 2025, {"off": {"2025-03-04": "停电"}, "on": {"2025-03-08": "值班"}}, "")
    assert [workday("2025-03-04", code) for code in ("TJ", "BJ", None)] == [False, True, True]
    assert [workday("2025-03-08", code) for code in ("TJ", "BJ")] == [True, False]
    publish(ROOT, branch("TJ"), 2025, {"off": {}, "on": {}}, "取消")
    assert workday("2025-03-04", "TJ")


def test_several_sessions_a_day(group):
    publish(ROOT, branch("TJ"), 0, {"sessions": [["09:00", "12:00"], ["13:30", "17:30"]]}, "")
    publish(ROOT, branch("TJ"), 2025, {"day_sessions": {"2025-03-04": [["09:00", "11:00"]]}}, "")
    calendar = calendar_of(branch("TJ").id)
    assert [len(calendar.hours(date(2025, 3, day))) for day in (3, 4)] == [2, 1]
    assert len(calendar_of(branch("BJ").id).hours(date(2025, 3, 3))) == 1


@pytest.mark.parametrize(
    "content, told",
    [
        ({"off": {"2026-01-01": "元旦"}}, ["2026-01-01 不在 2025 年"]),
        ({"off": {"1 January": "元旦"}}, ["“1 January”不是日期,请写成 2027-02-05"]),
        ({"off": {"2025-03-04": "x"}, "on": {"2025-03-04": "x"}}, ["2025-03-04 既上班又放假"]),
        ({"sessions": [["09:00", "8 pm"]]}, ["时间应写成 09:00-12:00"]),
        ({"sessions": [["12:00", "09:00"]]}, ["时段须先后相接、不重叠"]),
        ({"sessions": [["09:00", "12:00"], ["11:00", "17:00"]]}, ["时段须先后相接、不重叠"]),
        ({"day_sessions": {"2025-13-01": [["09:00", "25:00"]]}}, ["“2025-13-01”不是日期,请写成 2027-02-05", "时间应写成 09:00-12:00"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_once_and_nothing_is_published(group, content, told):
    before = CalendarVersion.select().count()
    assert faults(publish, ROOT, None, 2025, content) == told
    assert CalendarVersion.select().count() == before


def test_a_notice_is_read_from_a_file(tmp_path):
    path = tmp_path / "2027.toml"
    path.write_text(
        'year = 2027\nsource = "通知"\n[off]\n"2027-02-05/2027-02-11" = "春节"\n[on]\n"2027-02-14" = "调休"\n', "utf-8"
    )
    year, content, source = read_notice(path)
    assert (year, source, len(content["off"]), content["on"]) == (2027, "通知", 7, {"2027-02-14": "调休"})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"off = 1", id="no year"),
        pytest.param(b"year = 2027\n[off]\n'soon' = 'x'", id="no day"),
        pytest.param(b"\x81\xff\xfe", id="no text"),
        pytest.param(b"year = 'soon'", id="no number"),
        pytest.param(b"year = 2027\noff = 5", id="no table"),
        pytest.param(None, id="no file"),
    ],
)
def test_a_notice_that_cannot_be_read_is_told_with_how_to_write_it(tmp_path, data):
    path = tmp_path / "notice.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Refused, match="year = 2027"):
        read_notice(path)
