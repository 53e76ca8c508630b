"""zhixing calendar: a year shown, and a year's notice taken in after a preview of what it moves."""

from datetime import UTC, datetime, timedelta

import pytest

from core.access import system
from core.business_calendar import calendar_of, publish
from core.clocks import Clock
from core.testing import branch, clock


def test_a_year_shows_what_is_off_and_what_is_worked(zhixing):
    year = zhixing("calendar", "show", "2026", "--json").rows[0]
    assert (year["published"], year["business_days"]) == (True, 248)
    assert (year["off"]["2026-02-17"], year["on"]["2026-02-14"]) == ("春节", "春节调休上班")
    assert year["sessions"] == [["09:00", "17:30"]]
    assert "2026-02-14 六  班  春节调休上班" in zhixing("calendar", "show", "2026").out
    assert "未公布" in zhixing("calendar", "show", "2032", "--branch", "TJ").out


def test_a_branchs_own_year_is_shown_for_it(zhixing):
    publish(system(), branch("TJ"), 2026, {"off": {"2026-05-06": "搬迁"}, "on": {}}, "分公司通知")
    assert zhixing("calendar", "show", "2026", "--branch", "TJ", "--json").rows[0]["off"]["2026-05-06"] == "搬迁"
    assert "2026-05-06" not in zhixing("calendar", "show", "2026", "--json").rows[0]["off"]


@pytest.fixture
def notice(tmp_path):
    """Writes a notice that gives the group two days off from the next day on; returns its path and the year."""

    def written(first, text=None):
        path = tmp_path / "notice.toml"
        last = first + timedelta(days=20)
        off = f'"{first}/{last}" = "庆典"' if first.year == last.year else f'"{first}" = "庆典"'
        path.write_text(text or f'year = {first.year}\nsource = "集团通知"\n[off]\n{off}\n', encoding="utf-8")
        return path

    return written


@pytest.fixture
def complaint(record, actor):
    """A complaint that came in a moment ago, with open clocks."""
    return record("complaint", actor("alice", datetime.now(UTC)))


def test_a_notice_shows_what_it_moves_and_asks(zhixing, complaint, notice, at_home):
    before = clock(complaint, "T3.2.3a")
    path = notice(before.due_on.replace(day=1) if before.due_on.day < 5 else before.due_on)
    answer = zhixing("calendar", "import", path)
    assert (answer.status, "--yes" in answer.err) == (1, True)
    assert complaint.number in answer.out
    at_home()
    assert Clock.get_by_id(before.id).due_at == before.due_at


def test_what_the_preview_says_is_what_then_happens(zhixing, complaint, notice, at_home):
    before = {c.id: c.due_at for c in Clock.select()}
    path = notice(clock(complaint, "T3.2.3a").due_on)
    rows = zhixing("calendar", "import", path, "--yes", "--json").rows
    at_home()
    zone = calendar_of(complaint.branch_id).zone
    moved = {c.id: c.due_at for c in Clock.select() if c.due_at != before[c.id]}
    assert sorted(f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in moved.values()) == sorted(
        r["moves_to"] for r in rows
    )
    assert moved


@pytest.mark.parametrize(
    "text, told",
    [
        pytest.param("year = ", "无法读取", id="no TOML"),
        pytest.param('year = 2027\n[off]\n"soon" = "春节"', "无法读取", id="no day"),
        pytest.param('year = 2027\n[off]\n"2026-02-05" = "春节"', "2026-02-05 不在 2027 年", id="another year's day"),
        pytest.param(
            'year = 2027\n[off]\n"2027-02-05" = "春节"\n[on]\n"2027-02-05" = "班"', "既上班又放假", id="both on and off"
        ),
    ],
)
def test_a_wrong_notice_is_refused_before_anything(zhixing, notice, text, told):
    answer = zhixing("calendar", "import", notice(datetime.now(UTC).date(), text), "--yes")
    assert (answer.status, told in answer.err) == (1, True)


def test_who_may_not_is_told_so(zhixing, notice):
    path = notice(datetime.now(UTC).date())
    assert "core.calendar.edit" in zhixing("calendar", "import", path, "--yes", "--as", "alice").err
    assert zhixing("calendar", "show", "twenty").status == 2
    assert "没有 10000 年" in zhixing("calendar", "show", "10000").err
    assert "无法读取" in zhixing("calendar", "import", path.with_name("nowhere.toml")).err
