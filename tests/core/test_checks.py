"""Checks: n of N, each finding once, closed when its cause is gone, a new episode when it comes back."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core import access, business_calendar, checks, own_checks, people, records, standing, switches
from core.audit import verify
from core.checks import check, finding, would_say
from core.database import door, refresh
from core.errors import Denied, Refused
from core.findings import Finding
from core.jobs import JobRun
from core.people import Person, person_by_login
from core.plugins import registry
from core.records.model import Batch
from core.testing import branch, console, local, work
from core.worker import Worker
from plugins.cases.models import Complaint

MORNING = "2025-03-04 09:00"


@check(clauses=["T0.0"], over=lambda: Complaint.select().where(Complaint.channel == "phone"), label="电话投诉记有内容")
def phone_calls_have_content(complaint, now):
    """What was said on the phone is written down."""
    if not complaint.content:
        return finding("没有内容")


@pytest.fixture
def mine(settings, monkeypatch):
    """The check above, as one of timeliness."""
    plugin = registry().plugins["timeliness"]
    monkeypatch.setattr(plugin, "manifest", replace(plugin.manifest, checks=(phone_calls_have_content,)))
    return phone_calls_have_content


@pytest.fixture
def complaints(record, actor):
    return [record("complaint", actor("alice", "2025-03-03 10:00"), content=text) for text in (None, "理赔太慢", None)]


def run(each, at=MORNING, place=None):
    refresh()
    counts = checks.run(each, local(at), place)
    return counts["looked_at"], counts["found"], counts["opened"], counts["closed"]


def states():
    return [(row.state, row.episode) for row in Finding.select().order_by(Finding.id)]


def test_a_finding_opens_once_closes_by_itself_and_comes_back_as_a_new_episode(mine, complaints, actor):
    assert run(mine) == (3, 2, 2, 0)
    assert run(mine) == (3, 2, 0, 0)
    first = records.change(actor("alice", MORNING), complaints[0], {"content": "补记"})
    assert run(mine, "2025-03-05 09:00") == (3, 1, 0, 1)
    records.change(actor("alice", "2025-03-05 10:00"), first, {"content": None})
    assert run(mine, "2025-03-06 09:00") == (3, 2, 1, 0)
    assert states() == [("closed", 1), ("open", 1), ("open", 2)]
    row = Finding.select().order_by(Finding.id).first()
    assert (row.source, row.record, row.record_id) == (
        "check:timeliness.phone_calls_have_content",
        "complaint",
        first.id,
    )
    assert (row.message, row.owner_id) == ("没有内容", first.owner_id) and verify() == []


def test_a_finding_closes_when_its_subject_is_looked_at_no_longer(mine, complaints, actor):
    run(mine)
    records.change(actor("alice", MORNING), complaints[0], {"channel": "email"})
    assert run(mine) == (2, 1, 0, 1)


def test_a_check_looks_only_where_its_plugin_is_on_and_only_in_the_branch_asked_for(mine, complaints, actor, record):
    record("complaint", actor("frank", "2025-03-03 10:00"), code="BJ")
    assert run(mine) == (4, 3, 3, 0)
    assert run(mine, place=branch("BJ")) == (1, 1, 0, 0)
    switches.switch(console(local(MORNING)), "timeliness", branch("BJ"), "off", reason="测试")
    assert run(mine) == (3, 2, 0, 0)  # and what was found there rests as it is
    assert run(mine, place=branch("BJ")) == (0, 0, 0, 0)
    assert Finding.select().where(Finding.branch_id == branch("BJ").id, Finding.state == "open").count() == 1


def test_an_import_that_is_not_done_is_not_looked_at(mine, complaints):
    batch = Batch.create(record="complaint", branch=branch("TJ"), began_at=local(MORNING), alive_at=local(MORNING))
    with door():
        Complaint.update(batch=batch).where(Complaint.id == complaints[0].id).execute()
    assert run(mine) == (2, 1, 1, 0)


def test_what_it_would_say_is_said_and_not_written(mine, complaints):
    counts, said = would_say(mine, local(MORNING))
    assert (counts["looked_at"], counts["found"]) == (3, 2)
    assert [item["record_id"] for item in said] == [complaints[0].id, complaints[2].id]
    assert Finding.select().count() == 0


def test_more_than_one_chunk_is_counted_by_branch(mine, monkeypatch):
    monkeypatch.setattr(checks, "CHUNK", 4)
    for code in ("TJ", "BJ"):
        rows = [{"owner": "alice", "content": "x" if n else None} for n in range(5)]
        records.create_many(console(local("2025-03-03 10:00")), Complaint, rows, branch=branch(code))
    beats = []
    counts = checks.run(mine, local(MORNING), beat=lambda: beats.append(1))
    assert counts["branches"] == {branch("TJ").id: [5, 1], branch("BJ").id: [5, 1]} and len(beats) == 3


def test_a_waived_finding_rests_until_its_day_and_closes_with_its_cause(mine, complaints, actor):
    run(mine)
    one, two = Finding.select().order_by(Finding.id)
    carol = actor("carol", MORNING)
    for row in (one, two):
        assert checks.waive(carol, row, date(2025, 3, 6), "客户不愿说").state == "waived"
    assert run(mine, "2025-03-06 23:00") == (3, 2, 0, 0)
    records.change(actor("alice", "2025-03-06 23:10"), complaints[2], {"content": "补记"})
    assert run(mine, "2025-03-07 00:01") == (3, 1, 1, 1)
    assert states() == [("open", 1), ("closed", 1)] and verify() == []


def test_who_may_not_waive_and_what_cannot_be_waived(mine, complaints, actor, record):
    run(mine)
    row = Finding.select().order_by(Finding.id).first()
    for login in ("alice", "admin", "heidi"):
        with pytest.raises(Denied):
            checks.waive(actor(login, MORNING), row, date(2025, 3, 6), "x")
    with pytest.raises(Refused) as refused:
        checks.waive(actor("carol", MORNING), row, date(2025, 3, 4), " ")
    assert {fault.field for fault in refused.value.faults} == {"until", "reason"}
    work("2025-03-04 17:31")
    red = Finding.get(Finding.colour == "red")
    with pytest.raises(Refused, match="finding"):
        checks.waive(actor("carol", "2025-03-05 09:00"), red, date(2025, 3, 9), "x")


def state_of(name, code="TJ", at=MORNING):
    refresh()
    found = next(row for row in standing.standings(branch(code), local(at)) if row.name == name)
    return found.state, found.looked_at, found.found


def test_every_word_for_how_a_check_stands(settings, mine, complaints, actor, monkeypatch):
    name = "timeliness.phone_calls_have_content"
    worker = Worker(settings)

    assert state_of(name) == ("not_run", 0, 0)
    worker.round(local(MORNING))
    assert state_of(name) == ("found", 3, 2)
    assert state_of(name, "BJ") == ("nothing", 0, 0)
    assert state_of(name, "GZ") == ("off", 0, 0)
    assert state_of(name, at="2025-03-05 00:30") == ("found", 3, 2)
    assert state_of(name, at="2025-03-05 01:30")[0] == "not_run"
    for row in Finding.select().where(Finding.source == f"check:{name}"):
        checks.waive(actor("carol", MORNING), row, date(2025, 3, 30), "x")
    assert state_of(name) == ("waived", 3, 2)
    for complaint in (complaints[0], complaints[2]):
        records.change(actor("alice", "2025-03-05 09:00"), complaint, {"content": "补记"})
    worker.round(local("2025-03-05 09:30"))
    assert state_of(name, at="2025-03-05 09:31") == ("clean", 3, 0)
    broken = replace(mine, judge=lambda row, now: 1 / 0)
    plugin = registry().plugins["timeliness"]
    monkeypatch.setattr(plugin, "manifest", replace(plugin.manifest, checks=(broken,)))
    Worker(settings).round(local("2025-03-06 09:00"))
    assert state_of(name, at="2025-03-06 09:01")[0] == "error"


def test_a_check_of_another_plugins_record_does_not_apply_where_that_is_off(settings, monkeypatch):
    elsewhere = replace(phone_calls_have_content, name="elsewhere")
    monkeypatch.setattr(checks, "own", [elsewhere])
    assert state_of("core.elsewhere", "GZ")[0] == "not_applicable"
    assert state_of("core.elsewhere", "TJ")[0] == "not_run"


def test_a_check_that_is_taken_away_is_there_no_longer(mine, monkeypatch):
    name = "timeliness.phone_calls_have_content"
    assert name in checks.all_checks()
    monkeypatch.setattr(registry(), "without", frozenset({f"check:{name}"}))
    assert name not in checks.all_checks()


def test_a_check_that_did_not_run_when_it_should_have_is_itself_a_finding(settings, mine, complaints):
    Worker(settings).round(local(MORNING))
    about = Finding.select().where(Finding.source == own_checks.SOURCE)
    assert about.count() == 0
    Worker(settings).round(local("2025-03-07 09:00"))  # nobody worked on the 5th and 6th
    mine_ = about.where(Finding.message.contains("电话投诉记有内容")).get()
    missed = JobRun.get_by_id(mine_.record_id)
    assert (missed.state, missed.slot) == ("missed", "2025-03-06") and "此前另有 1 次" in mine_.message
    assert mine_.state == "closed"  # it has run since, as of now
    assert JobRun.get(JobRun.job == missed.job, JobRun.slot == "2025-03-07").state == "done"


def test_a_check_that_keeps_failing_is_a_finding_until_it_runs_again(settings, mine, complaints, monkeypatch):
    broken, plugin = replace(mine, judge=lambda row, now: 1 / 0), registry().plugins["timeliness"]
    monkeypatch.setattr(plugin, "manifest", replace(plugin.manifest, checks=(broken,)))
    worker = Worker(settings)
    for minutes in range(0, 60, 2):
        worker.round(local(MORNING) + timedelta(minutes=minutes))
    about = Finding.select().where(Finding.source == own_checks.SOURCE)
    assert about.get().state == "open" and "ZeroDivisionError" in about.get().message
    assert run(own_checks.checks_ran, "2025-03-04 10:30")[1] == 1 and about.count() == 1  # it is the same finding
    monkeypatch.setattr(plugin, "manifest", replace(plugin.manifest, checks=(mine,)))
    Worker(settings).round(local("2025-03-05 09:00"))
    assert {row.state for row in about} == {"closed"}


@pytest.mark.parametrize(
    "at, years",
    [
        pytest.param("2025-11-30 23:59", [], id="2026 is in the calendar"),
        pytest.param("2026-11-30 23:59", [], id="nothing before 1 December"),
        pytest.param("2026-12-01 00:00", ["2027"], id="from 1 December on"),
        pytest.param("2027-01-04 09:00", ["2027"], id="and on into the year itself"),
        pytest.param("2027-12-31 09:00", ["2027", "2028"], id="both, where nobody has done anything"),
    ],
)
def test_the_coming_years_holidays_are_asked_for(group, at, years):
    counts, said = would_say(own_checks.coming_holidays_published, local(at))
    assert [item["period"] for item in said] == years
    assert counts["looked_at"] == 1 and {item["branch_id"] for item in said} <= {branch("HQ").id}


def test_entering_the_holidays_closes_the_finding(group):
    assert run(own_checks.coming_holidays_published, "2026-12-01 09:00") == (1, 1, 1, 0)
    business_calendar.publish(console(local("2026-12-02 09:00")), None, 2027, {"off": {"2027-01-01": "元旦"}})
    assert run(own_checks.coming_holidays_published, "2026-12-02 09:10") == (1, 0, 0, 1)


def test_people_at_work_without_a_department_are_listed(group):
    assert run(own_checks.staff_have_a_department) == (9, 0, 0, 0)
    now = console(local(MORNING))
    ivan = people.add_person(now, "ivan", "伊万", branch("TJ"))
    access.grant(now, ivan, "staff", branch("TJ"))
    assert run(own_checks.staff_have_a_department) == (10, 1, 1, 0)
    row = Finding.get(Finding.record == "person")
    assert (row.record_id, row.branch_id) == (ivan.id, branch("TJ").id) and "ivan" in row.message
    people.change_person(now, ivan, {"department": person_by_login("alice").department})
    assert run(own_checks.staff_have_a_department) == (10, 0, 0, 1)


@pytest.mark.pure
def test_a_plugin_whose_check_says_nothing_or_is_none_does_not_start():
    @check(over=lambda: Person.select())
    def silent(person, now):
        return None

    @check(over=lambda: Person.select(), every="weekly")
    def weekly(person, now):
        """Something holds."""

    plugin = type("P", (), {"manifest": type("M", (), {"checks": (silent, weekly, len)})})
    found = checks.faults(type("R", (), {"plugins": {"p": plugin}}))
    assert len(found) == 3
    assert found[0] == "plugins/p: check 'silent' has no docstring. Say in a sentence what holds when all is well."
    assert "every = 'weekly'" in found[1] and "is no check" in found[2]


@pytest.mark.pure
def test_the_core_checks_have_a_sentence_in_both_languages():
    for each in own_checks.ALL:
        assert each.label.en.endswith(".") and each.label.zh != each.label.en and each.clauses == ()
