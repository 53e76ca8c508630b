"""What there is for a person, who the person is, and what is measured, through the API."""

import pytest

from core import records, switches
from core.testing import branch, console


def test_the_index_lists_the_record_types_that_the_person_sees(api):
    found = {each["name"]: each for each in api("alice").get("").json["items"]}
    assert set(found) == {"customer", "complaint", "warning", "rectification_report", "rectification_measure"}
    assert found["complaint"] == {
        "name": "complaint",
        "label": "Complaint",
        "plugin": "cases",
        "url": "/api/v1/complaint",
        "branches": ["TJ"],
        "may": ["view", "create", "edit", "personal"],
    }
    assert [each["branches"] for each in api("auditor").get("").json["items"]] == [["BJ", "TJ"]] * 5
    assert api("admin").get("").json == {"items": [], "next": None}


def test_what_is_off_is_not_listed(api):
    switches.switch(console(), "timeliness", branch(), "off", reason="停用")
    assert api("alice").get("").json["items"] == []


def test_me_tells_the_person_and_the_roles(api):
    assert api("bob").get("me").json == {
        "login": "bob",
        "name": "鲍博",
        "branch": "TJ",
        "department": "KF",
        "language": "zh",
        "roles": [
            {"role": "staff", "branch": "TJ", "department": None},
            {"role": "department_head", "branch": "TJ", "department": "KF"},
        ],
    }


@pytest.fixture
def contacted(record, actor):
    for moment in ("2025-03-04 17:00", "2025-03-05 10:00"):
        complaint = record("complaint", actor("alice", "2025-03-03 10:00"), about_employee="dave")
        complaint = records.transition(actor("alice", "2025-03-03 11:00"), complaint, "accept")
        values = {"details": "已联系", "class": "complex"}
        records.transition(actor("alice", moment), complaint, "contact_customer", values)


@pytest.mark.clause("T5.1.2")
def test_measures_give_the_whole_and_each_group(api, contacted):
    response = api("alice").get("measures?branch=TJ&period=2025-03&by=person&name=attainment_rate")
    assert response.status_code == 200, response.text
    rows = {row["group"]: row for row in response.json["items"]}
    assert set(rows) == {None, "alice"}
    whole = {"measure": "attainment_rate", "branch": "TJ", "period": "2025-03", "group": None}
    assert rows[None] == {**whole, "numerator": 1, "denominator": 4, "value": 0.25}


def test_measures_give_every_measure_where_none_is_named(api, contacted):
    rows = api("alice").get("measures?period=2025").json["items"]
    assert [row["measure"] for row in rows] == ["on_time_rate", "attainment_rate", "late_complaint_share"]
    assert {row["branch"] for row in rows} == {"TJ"}


@pytest.mark.parametrize(
    "query, status, fields",
    [
        pytest.param("branch=TJ", 400, {"period"}, id="no period"),
        pytest.param("period=soon&by=moon&colour=red", 400, {"period", "by", "colour"}, id="every argument wrong"),
        pytest.param("period=2025&branch=XX", 400, {"branch"}, id="no such branch"),
        pytest.param("period=2025&name=beauty", 404, set(), id="no such measure"),
        pytest.param("period=2025&name=attainment_rate&branch=GZ", 409, set(), id="a measure that is off there"),
        pytest.param("period=2025&branch=BJ", 403, set(), id="another branch"),
    ],
)
def test_measures_that_cannot_be_told_say_why(api, query, status, fields, at_fault):
    response = api("alice").get(f"measures?{query}")
    assert (response.status_code, set(at_fault(response))) == (status, fields), response.text
