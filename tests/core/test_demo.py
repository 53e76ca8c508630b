"""The demo group: whatever moment it is made at, its two weeks end then, with something of each kind to see."""

from collections import Counter

import pytest

from core import audit, database, demo, outbox, records
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
    start(Settings(home=tmp_path, database=place.empty("bare")), without=without)
    yield
    place.drop("bare")


@pytest.fixture(scope="module", params=MOMENTS)
def made_once(request, place, tmp_path_factory, without):
    """A demo group made at a moment, for tests that only look at it."""
    settings = Settings(home=tmp_path_factory.mktemp("demo"), database=place.empty("demo"))
    start(settings, without=without)
    now = local(request.param)
    yield settings, now, demo.create(now)
    place.drop("demo")


@pytest.fixture
def now(made_once):
    """The moment at which the demo group was made, with that group at hand."""
    settings, now, _ = made_once
    database.connect(settings.database)
    database.refresh()
    return now


def _rows(name):
    return list(registry().models[name].select().order_by(registry().models[name].id))


def test_there_is_something_of_each_kind(now, made_once):
    assert [person.login for person, _ in made_once[2]] == ["admin", "chenjing", "liming", "wangfang"]
    states = Counter(clock.state for clock in Clock.select().where(Clock.record == "complaint"))
    assert min(states[state] for state in ("running", "yellow", "red", "met", "late")) >= 1
    assert 38 <= len(_rows("complaint")) <= 45
    waiting = [report for report in _rows("rectification_report") if report.state in ("open", "submitted")]
    assert [(report.branch.code, report.state) for report in waiting] == [("TJ", "submitted"), ("TJ", "open")]
    assert waiting[1].owner.login == "chenjing"
    assert "closed" in {report.state for report in _rows("rectification_report")}


def test_nothing_lies_in_the_future(now):
    for model, column in ((AuditEntry, "at"), (Finding, "happened_at"), (Notice, "recorded_at"), (Clock, "started_at")):
        assert max(getattr(row, column) for row in model.select()) <= now
    for name, model in registry().models.items():
        moments = [column.name for column in model._meta.sorted_fields if getattr(column, "kind", "") == "moment"]
        for row in _rows(name):
            assert not [name for name in moments if (getattr(row, name) or now) > now]


def test_warnings_came_when_they_must(now):
    for finding in Finding.select().where(Finding.colour == "red"):
        clock = Clock.get_by_id(finding.clock_id)
        assert 0 < (finding.happened_at - clock.due_at).total_seconds() <= 5
    told = {notice.person.login for notice in Notice.select().where(Notice.tone == "red")}
    assert {"chenjing", "liming", "wumin", "weidong"} <= told


def test_the_trail_holds_and_the_worker_has_nothing_left_to_say(now):
    assert audit.verify() == []
    assert outbox.waiting() == (0, 0)
    assert work(now) == {"yellow": 0, "red": 0}


def test_the_year_has_its_rates(now):
    rate = measured(Actor(None, "console", now), branch_by_code("TJ"), f"{now:%Y}", "attainment_rate")[0]
    assert 0.6 < rate["value"] < 1


def test_the_same_moment_gives_the_same_group(place, tmp_path, without):
    groups = []
    for count in range(2):
        name = f"same{count}"
        start(Settings(home=tmp_path, database=place.empty(name)), without=without)
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
