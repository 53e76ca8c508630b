"""T5.1: the three indicators of a month, with the figures of the regulation's catalogue."""

import pytest

from core import records, switches
from core.measures import measured, measures_of, scope_of
from core.people import person_by_login
from core.testing import branch, console, local, work

APRIL = "2025-04-20 09:00"


def value(name, period="2025-03", by=None, code="TJ", at=APRIL):
    rows = measured(console(local(at)), branch(code), period, name, by)
    return {row["group"]: (row["numerator"], row["denominator"], row["value"]) for row in rows}


@pytest.fixture
def complaints(record, actor):
    """complaints(n): n complaints, received on Monday 2025-03-03 at 10:00 by alice."""
    return lambda n, **values: [record("complaint", actor("alice", "2025-03-03 10:00"), **values) for _ in range(n)]


@pytest.mark.clause("T5.1.1")
def test_of_20_tasks_due_in_march_18_done_1_late_and_1_open_are_90_percent(complaints, told, step):
    *done, tenth = complaints(10)
    for complaint in done:
        told(complaint, "2025-03-03 11:00", "2025-03-05 10:00")
    step(step(tenth, "accept", at="2025-03-05 09:00"), "contact_customer", at="2025-03-05 10:00")
    assert value("on_time_rate")[None] == (18, 20, 0.9)
    assert value("on_time_rate", by="person") == {None: (18, 20, 0.9), "alice": (18, 20, 0.9)}
    assert value("on_time_rate", by="department") == {None: (18, 20, 0.9), "KF": (18, 20, 0.9)}


@pytest.mark.clause("T5.1.1")
def test_what_is_not_due_yet_does_not_count_and_reports_owed_do(complaints):
    complaints(1)
    assert value("on_time_rate", at="2025-03-04 17:30")[None] == (0, 0, None)
    assert value("on_time_rate", at="2025-03-04 17:30:01")[None] == (0, 1, 0.0)
    work("2025-03-04 17:30:01")  # a red warning: analysis due on the 5th, report on the 6th, result on the 10th
    assert value("on_time_rate")[None] == (0, 4, 0.0)


@pytest.mark.clause("T5.1.2")
def test_of_12_clocks_under_chapter_3_11_met_are_91_7_percent(complaints, told, step):
    *done, late = complaints(6)
    for complaint in done:
        told(complaint, "2025-03-03 11:00", "2025-03-05 10:00")
    work("2025-03-04 18:00")
    told(late, "2025-03-05 09:00", "2025-03-05 10:00")
    assert value("attainment_rate")[None] == (11, 12, 11 / 12)
    assert value("attainment_rate", by="person") == {None: (11, 12, 11 / 12), "alice": (11, 12, 11 / 12)}
    assert value("on_time_rate")[None] == (11, 14, 11 / 14), "the report and its analysis count here only"


@pytest.mark.clause("T5.1.3")
def test_of_10_complaints_3_caused_by_lateness_are_30_percent(complaints, told):
    for cause, number in (("timeliness", 3), ("attitude", 7)):
        for complaint in complaints(number):
            told(complaint, "2025-03-03 11:00", "2025-03-05 10:00", cause=cause)
    assert value("late_complaint_share")[None] == (3, 10, 0.3)


@pytest.mark.clause("T5.1.3")
def test_without_complaints_the_share_is_empty_and_not_0(complaints):
    complaints(1)
    assert value("late_complaint_share", "2025-02")[None] == (0, 0, None)
    assert value("late_complaint_share", "2025-03")[None] == (0, 1, 0.0)


@pytest.mark.clause("T5.1.3")
def test_the_share_goes_by_the_department_or_the_employee_complained_of(complaints, told):
    for about, cause in (("LP", "timeliness"), ("LP", "other"), ("KF", "other")):
        who = {"about_department": about, "about_employee": "dave" if about == "LP" else "amy"}
        told(*complaints(1, **who), "2025-03-03 11:00", "2025-03-05 10:00", cause=cause)
    complaints(1)
    assert value("late_complaint_share", by="department") == {
        None: (1, 4, 0.25),
        "LP": (1, 2, 0.5),
        "KF": (0, 1, 0.0),
    }
    assert value("late_complaint_share", by="person") == {None: (1, 4, 0.25), "dave": (1, 2, 0.5), "amy": (0, 1, 0.0)}


def test_voided_complaints_are_left_out_everywhere(complaints, step):
    step(*complaints(1), "void", at="2025-03-03 11:00")
    assert {name: value(name)[None] for name in ("on_time_rate", "attainment_rate", "late_complaint_share")} == {
        "on_time_rate": (0, 0, None),
        "attainment_rate": (0, 0, None),
        "late_complaint_share": (0, 0, None),
    }


@pytest.mark.parametrize(
    "received, period",
    [
        pytest.param("2025-03-31 23:59:59", "2025-03", id="the last second of March in Tianjin is March"),
        pytest.param("2025-04-01 00:00:00", "2025-04", id="the first of April is April"),
    ],
)
def test_a_month_is_that_of_the_branch(record, actor, received, period):
    record("complaint", actor("alice", "2025-04-01 09:00"), happened_at=received)
    assert value("late_complaint_share", period)[None][1] == 1


def test_owner_and_department_count_as_they_were_when_it_was_done_or_due(complaints, told, actor):
    done, late = complaints(2)
    done = told(done, "2025-03-03 11:00", "2025-03-05 10:00")
    work("2025-03-05 09:00")
    for complaint in (done, late):
        records.hand_over(actor("bob", "2025-03-06 09:00"), complaint, owner=person_by_login("amy"), reason="休假")
    assert value("attainment_rate", at="2025-03-07 09:00", by="person") == {None: (1, 2, 0.5), "alice": (1, 2, 0.5)}
    assert value("attainment_rate", by="person")["amy"] == (0, 1, 0.0), "the result was not due before the 10th"


def test_head_office_counts_all_branches_where_the_regulation_is_on(complaints, record, actor):
    complaints(2)
    record("complaint", actor("frank", "2025-03-03 10:00"), code="BJ")
    assert value("late_complaint_share", code="HQ")[None] == (0, 3, 0.0)
    assert value("attainment_rate", code="HQ")[None] == (0, 6, 0.0)
    switches.switch(console(local(APRIL)), "timeliness", branch("BJ"), "off")
    assert value("late_complaint_share", code="HQ")[None] == (0, 2, 0.0)
    assert value("attainment_rate", code="HQ")[None] == (0, 4, 0.0)


def test_every_figure_opens_the_rows_behind_it(complaints, told):
    told(complaints(2)[0], "2025-03-03 11:00", "2025-03-05 10:00")
    for name, (plugin, measure) in measures_of(branch().id, local(APRIL)).items():
        rows = measure.rows(scope_of(branch().id, "2025-03", local(APRIL), plugin=plugin))
        assert rows.count() == value(name)[None][1], name
