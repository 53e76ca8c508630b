"""Every page of administration: open to who may, closed to who may not, absent outside one's branches."""

import re

import pytest

from core.access import grant
from core.business_calendar import CalendarVersion
from core.organisation import Branch, Department
from core.people import Person, add_person
from core.switches import SwitchEntry
from core.testing import branch, console, work

MONDAY = "2025-03-03 10:00"
PAGES = {
    # address: who may open it
    "/organisation/": {"admin", "tim"},
    "/organisation/TJ": {"admin", "tim"},
    "/people/": {"admin", "tim", "security", "auditor"},
    "/people/~add": {"admin", "tim"},
    "/people/alice": {"admin", "tim", "security", "auditor"},
    "/plugins/": {"admin", "tim", "auditor"},
    "/plugins/timeliness/TJ": {"admin", "tim", "auditor"},
    "/plugins/cases/TJ": {"admin", "tim", "auditor"},
    "/questions/": {"admin", "tim"},
    "/questions/complaint": {"admin", "tim"},
    "/limits/": {"admin", "tim"},
    "/limits/timeliness.complaint_contact": {"admin", "tim"},
    "/calendar/": {"admin", "tim"},
    "/calendar/?year=2026&limit=3+business+days&from=2026-02-13T10:00": {"admin", "tim"},
    "/clauses/": {"admin", "tim", "auditor"},
    "/clauses/?regulation=timeliness&status=uncovered": {"admin", "tim", "auditor"},
    "/findings/": {"admin", "tim", "auditor", "carol"},
    "/audit/": {"auditor"},
    "/audit/heads.csv": {"auditor"},
    "/audit/heads.json": {"auditor"},
    "/jobs/": {"admin", "tim", "auditor"},
    "/measures/": {"auditor", "alice", "carol"},
    "/measures/?by=person&period=2025": {"auditor", "alice", "carol"},
    "/measures/export.csv?by=department": {"auditor", "alice", "carol"},
    "/measures/attainment_rate/rows?branch=TJ": {"auditor", "alice", "carol"},
}
EVERYONE = ("admin", "tim", "security", "auditor", "alice", "carol")
OUTSIDE = (
    "/organisation/BJ",
    "/people/frank",
    "/people/~add?branch=BJ",
    "/people/alice?at=BJ",
    "/plugins/timeliness/BJ",
    "/questions/complaint?branch=BJ",
    "/questions/complaint?branch=HQ",
    "/limits/?branch=BJ",
    "/limits/timeliness.complaint_contact?branch=HQ",
    "/calendar/?branch=BJ",
    "/calendar/?branch=HQ",
)


@pytest.fixture
def tim(app):
    """The administrator of TJ alone."""
    person = add_person(console(), "tim", "天津管理员", branch("TJ"))
    grant(console(), person, "system_admin", branch("TJ"))
    return person


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_for_who_may_and_for_nobody_else(tim, sign_in, record, actor, path):
    record("complaint", actor("alice", MONDAY), content="理赔太慢")
    work("2025-03-04 17:30:01")
    opened = {login: sign_in(login, "2025-03-05 10:00").get(path).status_code for login in EVERYONE}
    assert opened == {login: 200 if login in PAGES[path] else 403 for login in EVERYONE}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_complete_in_english(sign_in, path, tim):
    visitor = sign_in(sorted(PAGES[path] - {"tim", "security"})[0], MONDAY)
    visitor.send("/language", {"language": "en"})
    page = visitor.get(path)
    assert page.status_code == 200
    if page.mimetype == "text/html":
        shown = re.search(r"<main.*</main>", page.text, re.S)[0]
        for text in sorted(data(), key=len, reverse=True):
            shown = shown.replace(text, "")
        assert not re.findall(r"[\u4e00-\u9fff]+", re.sub(r"<textarea.*?</textarea>", "", shown, flags=re.S))


def data():
    """Whatever people or notices wrote, which is in the language in which they wrote it."""
    for model in (Branch, Department, Person):
        yield from (row.name for row in model.select())
    yield from (entry.reason for entry in SwitchEntry.select())
    for version in CalendarVersion.select():
        yield version.source
        yield from (*version.content.get("off", {}).values(), *version.content.get("on", {}).values())


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_lies_outside_ones_branches_is_not_there(tim, sign_in, path):
    assert sign_in("tim", MONDAY).get(path).status_code == 404


@pytest.mark.parametrize("path", [path for path in PAGES if "heads" not in path and "export" not in path])
def test_a_page_carries_nothing_that_the_policy_forbids(sign_in, tim, path):
    text = sign_in(sorted(PAGES[path] - {"tim", "security"})[0], MONDAY).get(path).text
    assert not re.search(r"\son\w+=|\sstyle=|<script(?![^>]*src=)|<style", text)


def test_names_of_fields_on_a_page_lead_to_one_control_each(sign_in, tim):
    for path in PAGES:
        page = sign_in(sorted(PAGES[path] - {"tim", "security"})[0], MONDAY).get(path)
        if page.mimetype == "text/html":
            ids = re.findall(r'\sid="([^"]+)"', page.text)
            assert len(ids) == len(set(ids)), path
            assert set(re.findall(r'<label[^>]* for="([^"]+)"', page.text)) <= set(ids), path


@pytest.mark.browser
def test_pages_fit_a_phone_and_the_console_has_nothing_to_complain_of(live, tim, record, actor):
    record("complaint", actor("alice", MONDAY), content="理赔太慢")
    work("2025-03-04 17:30:01")
    pages = {login: live(login, width=360, scheme="dark", at="2025-03-05 10:00") for login in ("admin", "auditor")}
    for path, logins in PAGES.items():
        if "heads" not in path and "export" not in path:
            page = pages["admin" if "admin" in logins else "auditor"]
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
            assert page.complaints == [], path


@pytest.mark.browser
def test_a_question_is_designed_and_published_with_the_mouse_alone(live):
    page = live("admin", at=MONDAY)
    page.goto("/questions/complaint?branch=TJ")
    page.get_by_role("button", name="添加问题").click()
    page.get_by_label("问题(中文)").fill("回执号")
    page.get_by_label("代号").fill("receipt_no")
    page.get_by_role("button", name="预览影响").last.click()
    assert page.get_by_text("发布前请看").is_visible()
    page.get_by_role("button", name="发布新版").click()
    assert page.get_by_text("第 1 版已发布").is_visible()
    assert page.complaints == []
