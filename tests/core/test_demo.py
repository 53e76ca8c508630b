"""The demo group: whatever moment it is made at, its two weeks end then, with something of each kind to see."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from core import audit, demo, outbox, records
from core.access import Actor
from core.audit import AuditEntry
from core.clocks import Clock
from core.findings import Finding
from core.measures import measured
from core.notices import Notice
from core.organisation import branch_by_code
from core.plugins import registry
from core.settings import Settings
from core.start import start
from core.testing import local, work

MOMENTS = [
    pytest.param("2026-11-25 15:00", id="on a Wednesday afternoon"),
    pytest.param("2026-11-23 09:05", id="on a Monday morning"),
    pytest.param("2026-11-22 03:00", id="in a Sunday night"),
    pytest.param("2026-11-20 17:30", id="at close of business"),
    pytest.param("2026-02-18 12:00", id="in the Spring Festival"),
    pytest.param("2027-01-06 11:00", id="across New Year into a year not published"),
]


@pytest.fixture
def empty(place, tmp_path, without):
    """The product on an empty database."""
    name = f"demo{next(place.count)}"
    start(Settings(home=tmp_path, database=place._empty(name)), without=without)
    yield
    place.drop(name)


def _rows(name):
    return list(registry().models[name].select().order_by(registry().models[name].id))


@pytest.mark.parametrize("moment", MOMENTS)
def test_there_is_something_of_each_kind(empty, moment):
    now = local(moment)
    first = demo.create(now)
    assert [person.login for person, _ in first] == ["admin", "chenjing", "liming", "wangfang"]
    states = Counter(clock.state for clock in Clock.select().where(Clock.record == "complaint"))
    assert min(states[state] for state in ("running", "yellow", "red", "met", "late")) >= 1
    assert 38 <= len(_rows("complaint")) <= 45
    waiting = [report for report in _rows("rectification_report") if report.state in ("open", "submitted")]
    assert [(report.branch.code, report.state) for report in waiting] == [("TJ", "submitted"), ("TJ", "open")]
    assert waiting[1].owner.login == "chenjing"
    assert "closed" in {report.state for report in _rows("rectification_report")}
    assert audit.verify() == []
    assert outbox.waiting() == (0, 0)


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_lies_in_the_future(empty, moment):
    now = local(moment)
    demo.create(now)
    for model, column in ((AuditEntry, "at"), (Finding, "happened_at"), (Notice, "recorded_at"), (Clock, "started_at")):
        assert max(getattr(row, column) for row in model.select()) <= now
    for name, model in registry().models.items():
        moments = [column.name for column in model._meta.sorted_fields if getattr(column, "kind", "") == "moment"]
        for row in _rows(name):
            assert not [name for name in moments if (getattr(row, name) or now) > now]


def test_warnings_came_when_they_must(empty):
    demo.create(local("2026-11-25 15:00"))
    for finding in Finding.select().where(Finding.colour == "red"):
        clock = Clock.get_by_id(finding.clock_id)
        assert 0 < (finding.happened_at - clock.due_at).total_seconds() <= 5
    told = {notice.person.login for notice in Notice.select().where(Notice.tone == "red")}
    assert {"chenjing", "liming", "wumin", "weidong"} <= told


def test_the_same_moment_gives_the_same_group(place, tmp_path, without):
    groups = []
    for count in range(2):
        name = f"same{count}"
        start(Settings(home=tmp_path, database=place._empty(name)), without=without)
        demo.create(local("2026-11-25 15:00"))
        groups.append([(c.number, c.state, c.happened_at, c.content, c.owner.login) for c in _rows("complaint")])
        place.drop(name)
    assert groups[0] == groups[1]


def test_a_newcomer_answers_the_red_warning(empty):
    demo.create(local("2026-11-25 15:00"))
    report = next(report for report in _rows("rectification_report") if report.state == "open")
    head = Actor(report.owner, "web", local("2026-11-25 15:10"))
    report = records.transition(head, report, "record_cause", {"cause": "人手不足"})
    values = {"report": report.id, "measure": "增加坐席", "owner": "liuyang", "due_on": "2026-12-01"}
    records.create(head, registry().models["rectification_measure"], values, branch=report.branch_id)
    assert records.transition(head, report, "submit").state == "submitted"


def test_the_month_has_its_rates(empty):
    demo.create(local("2026-11-25 15:00"))
    actor = Actor(None, "console", datetime(2026, 11, 25, 7, tzinfo=UTC))
    rate = measured(actor, branch_by_code("TJ"), "2026-11", "attainment_rate")[0]
    assert 0.7 < rate["value"] < 1
    assert work("2026-11-25 15:00") == {"yellow": 0, "red": 0}  # the worker has nothing left to say
