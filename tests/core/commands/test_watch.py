"""zhixing check and sweep: by hand, or only looking at what they would say."""

from datetime import UTC, datetime

import pytest

from core.clocks import Clock
from core.findings import Finding
from core.people import Person
from core.plugins import registry
from core.testing import clock


@pytest.fixture
def complaint(record, actor):
    """A complaint that came in a moment ago."""
    return record("complaint", actor("alice", datetime.now(UTC)), content="理赔太慢")


def test_looking_ahead_names_what_would_be_red_and_writes_nothing(zhixing, complaint):
    answer = zhixing("sweep", "--at", "2099-01-05T10:00", "--json")
    assert answer.status == 0
    rows = {row["limit"]: row for row in answer.rows}
    assert rows["timeliness.complaint_contact"] == {
        "branch": "TJ", "colour": "red", "clause": "T3.2.3a", "limit": "timeliness.complaint_contact",
        "record": "complaint", "number": complaint.number, "owner": "alice", "message": "投诉首次联系",
    }  # fmt: skip
    assert Finding.select().count() == 0
    assert clock(complaint, "T3.2.3a").state == "running"


def test_a_sweep_finds_what_is_past_and_delivers(zhixing, actor, record):
    made = record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")
    row = zhixing("sweep", "--json").rows[0]
    assert (row["yellow"], row["red"]) == (0, 2)
    assert row["delivered"] > 0
    assert clock(made, "T3.2.3a").state == "red"
    assert registry().models["rectification_report"].select().count() == 1
    assert zhixing("sweep", "--json").rows == [{"yellow": 0, "red": 0, "delivered": 0}]


def test_a_sweep_at_no_moment_is_refused(zhixing):
    assert "“noon”不是时间" in zhixing("sweep", "--at", "noon").err
    assert Clock.select().count() == 0


def test_the_checks_are_listed_with_their_last_run(zhixing):
    rows = {row["check"]: row for row in zhixing("check", "list", "--json").rows}
    assert rows["core.staff_have_a_department"]["label"] == "在岗人员都有所属部门"
    assert rows["core.staff_have_a_department"]["last"] is None
    assert zhixing("check", "list").status == 0


def test_a_check_says_how_many_it_looked_at_and_keeps_what_it_finds(zhixing, at_home):
    words = ("user", "add", "ivan", "--name", "伊万", "--branch", "TJ", "--role", "staff")
    assert zhixing(*words).status == 0
    looked = zhixing("check", "run", "staff_have_a_department", "--at", datetime.now().isoformat(), "--json").rows[0]
    at_home()
    assert (looked["result"], looked["looked_at"], looked["found"]) == ("found", 10, 1)
    assert looked["findings"][0]["record_id"] == Person.get(Person.login == "ivan").id
    assert Finding.select().count() == 0
    ran = zhixing("check", "run", "core.staff_have_a_department", "--json").rows[0]
    assert (ran["opened"], ran["closed"]) == (1, 0)
    assert Finding.select().count() == 1
    assert "伊万" in zhixing("check", "run", "staff_have_a_department", "--at", datetime.now().isoformat()).out


def test_nothing_to_look_at_is_not_clean(zhixing):
    row = zhixing("check", "run", "core.checks_ran", "--branch", "TJ", "--json").rows[0]
    assert (row["result"], row["looked_at"]) == ("nothing", 0)


@pytest.mark.parametrize(
    "words, told",
    [
        pytest.param(("run", "nonsense"), "现有:core.checks_ran", id="an unknown check"),
        pytest.param(("run", "--branch", "XX"), "现有:BJ, GZ, HQ, TJ", id="an unknown branch"),
        pytest.param(("run", "--at", "noon"), "“noon”不是时间", id="no moment"),
        pytest.param(("run", "--as", "alice"), "core.check.view", id="no permission"),
        pytest.param(("list", "--as", "alice"), "core.check.view", id="nor to look"),
    ],
)
def test_what_is_refused_is_told(zhixing, words, told):
    answer = zhixing("check", *words)
    assert (answer.status, told in answer.err) == (1, True)
