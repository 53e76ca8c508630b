"""The second step of signing in, as a browser meets it: a code of an app, asked of whoever holds such a role, good once."""

import itertools
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest

from core import access, passwords, people, second_factor
from core.access import ROLES
from core.database import db
from core.people import ApiToken, Session, person_by_login
from core.second_factor import SecondFactor
from core.testing import branch, console, local

NOW = local("2025-03-03 10:00")
STEP = timedelta(seconds=30)
PASSWORD = "vier-Pferde-im-Nebel-4"
OTHER = "fuenf-Pferde-im-Nebel-5"


@pytest.fixture(autouse=True)
def clock(app):
    """`clock(moment)` sets the program's clock; it begins at NOW."""

    def at(moment):
        app.config["CLOCK"] = lambda: moment

    at(NOW)
    return at


@pytest.fixture
def with_app(settings):
    """`with_app("alice")` gives somebody a password and an app, set up an hour ago; the app."""

    def given(login):
        person, before = person_by_login(login), NOW - timedelta(hours=1)
        people.set_password(console(before), person, PASSWORD)
        totp = pyotp.TOTP(pyotp.random_base32())
        second_factor.set_up(access.Actor(person, "web", before), totp.secret, totp.at(before))
        return totp

    return given


@pytest.fixture
def enter(app):
    """`enter("alice")` is a browser in which a password was typed."""

    def entered(login, password=PASSWORD):
        visitor = app.test_client()
        assert visitor.send("/sign-in", {"login": login, "password": password}).status_code == 302
        return visitor

    return entered


def where(visitor, path="/"):
    """Where a page leads to; the path itself where it is shown."""
    answer = visitor.get(path)
    return answer.location.partition("?")[0] if answer.status_code == 302 else path if answer.status_code == 200 else ""


def key_shown(page):
    return re.search(r'<code class="qr-key">([A-Z2-7 ]+)</code>', page.text)[1].replace(" ", "")


# ---- the way in ------------------------------------------------------------------------------------------------------


def test_the_whole_way_from_a_link_to_the_desk(app, client, clock, settings):
    link = people.make_link(console(NOW), person_by_login("admin"), settings)
    assert client.send(f"/link/{link}").location == "/account/password"
    assert [where(client, path) for path in ("/", "/people/", "/account/")] == ["/account/password"] * 3
    assert "现有密码" not in client.get("/account/password").text
    assert client.send("/account/password", {"new": PASSWORD, "again": PASSWORD}).location == "/"
    assert where(client) == where(client, "/account/password") == "/sign-in/app"
    assert 'class="qr"' not in client.get("/sign-in/app").text
    assert client.send("/sign-in/app").location == "/sign-in/app"
    page = client.get("/sign-in/app")
    totp = pyotp.TOTP(key_shown(page))
    assert 'class="qr"' in page.text and f"secret={totp.secret}" in page.text
    assert client.send("/sign-in/app", {"code": "000000"}).status_code == 422
    assert key_shown(client.get("/sign-in/app")) == totp.secret  # what was scanned stays good
    assert client.send("/sign-in/app", {"code": totp.at(NOW)}).location == "/"
    assert where(client) == "/"

    again = app.test_client()
    clock(NOW + STEP)
    assert again.send("/sign-in", {"login": "admin", "password": PASSWORD}).location == "/"
    assert where(again) == "/sign-in/code"
    assert again.send("/sign-in/code?next=/people/", {"code": totp.at(NOW + STEP)}).location == "/people/"
    assert where(again, "/people/") == "/people/"


def test_the_secret_lies_in_no_cookie_and_unread_in_the_database(app, enter):
    people.set_password(console(NOW), person_by_login("admin"), PASSWORD)
    visitor = enter("admin")
    visitor.send("/sign-in/app")
    secret = key_shown(visitor.get("/sign-in/app"))
    with visitor.session_transaction() as session:
        assert not {"totp", "secret"} & set(session) and secret not in str(dict(session))
    rows = [row for table in db.get_tables() for row in db.execute_sql(f'SELECT * FROM "{table}"').fetchall()]
    assert len(rows) > 50 and secret not in str(rows)
    assert visitor.send("/sign-in/app", {"code": pyotp.TOTP(secret).at(NOW)}).status_code == 302
    assert Session.select().where(~Session.totp_secret.is_null()).count() == 0
    assert secret not in visitor.get("/account/").text


def test_the_secret_of_another_browser_is_not_shown(enter):
    people.set_password(console(NOW), person_by_login("admin"), PASSWORD)
    one, other = enter("admin"), enter("admin")
    for visitor in (one, other):
        visitor.send("/sign-in/app")
    secrets = [key_shown(visitor.get("/sign-in/app")) for visitor in (one, other)]
    assert secrets[0] != secrets[1]
    assert other.send("/sign-in/app", {"code": pyotp.TOTP(secrets[0]).at(NOW)}).status_code == 422
    assert one.send("/sign-in/app", {"code": pyotp.TOTP(secrets[0]).at(NOW)}).status_code == 302
    assert where(other) == "/sign-in/code"  # set up by now: a code of it is owed everywhere


def test_a_link_asks_for_the_code_of_an_app_that_is_there(client, with_app, settings):
    totp = with_app("admin")
    link = people.make_link(console(NOW), person_by_login("admin"), settings)
    client.send(f"/link/{link}")
    assert where(client) == where(client, "/account/password") == "/sign-in/code"
    client.send("/sign-in/code", {"code": totp.at(NOW)})
    assert where(client) == "/account/password" and "现有密码" not in client.get("/account/password").text
    assert client.send("/account/password", {"new": OTHER, "again": OTHER}).status_code == 302
    assert where(client) == "/"


# ---- of whom it is asked ---------------------------------------------------------------------------------------------


def test_a_code_is_asked_of_whoever_holds_a_role_of_the_setting_and_of_nobody_else(app, clock, settings):
    holders = {role: sorted({p.login for p in access.holders_of(role, branch("TJ").id)}) for role in ROLES}
    tokens, asked = {}, 0
    for login in {login for logins in holders.values() for login in logins}:
        tokens[login] = people.begin_session(person_by_login(login), NOW)
    for role in ROLES:
        app.config["ZHIXING"] = replace(settings, totp_roles=[role])
        for login, token in tokens.items():
            visitor = app.test_client()
            with visitor.session_transaction() as session:
                session["token"] = token
            expected = "/sign-in/app" if login in holders[role] else "/account/"
            assert where(visitor, "/account/") == expected, f"{login}, {role}"
            asked += expected == "/sign-in/app"
    assert asked > 5


def test_a_role_granted_later_asks_at_the_next_request(enter):
    people.set_password(console(NOW), person_by_login("alice"), PASSWORD)
    alice = enter("alice")
    assert where(alice) == "/"
    given = access.grant(console(NOW), person_by_login("alice"), "audit_admin", branch("TJ"))
    assert where(alice) == "/sign-in/app"
    assert alice.get("/", headers={"Accept": "application/json"}).status_code == 401
    access.revoke(console(NOW), given)
    assert where(alice) == "/"


def test_who_need_not_may_have_an_app_and_is_asked_from_then_on(enter):
    people.set_password(console(NOW), person_by_login("alice"), PASSWORD)
    alice = enter("alice")
    assert 'href="/sign-in/app"' in alice.get("/account/").text
    alice.send("/sign-in/app")
    totp = pyotp.TOTP(key_shown(alice.get("/sign-in/app")))
    alice.send("/sign-in/app", {"code": totp.at(NOW)})
    assert "设置于" in alice.get("/account/").text
    assert where(enter("alice")) == "/sign-in/code"


# ---- a code ----------------------------------------------------------------------------------------------------------


def test_a_code_that_was_used_is_refused_in_another_browser(enter, with_app):
    totp = with_app("alice")
    first, second = enter("alice"), enter("alice")
    assert first.send("/sign-in/code", {"code": totp.at(NOW)}).status_code == 302
    for shown in (totp.at(NOW), totp.at(NOW - STEP)):
        answer = second.send("/sign-in/code", {"code": shown})
        assert answer.status_code == 422 and "已用过" in answer.text
    assert where(second) == "/sign-in/code"
    assert second.send("/sign-in/code", {"code": totp.at(NOW + STEP)}).status_code == 302


def test_of_two_browsers_with_the_same_code_at_the_same_moment_one_comes_in(enter, with_app):
    totp, together = with_app("alice"), threading.Barrier(3)
    visitors = [enter("alice") for _ in range(3)]

    def send(visitor):
        together.wait(10)
        try:
            return visitor.send("/sign-in/code", {"code": totp.at(NOW)}).status_code
        finally:
            db.close()

    with ThreadPoolExecutor(3) as pool:
        answers = sorted(pool.map(send, visitors))
    assert answers == [302, 422, 422]
    assert sorted(where(visitor) for visitor in visitors) == ["/", "/sign-in/code", "/sign-in/code"]


def test_codes_wait_after_too_many_tries_and_a_new_browser_does_not_help(app, enter, with_app, clock, settings):
    totp, visitor = with_app("alice"), enter("alice")
    for n in range(settings.sign_in_tries):
        assert "不正确" in visitor.send("/sign-in/code", {"code": f"{n:06d}"}).text
    for each in (visitor, enter("alice")):
        assert "尝试次数过多" in each.send("/sign-in/code", {"code": totp.at(NOW)}).text
    later = NOW + timedelta(minutes=settings.sign_in_wait_minutes)
    clock(later)
    assert visitor.send("/sign-in/code", {"code": totp.at(later)}).status_code == 302


@pytest.mark.parametrize("typed", ["", " ", "x" * 5000, "\0", "123 456 789", "１２３４５６", "-00001"])
def test_what_is_no_code_is_told_so(enter, with_app, typed):
    with_app("alice")
    assert enter("alice").send("/sign-in/code", {"code": typed}).status_code == 422


def test_the_code_may_be_typed_with_a_space(enter, with_app):
    shown = with_app("alice").at(NOW)
    assert enter("alice").send("/sign-in/code", {"code": f" {shown[:3]} {shown[3:]} "}).status_code == 302


def test_the_step_of_the_code_is_not_there_for_others(client, sign_in):
    assert where(client, "/sign-in/code") == "/sign-in"
    assert where(sign_in("alice", NOW), "/sign-in/code") == "/"
    assert client.send("/sign-in/app").location == "/sign-in"


def test_an_api_token_needs_no_code_and_ends_with_its_person(app):
    admin, bare = person_by_login("admin"), app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {people.make_token(console(NOW), admin)}"}
    assert bare.get("/api/v1/openapi.json", headers=headers).status_code == 200
    people.change_person(console(NOW), admin, {"is_active": False})
    assert bare.get("/api/v1/openapi.json", headers=headers).status_code == 401


# ---- limits of a session ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "minutes_idle, hours, requests, lives",
    [
        pytest.param(120, 12, [7200], True, id="exactly at the idle limit"),
        pytest.param(120, 12, [7201], False, id="a second past it"),
        pytest.param(5, 12, [240, 540], True, id="counted from the last request"),
        pytest.param(5, 12, [240, 541], False, id="a second past that"),
        pytest.param(
            120, 12, [*range(3600, 43200, 3600), 43200], True, id="exactly at the absolute limit, though used"
        ),
        pytest.param(120, 12, [*range(3600, 43200, 3600), 43201], False, id="a second past it, though used"),
        pytest.param(600, 1, [3600], True, id="as the setting says"),
        pytest.param(600, 1, [3601], False, id="and no longer"),
    ],
)
@pytest.mark.parametrize("step", ["whole", "half"])
def test_a_session_ends_at_the_exact_second(app, clock, with_app, settings, minutes_idle, hours, requests, lives, step):
    app.config["ZHIXING"] = replace(settings, session_idle_minutes=minutes_idle, session_hours=hours)
    with_app("alice")
    visitor = app.test_client()
    with visitor.session_transaction() as session:
        code_at = NOW if step == "whole" else None
        session["token"] = people.begin_session(person_by_login("alice"), NOW, code_at=code_at)
    for seconds in requests:
        clock(NOW + timedelta(seconds=seconds))
        led_to = where(visitor)
    inside = "/" if step == "whole" else "/sign-in/code"
    assert led_to == (inside if lives else "/sign-in")


# ---- passwords -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy, days, led_to",
    [("mlps", 90, "/"), ("mlps", 91, "/account/password"), ("asvs", 91, "/"), ("asvs", 3000, "/")],
)
def test_an_old_password_is_changed_first(enter, monkeypatch, policy, days, led_to):
    monkeypatch.setitem(passwords.in_force, "name", policy)
    alice = person_by_login("alice")
    people.set_password(console(NOW - timedelta(days=days)), alice, PASSWORD)
    visitor = enter("alice")
    assert where(visitor) == led_to
    if led_to != "/":
        page = visitor.get("/account/password").text
        assert "密码已到期" in page and "现有密码" in page and 'class="side"' not in page
        answer = visitor.send("/account/password", {"old": PASSWORD, "new": PASSWORD, "again": PASSWORD})
        assert answer.status_code == 422 and "最近 5 次" in answer.text
        assert visitor.send("/account/password", {"old": PASSWORD, "new": OTHER, "again": OTHER}).status_code == 302
        assert where(visitor) == "/"


def test_nobody_is_led_away_from_their_work_when_the_password_grows_old(clock, enter):
    people.set_password(console(NOW - timedelta(days=90, hours=-1)), person_by_login("alice"), PASSWORD)
    visitor = enter("alice")
    clock(NOW + timedelta(hours=1, minutes=30))
    assert where(visitor) == "/" and where(enter("alice")) == "/account/password"


@pytest.mark.parametrize(
    "policy, password, told",
    [
        ("mlps", "Abc-123", ["8 到 200"]),
        ("mlps", "abcdefgh", ["3 类"]),
        ("mlps", "xAlice-123", ["登录名"]),
        ("mlps", "alice", ["8 到 200", "3 类", "登录名"]),
        ("asvs", "Abcdef-12345", []),
        ("asvs", "kurz", ["12 到 200"]),
        ("asvs", "password1234", ["常见"]),
    ],
)
def test_the_page_tells_all_that_the_policy_finds(sign_in, monkeypatch, policy, password, told):
    monkeypatch.setitem(passwords.in_force, "name", policy)
    answer = sign_in("alice", NOW).send("/account/password", {"new": password, "again": password})
    assert answer.status_code == (422 if told else 302)
    assert [each for each in told if each not in answer.text] == []


# ---- help from an administrator --------------------------------------------------------------------------------------


def test_a_reset_ends_all_and_the_new_link_begins_anew(app, sign_in, enter, with_app, client):
    totp = with_app("alice")
    alice = enter("alice")
    alice.send("/sign-in/code", {"code": totp.at(NOW)})
    people.make_token(console(NOW), person_by_login("alice"))
    security = sign_in("security", NOW)
    assert "已设置身份验证器" in security.get("/people/alice").text
    refused = security.send("/people/alice/reset", {"reason": " "})
    assert refused.status_code == 422 and "请写明原因" in refused.text and where(alice) == "/"
    page = security.send("/people/alice/reset", {"reason": "手机丢失"})
    link = re.search(r"/link/[\w-]+", page.text)[0]
    assert where(alice) == "/sign-in" and not SecondFactor.select().exists()
    assert not ApiToken.select().where(ApiToken.ended_at.is_null()).exists()
    assert app.test_client().send("/sign-in", {"login": "alice", "password": PASSWORD}).status_code == 422
    client.send(link)
    assert where(client) == "/account/password"
    refused = client.send("/account/password", {"new": PASSWORD, "again": PASSWORD})
    assert refused.status_code == 422 and "最近 5 次" in refused.text  # a reset does not make one forget
    client.send("/account/password", {"new": OTHER, "again": OTHER})
    assert where(client) == "/"


@pytest.mark.parametrize("act", ["reset", "unlock", "link"])
def test_nobody_else_helps(sign_in, with_app, act):
    person = people.add_person(console(), "branch_security", "北京安全员", branch("BJ"))
    access.grant(console(), person, "security_admin", branch("BJ"))
    with_app("alice")
    for who, whom in itertools.product(("admin", "auditor", "bob", "carol", "branch_security"), ("alice", "security")):
        if who == "admin" and whom == "alice" and act != "reset":
            continue  # of those who administer nothing, a system administrator unlocks the door, and no more
        answer = sign_in(who, NOW).send(f"/people/{whom}/{act}", {"reason": "x"})
        assert answer.status_code in (403, 404), f"{who}, {whom}"
    assert SecondFactor.select().count() == 1 and not people.OneTimeLink.select().exists()


def test_nobody_helps_themselves_around_the_second_step(sign_in, with_app, settings):
    with_app("security")
    security = sign_in("security", NOW)
    for act, status in (("reset", 403), ("unlock", 403), ("link", 422)):
        assert security.send(f"/people/security/{act}", {"reason": "x"}).status_code == status
    page = security.get("/people/security").text
    assert "生成登录链接" not in page and "重置登录方式" not in page
    assert second_factor.of(person_by_login("security"))


def test_who_waits_is_unlocked_by_an_administrator(app, sign_in, with_app, settings):
    totp, page = with_app("alice"), "/people/alice"
    admin = sign_in("admin", NOW)
    assert "登录已锁定" not in admin.get(page).text
    for _ in range(settings.sign_in_tries):
        app.test_client().send("/sign-in", {"login": "alice", "password": "x"})
    assert "登录已锁定" in admin.get(page).text
    assert app.test_client().send("/sign-in", {"login": "alice", "password": PASSWORD}).status_code == 422
    admin.send(f"{page}/unlock")
    assert "登录已锁定" not in admin.get(page).text
    alice = app.test_client()
    alice.send("/sign-in", {"login": "alice", "password": PASSWORD})
    assert alice.send("/sign-in/code", {"code": totp.at(NOW)}).status_code == 302


# ---- one's own sessions ----------------------------------------------------------------------------------------------


def test_ones_sessions_are_listed_and_ended_one_by_one(enter, with_app, sign_in):
    totp = with_app("alice")
    here, half, other = enter("alice"), enter("alice"), sign_in("alice", NOW)
    here.send("/sign-in/code", {"code": totp.at(NOW)})
    bob = sign_in("bob", NOW)
    page = here.get("/account/").text
    assert page.count("本浏览器") == 1 and page.count("未输入验证码") == 1
    mine = {int(found) for found in re.findall(r'name="id" value="(\d+)"', page)}
    assert len(mine) == 2
    theirs = Session.get(Session.person == person_by_login("bob")).id
    for wrong in (theirs, "x", "", "9" * 30, -1):
        assert here.send("/account/end", {"id": wrong}).status_code == 404
    assert (where(bob), where(half), where(other)) == ("/", "/sign-in/code", "/")
    newest = max(mine)
    assert here.send("/account/end", {"id": newest}).status_code == 302
    assert (where(here), where(half), where(other)) == ("/", "/sign-in/code", "/sign-in")
    assert here.send("/account/end", {"id": newest}).status_code == 404
    here.send("/account/end")
    assert (where(here), where(half), where(bob)) == ("/", "/sign-in", "/")
