"""The desk: in which order what is owed stands, what waits for a decision, and how it looks in a browser."""

import re
from datetime import timedelta

import pytest

from core import records
from core.clocks import Clock
from core.drafts import Draft
from core.people import person_by_login
from core.screens import mine, times
from core.switches import switch
from core.testing import branch, console, local, work
from plugins.timeliness.models import RectificationMeasure, RectificationReport, Warning

NOW = "2025-03-05 10:00"


@pytest.fixture
def owing(record, actor):
    """A complaint of Alice's whose first contact was due yesterday, and one whose is due today."""
    late = record("complaint", actor("alice", "2025-03-03 10:00"), content="无人答复")
    fresh = record("complaint", actor("alice", "2025-03-04 09:30"), content="太慢")
    return late, fresh


def test_what_is_due_first_stands_first(owing, actor):
    late, fresh = owing
    rows = mine.owed(actor("alice", NOW))
    assert [(row.record.id, row.clock.clause, row.state) for row in rows] == [
        (late.id, "T3.2.3a", "red"),
        (fresh.id, "T3.2.3a", "running"),
        (late.id, "T3.2.3c", "running"),
        (fresh.id, "T3.2.3c", "running"),
    ]
    assert rows[0].step.event == "accept"


@pytest.mark.parametrize("hours, rank", [(-1, 0), (1, 1), (24, 2)])
def test_an_hour_over_stands_before_an_hour_left_before_a_day_left(record, actor, hours, rank):
    complaints = {h: record("complaint", actor("alice", "2025-03-04 09:30")) for h in (24, 1, -1)}
    now = actor("alice", NOW)
    Clock.delete().where(Clock.clause != "T3.2.3a").execute()
    for left, complaint in complaints.items():
        Clock.update(due_at=now.now + timedelta(hours=left)).where(Clock.record_id == complaint.id).execute()
    assert mine.owed(now)[rank].record.id == complaints[hours].id


@pytest.mark.parametrize(
    "at, state",
    [
        ("2025-03-04 15:48", "running"),
        ("2025-03-04 15:49", "yellow"),
        ("2025-03-04 17:30", "yellow"),
        ("2025-03-04 17:30:01", "red"),
    ],
)
def test_the_colour_is_that_of_now_before_the_sweep_has_come_by(owing, actor, at, state):
    yellow_at = local("2025-03-04 15:49")
    Clock.update(yellow_at=yellow_at).where(Clock.record_id == owing[0].id, Clock.clause == "T3.2.3a").execute()
    row = next(row for row in mine.owed(actor("alice", at)) if row.record.id == owing[0].id)
    assert row.state == state


@pytest.mark.pure
@pytest.mark.parametrize(
    "left, told",
    [
        (timedelta(hours=3, minutes=59), "还有 3 小时"),
        (timedelta(minutes=1), "还有 1 分钟"),
        (timedelta(seconds=30), "还有 不到 1 分钟"),
        (timedelta(0), "还有 不到 1 分钟"),
        (timedelta(hours=-30), "已超 30 小时"),
        (timedelta(days=-2), "已超 2 天"),
    ],
)
def test_time_left_is_told_in_words(left, told):
    now = local(NOW)
    assert times.time_left(now + left, now) == told


def test_only_my_own_stand_on_my_desk(owing, actor, sign_in):
    assert mine.owed(actor("amy", NOW)) == []
    assert owing[0].number in sign_in("alice", NOW).get("/").text
    assert owing[0].number not in sign_in("amy", NOW).get("/").text


def test_nothing_is_owed_where_the_plugin_is_off(owing, actor):
    switch(console(local(NOW)), "timeliness", branch(), "off", reason="停用")
    assert mine.owed(actor("alice", NOW)) == []


def decided_by(login, at, actor):
    who = actor(login, at)
    return [(row.record._meta.record, row.step.event) for row in mine.to_decide(who, {branch().id})]


def test_a_report_waits_for_management_and_a_warning_for_the_head(owing, actor):
    work("2025-03-05 09:00")
    report = RectificationReport.get()
    bob = actor("bob", "2025-03-05 09:10")
    report = records.transition(bob, report, "record_cause", {"cause": "人手不足"})
    asked = {"report": report.id, "measure": "增加坐席", "owner": "amy", "due_on": "2025-03-10"}
    records.create(bob, RectificationMeasure, asked, branch=report.branch_id)
    assert decided_by("carol", NOW, actor) == []
    records.transition(bob, report, "submit")
    assert decided_by("carol", NOW, actor) == [("rectification_report", "accept")]
    for other in ("alice", "bob", "erin", "heidi", "auditor"):
        assert decided_by(other, NOW, actor) == []


def report_yellow(login, actor):
    who = actor(login, "2025-03-05 16:00")
    warning = Warning.get(Warning.colour == "yellow", Warning.owner == who.person)
    warning = records.transition(who, warning, "record_cause_and_measure", {"cause": "忙", "measure": "加急"})
    records.transition(who, warning, "report_progress", {"progress": "已联系"})


def test_a_reported_warning_waits_for_the_head_of_its_department_only(owing, actor):
    work("2025-03-05 15:50")
    report_yellow("alice", actor)
    assert ("warning", "mark_seen") in decided_by("bob", "2025-03-05 16:10", actor)
    assert ("warning", "mark_seen") in decided_by("carol", "2025-03-05 16:10", actor)
    assert decided_by("erin", "2025-03-05 16:10", actor) == []


def test_what_waits_in_other_departments_takes_no_place(record, actor, monkeypatch):
    record("complaint", actor("dave", "2025-03-04 09:20"))
    work("2025-03-05 15:49")
    record("complaint", actor("alice", "2025-03-04 09:30"))
    work("2025-03-05 15:50")
    report_yellow("dave", actor)
    report_yellow("alice", actor)
    monkeypatch.setattr(mine, "EACH", 1)
    assert decided_by("bob", "2025-03-05 16:10", actor) == [("warning", "mark_seen")]


def test_what_i_began_stays_on_the_desk_until_it_is_finished(record, actor, sign_in):
    complaint = record("complaint", actor("bob", "2025-03-04 09:30"), owner="amy")
    assert complaint.number in sign_in("bob", NOW).get("/").text
    records.transition(actor("bob", NOW), complaint, "void", {"void_as": "mistake", "void_reason": "误登"})
    assert complaint.number not in sign_in("bob", NOW).get("/").text


def test_drafts_of_mine_lead_back_to_their_form(sign_in):
    for login, title in (("alice", "客户投诉(未提交)"), ("amy", "别人的")):
        key = "/records/complaint/new"
        Draft.create(person=person_by_login(login), key=key, values={}, title=title, saved_at=local(NOW))
    page = sign_in("alice", NOW).get("/").text
    assert '<a href="/records/complaint/new">客户投诉(未提交)</a>' in page
    assert "别人的" not in page


def test_the_number_of_queries_does_not_grow_with_what_is_owed(record, actor, sign_in, queries):
    def cost():
        alice = sign_in("alice", "2025-03-05 11:00")
        alice.get("/")
        del queries[:]
        page = alice.get("/").text
        return len(queries), len(re.findall(r'class="owed ', page))

    for _ in range(3):
        record("complaint", actor("alice", NOW))
        record("complaint", actor("alice", NOW), owner="amy")
    few, rows = cost()
    assert rows == 6
    for _ in range(25):
        record("complaint", actor("alice", NOW))
        record("complaint", actor("alice", NOW), owner="amy")
    many, rows = cost()
    assert rows == 56
    assert many == few


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_desk_fits_the_screen_and_the_browser_has_nothing_to_complain_of(owing, live, width, scheme):
    work("2025-03-05 09:00")
    page = live("alice", width=width, scheme=scheme, at=NOW)
    for address in ("/", "/notices/", "/account/", "/account/password"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.goto("/")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(16, 19, 22)") == (scheme == "dark")
    side = page.locator("#side")
    if width == 360:
        assert not side.is_visible()
        page.click(".drawer-button")
    side.wait_for(state="visible")
    assert page.complaints == []


@pytest.mark.browser
def test_a_danger_is_asked_about_first(live, sign_in):
    other = sign_in("alice", NOW)
    page = live("alice", at=NOW)
    page.goto("/account/")
    page.click("text=退出其他所有浏览器")
    page.click("dialog >> text=取消")
    assert other.get("/").status_code == 200
    page.click("text=退出其他所有浏览器")
    page.click("dialog >> text=确定")
    page.wait_for_selector(".told-green")
    assert other.get("/").status_code == 302
    assert page.complaints == []


@pytest.mark.browser
def test_the_next_step_is_one_press_away(owing, live):
    page = live("alice", at=NOW)
    page.goto("/")
    page.click(".owed-red .next a")
    page.locator("#step-accept").wait_for()
    assert page.url.endswith(f"/records/complaint/{owing[0].id}#step-accept")
    page.wait_for_function("document.activeElement.closest('#step-accept[open]') !== null")
    assert page.complaints == []
