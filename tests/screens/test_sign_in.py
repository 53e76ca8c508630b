"""Signing in and out, one-time links, sessions, throttling, language and theme."""

from datetime import timedelta

import pytest

from core import people
from core.app import create_app
from core.people import Person, Session, person_by_login
from core.screens.sign_in import safe_target
from core.testing import console, local

PASSWORD = "vier-Pferde-im-Nebel"


@pytest.fixture
def known(app):
    """Alice has a password; gives her."""
    alice = person_by_login("alice")
    people.set_password(console(app.config["CLOCK"]()), alice, PASSWORD)
    return alice


def sign_in_with(client, password, path="/sign-in", login="alice"):
    return client.send(path, {"login": login, "password": password})


def test_the_right_password_opens_the_desk(client, known):
    answer = sign_in_with(client, PASSWORD)
    assert (answer.status_code, answer.location) == (302, "/")
    assert "工作台" in client.get("/").text


@pytest.mark.parametrize(
    "login, password",
    [
        pytest.param("alice", "vier-Pferde-im-nebel", id="a wrong password"),
        pytest.param("nobody", PASSWORD, id="an unknown login"),
        pytest.param("bob", "", id="somebody without a password"),
        pytest.param("ali\0ce", PASSWORD + "\0", id="a NUL byte"),
        pytest.param("a" * 500, "b" * 5000, id="far too long"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_everything_else_is_refused_in_the_same_words(client, known, login, password):
    answer = sign_in_with(client, password, login=login)
    assert answer.status_code == (302 if login == "ali\0ce" and password == PASSWORD else 422)
    assert "登录名或密码不正确" in answer.text


def test_a_throttled_login_waits_also_after_a_restart(app, client, known, settings, without):
    for _ in range(settings.sign_in_tries):
        assert "不正确" in sign_in_with(client, "wrong").text
    assert "尝试次数过多" in sign_in_with(client, PASSWORD).text
    again = create_app(settings, without=without)
    again.test_client_class = app.test_client_class
    assert "尝试次数过多" in sign_in_with(again.test_client(), PASSWORD).text
    later = again.config["CLOCK"]() + timedelta(minutes=settings.sign_in_wait_minutes + 1)
    again.config["CLOCK"] = lambda: later
    assert sign_in_with(again.test_client(), PASSWORD).status_code == 302


def test_after_signing_in_one_is_where_one_wanted_to_go(client, known):
    asked = client.get("/notices/?before=7")
    assert asked.status_code == 302
    answer = sign_in_with(client, PASSWORD, asked.location)
    assert answer.location == "/notices/?before=7"


@pytest.mark.parametrize(
    "target, result",
    [
        ("/records/complaint/3?a=b", "/records/complaint/3?a=b"),
        ("https://evil.example/", None),
        ("//evil.example/", None),
        ("/\\evil.example/", None),
        ("/\t/evil.example/", None),
        ("javascript:alert(1)", None),
        ("records", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.pure
def test_nobody_is_led_elsewhere(target, result):
    assert safe_target(target) == result


def test_a_link_signs_in_once_and_asks_for_a_password(app, client, settings):
    alice = person_by_login("alice")
    address = f"/link/{people.make_link(console(app.config['CLOCK']()), alice, settings)}"
    assert "登录" in client.get(address).text  # looking does not spend it
    answer = client.send(address)
    assert (answer.status_code, answer.location) == (302, "/account/password")
    assert "现有密码" not in client.get("/account/password").text
    saved = client.send("/account/password", {"new": PASSWORD, "again": PASSWORD})
    assert (saved.status_code, saved.location) == (302, "/")
    stranger = app.test_client()
    assert "已用过或已过期" in stranger.send(address).text
    assert stranger.get("/").status_code == 302
    assert sign_in_with(stranger, PASSWORD).location == "/"


def test_the_old_password_is_asked_for_once_there_is_one(client, known):
    sign_in_with(client, PASSWORD)
    new = "noch-ein-anderes-Wort"
    assert client.send("/account/password", {"old": "wrong", "new": new, "again": new}).status_code == 422
    assert client.send("/account/password", {"old": PASSWORD, "new": new, "again": "x"}).status_code == 422
    assert client.send("/account/password", {"old": PASSWORD, "new": "short", "again": "short"}).status_code == 422
    assert client.send("/account/password", {"old": PASSWORD, "new": new, "again": new}).status_code == 302


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(app, sign_in):
    here, there = sign_in("alice"), sign_in("alice")
    here.send("/account/password", {"new": PASSWORD, "again": PASSWORD})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302


def test_signing_out_ends_the_session_on_the_server(app, sign_in):
    alice = sign_in("alice")
    name = app.config["SESSION_COOKIE_NAME"]
    stolen = alice.get_cookie(name).value
    assert alice.send("/sign-out").location == "/sign-in"
    thief = app.test_client()
    thief.set_cookie(name, stolen)
    assert thief.get("/").status_code == 302


def test_signing_in_anew_ends_the_session_before(client, known):
    sign_in_with(client, PASSWORD)
    sign_in_with(client, PASSWORD)
    assert [row.ended_at is None for row in Session.select().order_by(Session.id)] == [False, True]


@pytest.mark.parametrize(
    "visits, status",
    [
        pytest.param((119,), 200, id="two hours without a request are allowed"),
        pytest.param((121,), 302, id="more are not"),
        pytest.param((100, 200, 300, 400, 500, 600, 700, 719), 200, id="with requests it lasts twelve hours"),
        pytest.param((100, 200, 300, 400, 500, 600, 700, 721), 302, id="and no longer"),
    ],
)
def test_a_session_ends_by_itself(app, sign_in, visits, status):
    begun = local("2025-03-03 08:00")
    alice = sign_in("alice", begun)
    for minutes in visits:
        app.config["CLOCK"] = lambda minutes=minutes: begun + timedelta(minutes=minutes)
        answer = alice.get("/")
    assert answer.status_code == status


def test_a_person_who_was_deactivated_is_out_at_once(sign_in):
    alice = sign_in("alice")
    people.change_person(console(), person_by_login("alice"), {"is_active": False})
    assert alice.get("/").status_code == 302


def test_a_form_sent_too_late_leads_back_to_its_page(app, sign_in):
    alice = sign_in("alice", "2025-03-03 08:00")
    app.config["CLOCK"] = lambda: local("2025-03-03 18:00")
    answer = alice.send("/account/theme", {"theme": "dark"}, headers={"Referer": "http://localhost/account/"})
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/account/")


def test_a_script_whose_session_is_over_is_told_so(client):
    answer = client.get("/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["status"]) == (401, 401)


def test_ones_own_sessions_are_seen_and_ended(app, sign_in):
    here, there = sign_in("alice"), sign_in("alice")
    bob = sign_in("bob")
    page = here.get("/account/").text
    assert page.count("本浏览器") == 1
    theirs = Session.get(Session.person == person_by_login("bob"))
    here.send("/account/end", {"id": theirs.id})
    assert bob.get("/").status_code == 200  # nobody else's
    here.send("/account/end")
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)


def test_the_language_is_kept(client, known):
    assert "Sign in" in client.send("/language", {"language": "en", "next": "/sign-in"}, follow_redirects=True).text
    sign_in_with(client, PASSWORD)
    assert "Desk" in client.get("/").text
    client.send("/language", {"language": "zh", "next": "/"})
    assert "工作台" in client.get("/").text
    assert Person.get(Person.login == "alice").language == "zh"


def test_the_theme_is_kept(sign_in):
    alice = sign_in("alice")
    assert 'data-theme=""' in alice.get("/").text
    alice.send("/account/theme", {"theme": "dark"})
    assert 'data-theme="dark"' in sign_in("alice").get("/").text
    alice.send("/account/theme", {"theme": "pink"})
    assert Person.get(Person.login == "alice").theme == "dark"


def test_cookies_are_closed_to_scripts_and_other_sites(client, known):
    cookie = sign_in_with(client, PASSWORD).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
