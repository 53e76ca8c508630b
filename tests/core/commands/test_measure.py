"""zhixing measure, clauses and audit: what is counted, what holds a clause, and whether the trail holds."""

import pytest

from core import records
from core.audit import AuditEntry
from core.database import db
from core.plugins import registry
from core.testing import work


@pytest.fixture
def march(record, actor):
    """Two complaints of March 2025: Alice's contacted in time, Dave's not at all."""
    for login in ("alice", "amy"):
        made = record("complaint", actor(login, "2025-03-03 10:00"), content="太慢")
        if login == "alice":
            made = records.transition(actor(login, "2025-03-03 11:00"), made, "accept")
            values = {"details": "已问清", "class": "simple"}
            records.transition(actor(login, "2025-03-03 11:30"), made, "contact_customer", values)
    work("2025-03-31 18:00")


def test_a_measure_is_seven_facts(zhixing, march):
    words = ("measure", "attainment_rate", "--branch", "TJ", "--period", "2025-03", "--json")
    whole = {"measure": "attainment_rate", "branch": "TJ", "period": "2025-03", "group": None}
    assert zhixing(*words).rows == [{**whole, "numerator": 1, "denominator": 4, "value": 0.25}]
    assert [(row["group"], row["numerator"], row["denominator"]) for row in zhixing(*words, "--by", "person").rows] == [
        (None, 1, 4), ("alice", 1, 2), ("amy", 0, 2),
    ]  # fmt: skip
    assert [row["group"] for row in zhixing(*words, "--by", "department").rows] == [None, "KF"]


def test_where_nothing_counts_there_is_no_value(zhixing):
    rows = zhixing("measure", "--branch", "TJ", "--period", "2024", "--json").rows
    assert [row["measure"] for row in rows] == ["on_time_rate", "attainment_rate", "late_complaint_share"]
    assert {(row["denominator"], row["value"]) for row in rows} == {(0, None)}
    assert "25.00%" not in zhixing("measure", "--branch", "TJ", "--period", "2024").out


@pytest.mark.parametrize(
    "words, told",
    [
        pytest.param(("nonsense", "--branch", "TJ", "--period", "2025"), "现有:on_time_rate", id="an unknown measure"),
        pytest.param(("--branch", "XX", "--period", "2025"), "现有:BJ, GZ, HQ, TJ", id="an unknown branch"),
        pytest.param(("--branch", "TJ", "--period", "2025-13"), "“2025-13”不是期间", id="no period"),
        pytest.param(
            ("--branch", "TJ", "--period", "2025", "--as", "frank"), "timeliness.measure.view", id="another branch"
        ),
    ],
)
def test_what_cannot_be_measured_is_told(zhixing, words, told):
    answer = zhixing("measure", *words)
    assert (answer.status, told in answer.err) == (1, True)


def test_each_clause_says_what_holds_it(zhixing):
    rows = zhixing("clauses", "--regulation", "timeliness", "--json").rows
    assert all(list(row) == ["id", "enforced_by", "proved_by", "status"] for row in rows)
    contact = next(row for row in rows if row["id"] == "T3.2.3a")
    assert "limit:timeliness.complaint_contact" in contact["enforced_by"]
    assert "uncovered" in zhixing("clauses").out


def test_an_unknown_regulation_lists_what_there_is(zhixing):
    known = ", ".join(name for name, plugin in registry().plugins.items() if plugin.regulation)
    assert f"现有:{known}" in zhixing("clauses", "--regulation", "nonsense").err
    assert "core.clause.view" in zhixing("clauses", "--as", "alice").err


def test_a_whole_trail_is_said_to_hold(zhixing):
    answer = zhixing("audit", "verify", "--as", "auditor")
    assert (answer.status, "完整无缺" in answer.out) == (0, True)
    assert zhixing("audit", "verify", "--json").rows == []
    heads = zhixing("audit", "head", "--json").rows
    assert {head["branch"] for head in heads} == {None, "HQ", "TJ", "BJ", "GZ"}
    assert all(len(head["hash"]) == 64 for head in heads)


def test_the_first_broken_entry_is_named(zhixing):
    entry = AuditEntry.get(AuditEntry.verb == "switch")
    db.execute_sql(f"UPDATE audit_entry SET reason = 'x' WHERE id = {entry.id}")
    answer = zhixing("audit", "verify", "--json")
    assert (answer.status, [row["seq"] for row in answer.rows]) == (1, [entry.seq])
    assert zhixing("audit", "verify").status == 1


def test_the_trail_is_for_those_who_may(zhixing):
    assert "core.audit.view" in zhixing("audit", "verify", "--as", "alice").err
    assert "core.audit.view" in zhixing("audit", "head", "--as", "admin").err
