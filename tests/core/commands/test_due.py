"""zhixing due: the moment, the working day by day, and many lines at once."""

import io
import json
import subprocess
import sys
import time

import pytest

# 2026: 14 February is a make-up Saturday that is worked, 15 to 23 February are off.
SPRING_FESTIVAL = [
    pytest.param("3 business days", "2026-02-13T10:00", "2026-02-25T17:30:00+08:00", id="over the holiday"),
    pytest.param("1 business day", "2026-02-13T10:00", "2026-02-14T17:30:00+08:00", id="a make-up Saturday counts"),
    pytest.param("1 business day", "2026-02-13", "2026-02-14T17:30:00+08:00", id="a day without an hour"),
    pytest.param("2 hours", "2026-02-13T16:30", "2026-02-13T18:30:00+08:00", id="hours are elapsed time"),
    pytest.param(
        "2 business hours", "2026-02-13T16:30", "2026-02-14T10:00:00+08:00", id="business hours stop at close"
    ),
    pytest.param("3 business days", "2026-02-13T02:00+00:00", "2026-02-25T17:30:00+08:00", id="an offset is heeded"),
    pytest.param("3 days", "2026-02-13T10:00", "2026-02-24T17:30:00+08:00", id="days that end in the holiday move on"),
]


@pytest.fixture
def lines(monkeypatch, zhixing):
    """What `zhixing due -` answers to lines."""

    def answered(*texts, words=()):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{text}\n" for text in texts)))
        return zhixing("due", "-", *words)

    return answered


@pytest.mark.parametrize("limit, start, due", SPRING_FESTIVAL)
def test_the_moment_at_which_a_limit_ends(zhixing, limit, start, due):
    answer = zhixing("due", limit, "--from", start, "--json")
    assert answer.status == 0
    row = answer.rows[0]
    assert {name: row[name] for name in ("limit", "from", "due", "provisional")} == {
        "limit": limit, "from": start, "due": due, "provisional": False,
    }  # fmt: skip


def test_the_working_is_shown_day_by_day(zhixing):
    answer = zhixing("due", "3 business days", "--from", "2026-02-13T10:00")
    first, *days = answer.out.splitlines()
    assert first == "2026-02-25 17:30 Asia/Shanghai"
    assert len(days) == 13
    assert days[1].split() == ["2026-02-14", "六", "1", "调休计入", "春节调休上班"]
    assert [day.split()[0] for day in days if "不计" in day] == [f"2026-02-{n}" for n in range(15, 24)]


def test_a_year_without_holidays_published_is_provisional(zhixing):
    answer = zhixing("due", "3 business days", "--from", "2031-02-13T10:00", "--json")
    assert answer.rows[0]["provisional"] is True


def test_each_line_gets_its_answer_or_its_error(lines):
    answer = lines(
        "3 business days\t2026-02-13T10:00", "soon\t2026-02-13", "1 day\tyesterday", "1 day", "", "3 rings\t2026-02-13T10:00",
        "1 day\t9999-12-31T23:59", "9999 days\t2026-02-13",
    )  # fmt: skip
    assert answer.status == 0
    rows = answer.rows
    assert rows[0] == {
        "limit": "3 business days", "from": "2026-02-13T10:00", "due": "2026-02-25T17:30:00+08:00", "provisional": False,
    }  # fmt: skip
    assert [row.get("error", "")[:8] for row in rows[1:4]] == ["看不懂时限“so", "“yesterd", "一行应为:时限<"]
    assert all(list(row) == ["limit", "from", "error"] for row in rows[1:4])
    assert rows[4] == {"limit": "3 rings", "from": "2026-02-13T10:00", "due": None, "provisional": False}
    assert [list(row) for row in rows[5:]] == [["limit", "from", "error"]] * 2


def test_a_thousand_lines_take_about_a_second(lines):
    began = time.perf_counter()
    answer = lines(*[f"{1 + n % 30} business days\t2025-{1 + n % 12:02d}-{1 + n % 28:02d}T10:00" for n in range(1000)])
    assert len([json.loads(line)["due"] for line in answer.out.splitlines()]) == 1000
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(
    "words, told",
    [
        pytest.param(("3 bananas", "--from", "2026-02-13"), "看不懂时限“3 bananas”", id="no limit"),
        pytest.param(("3 days", "--from", "13.2.2026"), "“13.2.2026”不是时间", id="no moment"),
        pytest.param(("3 days",), "--from", id="from when is not said"),
        pytest.param(("3 days", "--from", "2026-02-13", "--branch", "XX"), "现有:BJ, GZ, HQ, TJ", id="no such branch"),
        pytest.param(("3 days", "--from", "1999-02-13"), "", id="the first years of the margin are there"),
        pytest.param(("3 days", "--from", "1800-02-13"), "工作日历只到", id="beyond the calendar"),
    ],
)
def test_what_is_wrong_is_said(zhixing, words, told):
    answer = zhixing("due", *words)
    assert answer.status == (1 if told else 0)
    assert told in answer.err


@pytest.mark.pure
def test_it_loads_neither_the_web_nor_the_plugins():
    looked_for = ("flask", "core.start", "core.plugins", "plugins")
    program = f"import sys; from core.commands import parser; parser(['due']); print([m for m in {looked_for} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
