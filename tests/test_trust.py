"""docs/trust.md is true: each promise has a test that there is, and no test of the house stands beside the page."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| (?P<promise>[^|]+) \| (?P<path>[\w/]+\.py)::(?P<test>test_\w+) \|$", re.M)
PROMISES = [
    (row["promise"], row["path"], row["test"]) for row in ROW.finditer((ROOT / "docs" / "trust.md").read_text())
]


def named_in(path):
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / path).read_text(encoding="utf-8"), re.M))


def test_every_row_of_the_page_is_a_promise_with_its_test():
    lines = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and line != "| promise | test |"]
    assert [line for line in rows if not ROW.match(line)] == []
    assert len(rows) == len(PROMISES) > 100


def test_every_promise_is_proved_by_a_test_that_there_is():
    gone = [(path, test) for _, path, test in PROMISES if not (ROOT / path).is_file() or test not in named_in(path)]
    assert gone == []


def test_no_promise_stands_twice():
    tests = [(path, test) for _, path, test in PROMISES]
    assert sorted({each for each in tests if tests.count(each) > 1}) == []


def test_every_test_of_the_house_is_a_promise_of_the_page():
    told = {(path, test) for _, path, test in PROMISES}
    there = {
        (f"tests/house/{file.name}", test)
        for file in (ROOT / "tests" / "house").glob("test_*.py")
        for test in named_in(f"tests/house/{file.name}")
    }
    assert there - told == set()
