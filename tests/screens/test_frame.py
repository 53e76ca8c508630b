"""What holds of every page: closed to strangers, strict headers, a token on every change, plain errors; and the side bar."""

import re

import peewee
import pytest

from core import access, organisation, people
from core.notices import Notice, tell
from core.people import person_by_login
from core.records import transition
from core.screens.guard import PUBLIC
from core.testing import branch, console, local

NOON = "2025-03-03 12:00"


def addresses(app, method="GET"):
    """Every route that takes a method, as (endpoint, address), with 1 for whatever it wants to know."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if method in rule.methods:
            known = {
                name: 1 if type(rule._converters[name]).__name__ == "IntegerConverter" else "1"
                for name in rule.arguments
            }
            yield rule.endpoint, adapter.build(rule.endpoint, known, method=method)


def test_every_route_is_closed_to_strangers_except_those_in_one_list(app, client):
    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        for endpoint, address in addresses(app, method):
            if endpoint in PUBLIC:
                continue
            answer = client.send(address) if method == "POST" else client.open(address, method=method)
            led_away = answer.status_code == 302 and answer.location.startswith("/sign-in")
            assert led_away or answer.status_code in (400, 401, 404), (method, address, answer.status_code)


def test_every_page_opens_or_says_why_not_under_strict_headers(app, sign_in, record, actor):
    record("complaint", actor("alice", NOON), content="太慢")
    for login in ("alice", "bob", "carol", "admin", "security", "auditor"):
        visitor = sign_in(login, NOON)
        for endpoint, address in addresses(app):
            answer = visitor.get(address)
            assert answer.status_code < 500, (login, address)
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy and "default-src 'self'" in policy, address
            assert answer.headers["X-Content-Type-Options"] == "nosniff", address
            if endpoint not in ("static", "desk.static"):
                assert answer.headers["Cache-Control"] == "no-store", address
            if answer.mimetype == "text/html" and answer.status_code != 302:
                assert_nothing_inline(answer.text, address)
            answer.close()


def assert_nothing_inline(text, address):
    """The policy forbids inline scripts, handlers and styles, and anything from outside: a page must not try."""
    assert not re.search(r"<[^>]+\s(on\w+|style)=", text), address
    assert not re.search(r"<script(?![^>]*\b(src=|type=\"application/json\"))", text), address
    assert "<style" not in text, address
    assert not re.search(r"(src|href)=\"(https?:)?//", text), address


def test_a_change_without_a_token_is_refused(app, sign_in):
    alice = sign_in("alice", NOON)
    answer = alice.post("/account/theme", data={"theme": "dark"})
    assert (answer.status_code, "页面已过期" in answer.text) == (400, True)
    assert person_by_login("alice").theme == ""


def test_a_page_that_there_is_not_is_told_plainly(sign_in):
    answer = sign_in("alice", NOON).get("/nowhere")
    assert answer.status_code == 404
    assert "没有这个页面" in answer.text and "工作台" in answer.text


def test_an_error_raised_on_purpose_is_shown_with_its_status(app, sign_in, record, actor):
    complaint = record("complaint", actor("alice", NOON))
    app.view_functions["health"] = lambda: transition(actor("carol", NOON), complaint, "accept")
    answer = sign_in("alice", NOON).get("/health")
    assert answer.status_code == 403
    assert "没有权限" in answer.text
    asked_by_a_script = sign_in("alice", NOON).get("/health", headers={"Accept": "application/json"})
    assert asked_by_a_script.json["status"] == 403


@pytest.mark.parametrize(
    "text, status, told",
    [
        pytest.param("no such table: secrets", 500, "事故编号", id="the unexpected has a number"),
        pytest.param("database is locked", 503, "稍后再试", id="a locked database"),
        pytest.param("database or disk is full", 507, "磁盘已满", id="a full disk"),
    ],
)
def test_a_failure_tells_nothing_of_the_inside(app, sign_in, text, status, told, caplog):
    def fail():
        raise peewee.OperationalError(text)

    app.view_functions["health"] = fail
    answer = sign_in("alice", NOON).get("/health")
    assert answer.status_code == status
    assert told in answer.text and text not in answer.text
    incident = re.search(r"事故编号 (\w+)", answer.text)
    assert incident is None or incident[1] in caplog.text


def test_health_is_answered_without_a_person(client):
    assert client.get("/health").text == "ok"


# ---- the side bar and the top bar -----------------------------------------------------------------------------------------


def test_somebody_without_a_role_is_told_so_and_can_set_a_password(app, sign_in):
    people.add_person(console(), "ivan", "伊凡", branch())
    ivan = sign_in("ivan", NOON)
    assert "还没有任何角色" in ivan.get("/").text
    assert ivan.get("/account/password").status_code == 200


def test_the_branch_switcher_offers_and_takes_only_what_is_open(sign_in):
    alice = sign_in("alice", NOON)
    assert 'id="branch"' not in alice.get("/").text
    alice.send("/branch", {"branch": "BJ"})
    assert "北京分公司" not in alice.get("/").text
    auditor = sign_in("auditor", NOON)
    assert all(name in auditor.get("/").text for name in ("总公司", "天津分公司", "北京分公司", "广州分公司"))
    answer = auditor.send("/branch", {"branch": "BJ", "next": "/notices/"})
    assert answer.location == "/notices/"
    assert re.search(r'value="BJ" selected', auditor.get("/").text)


def test_somebody_whose_role_is_elsewhere_begins_there(sign_in):
    person = people.add_person(console(), "ivan", "伊凡", branch("TJ"))
    access.grant(console(), person, "staff", branch("BJ"))
    page = sign_in("ivan", NOON).get("/")
    assert page.status_code == 200
    assert "北京分公司" in page.text
    assert organisation.branch_by_code("TJ").name not in page.text


# ---- notices --------------------------------------------------------------------------------------------------------------


def notices_for(login, count=1, **about):
    for number in range(count):
        place = branch().id
        tell(
            [person_by_login(login)],
            local(NOON),
            occasion=f"{login}{number}",
            branch_id=place,
            zh=f"消息{number}",
            en=f"News {number}",
            **about,
        )


def test_the_bell_counts_what_is_unread(sign_in):
    notices_for("alice", 3)
    notices_for("bob", 1)
    alice = sign_in("alice", NOON)
    assert "未读 3 条" in alice.get("/").text
    alice.send("/notices/read")
    assert "未读 0 条" in alice.get("/").text
    assert Notice.select().where(Notice.read_at.is_null()).count() == 1


def test_a_notice_leads_to_its_record_and_is_read_then(sign_in):
    notices_for("alice", 1, record="complaint", record_id=7)
    mine = Notice.get()
    bob = sign_in("bob", NOON)
    assert bob.send("/notices/read", {"id": mine.id}).location == "/notices/"
    assert Notice.get().read_at is None
    alice = sign_in("alice", NOON)
    assert alice.send("/notices/read", {"id": mine.id}).location == "/records/complaint/7"
    assert Notice.get().read_at == local(NOON)


def test_old_notices_are_paged(sign_in):
    notices_for("alice", 60)
    first = sign_in("alice", NOON).get("/notices/").text
    assert "消息59" in first and "消息9<" not in first
    older = re.search(r"/notices/\?before=\d+", first)[0]
    second = sign_in("alice", NOON).get(older).text
    assert "消息9<" in second and "消息59" not in second
