"""Every route there is: a token on each change, no change by looking, strict headers, errors that tell nothing, no redirect away."""

import logging
import re
from urllib.parse import urlsplit

import peewee
import pytest

from core import drafts, notices, people
from core.app import create_app
from core.database import db
from core.errors import ZhixingError
from core.people import person_by_login, set_password
from core.settings import Settings
from core.testing import branch, console
from tests.house.conftest import DRILL, NOW
from tests.house.routes import SAFE, addresses, ask, digest

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ELSEWHERE = ("https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\tevil.example",
             "https:evil.example", "javascript:alert(1)", "/%09/evil.example", " //evil.example")  # fmt: skip
SECRET = "geheimnis /srv/secret.py SELECT person"
LEAVES = {"sign_in.out", "account.end", "account.password"}  # asked last, or not at all: they end the session


@pytest.fixture
def root(sign_in, all_may):
    """Who may do everything, signed in."""
    return sign_in("root", NOW)


def walked(app, filled):
    """Every route once for a row of each record type (routes without a record come once), [(rule, method, path)]."""
    found = {}
    for rows in filled.values():
        found.update({(method, path): (rule, method, path) for rule, method, path in addresses(app, rows[0])})
    return list(found.values())


def test_every_change_is_refused_without_a_token_and_changes_nothing(app, root, api, filled):
    bearer, before, asked = api("root").client, digest(), 0
    for rule, method, path in walked(app, filled):
        if method in SAFE:
            continue
        by_api = rule.endpoint.startswith("api.")
        answer = (root if not by_api else bearer).open(path, method=method, data={"reason": "x", "owner": "amy"})
        assert answer.status_code == (401 if by_api else 400), f"{method} {path}: {answer.status_code}"
        asked += 1
    assert asked > 80
    assert digest() == before


def test_a_forged_token_or_that_of_another_session_is_refused(app, root, sign_in, filled):
    root.get("/account/")
    other, before = sign_in("alice", NOW), digest()
    other.get("/account/")
    foreign = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', other.get("/account/").text)[1]
    for token in ("x", "", foreign, foreign[:-1]):
        for path in ("/account/theme", "/sign-out", "/records/complaint/bulk"):
            assert root.post(path, data={"csrf_token": token, "theme": "dark"}).status_code == 400, (token, path)
    assert digest() == before


def test_the_session_of_a_browser_does_not_open_the_api(app, root, filled):
    for rule, method, path in walked(app, filled):
        if rule.endpoint.startswith("api."):
            assert root.open(path, method=method, json={}).status_code == 401, f"{method} {path}"


def test_looking_changes_nothing(app, root, api, filled):
    caller, before, asked = api("root"), None, 0
    before = digest()
    for rule, method, path in walked(app, filled):
        if method in SAFE:
            answer = caller.ask(method, path) if rule.endpoint.startswith("api.") else root.get(path)
            assert answer.status_code < 500, f"{path}: {answer.status_code}"
            answer.get_data()
            asked += 1
    assert asked > 60
    now = digest()
    assert [table for table in now if now[table] != before[table]] == []


def test_every_answer_carries_the_strict_headers(app, client, root, api, filled):
    caller = api("root")
    wrong = []
    paths = [(m, p) for _, m, p in walked(app, filled)] + [
        ("GET", "/nowhere"),
        ("GET", "/api/v1/x/y/z/0"),
        ("PUT", "/"),
    ]
    for method, path in paths:
        for asker in (client, root) if method in SAFE else (client,):
            answer = asker.open(path, method=method)
            wrong += [f"{method} {path}: {fault}" for fault in header_faults(answer)]
        if path.startswith("/api"):
            wrong += [f"{method} {path}: {fault}" for fault in header_faults(caller.ask("GET", path))]
    assert wrong == []


def header_faults(answer):
    """What an answer's headers lack."""
    policy = answer.headers.get("Content-Security-Policy", "")
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";") if " " in part.strip())
    faults = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    faults += ["unsafe"] if "unsafe" in policy or "*" in policy else []
    for name, value in (("default-src", "'self'"), ("script-src", "'self'"), ("style-src", "'self'"), ("object-src", "'none'"),
                        ("base-uri", "'none'"), ("form-action", "'self'"), ("frame-ancestors", "'none'")):  # fmt: skip
        faults += [name] if rules.get(name) != value else []
    faults += [f"{name} is not ASCII" for name, value in answer.headers if not value.isascii()]  # no server sends it
    answer.get_data()
    return faults


def test_no_page_needs_what_the_policy_forbids(app, root, filled):
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)[^>]*>\s*\S|\son[a-z]+\s*=\s*[\"']|\sstyle\s*=|<style|javascript:", re.I
    )
    wrong = []
    for _, method, path in walked(app, filled):
        if method in SAFE:
            answer = root.get(path)
            if answer.mimetype == "text/html":
                wrong += [f"{path}: {found[0]}" for found in [inline.search(answer.text)] if found]
    assert wrong == []


def test_behind_tls_cookies_are_of_this_host_only(settings, without, group):
    made = create_app(Settings(home=settings.home, database=settings.database, behind_tls=True), without=without)
    answer = made.test_client().get("/sign-in", base_url="https://zhixing.example")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-") and {"secure", "httponly", "path=/"} <= parts, cookie
        assert not any(part.startswith("domain") for part in parts), cookie
        assert any(part in ("samesite=lax", "samesite=strict") for part in parts), cookie
    for scheme in ("https", "http"):  # a proxy in front may speak http to us
        answer = made.test_client().get("/sign-in", base_url=f"{scheme}://zhixing.example")
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_an_error_tells_an_incident_number_and_nothing_else(app, root, api, filled, caplog):
    class Own(ZhixingError):
        status = 500

    def fails(**values):
        raise raised

    caller, routes = api("root"), walked(app, filled)
    for endpoint in {rule.endpoint for rule, _, _ in routes}:
        app.view_functions[endpoint] = fails
    for raised in (RuntimeError(SECRET), Own(SECRET)):
        for rule, method, path in routes if isinstance(raised, RuntimeError) else routes[:20]:
            by_api = rule.endpoint.startswith("api.")
            answer = caller.ask(method, path, {}) if by_api else ask(root, method, path)
            assert answer.status_code == 500, f"{method} {path}: {answer.status_code}"
            told = answer.text
            found = re.search(r"(?:Incident |事故编号 )([0-9a-f]{8})", told)
            assert found and found[1] in caplog.text, f"{method} {path}"
            for word in ("geheimnis", "secret.py", "SELECT", "Traceback", "RuntimeError", "Own", 'File "'):
                assert word not in told, f"{method} {path} tells {word}"


def test_no_route_leads_elsewhere(app, client, sign_in, all_may, filled):
    rounds = ELSEWHERE if DRILL else [None]
    for place, target in enumerate(rounds):
        client = sign_in("root", NOW)
        for number, (rule, method, path) in enumerate(walked(app, {"complaint": filled["complaint"]})):
            if rule.endpoint.startswith("api.") or rule.endpoint in LEAVES:
                continue
            target = rounds[place] or ELSEWHERE[number % len(ELSEWHERE)]
            options = {"query_string": {"next": target, "back": target, "url": target, "return_to": target}}
            form = {"next": target, "back": target, "url": target, "language": "zh", "branch": "TJ"}
            answer = ask(client, method, path, form, headers={"Referer": target.strip().replace("\t", "")}, **options)
            check_target(answer, f"{method} {path} {target!r}")
    for target in ELSEWHERE:
        answer = app.test_client().get("/", query_string={"next": target}, headers={"Host": "evil.example"})
        assert answer.status_code in (302, 400)
        assert "//evil" not in (answer.location or "").split("?")[0]


def check_target(answer, told):
    """Fail where an answer leads out of the program."""
    where = urlsplit(answer.location or "/")
    assert where.netloc in ("", "localhost") and where.scheme in ("", "http"), f"{told}: {answer.location}"
    assert not (answer.location or "/").lstrip("\t ").startswith(("//", "/\\", "\\")), f"{told}: {answer.location}"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_nowhere_else(app, client, settings, group, target):
    set_password(group.console(), person_by_login("alice"), "eine sehr lange Losung 42")
    answer = client.send(
        "/sign-in", {"login": "alice", "password": "eine sehr lange Losung 42"}, query_string={"next": target}
    )
    assert answer.status_code == 302, answer.text
    check_target(answer, target)


def test_what_waits_to_be_seen_is_not_changed_by_looking(app, client, root, all_may, settings, filled):
    token = people.make_link(console(NOW), person_by_login("alice"), settings)
    notices.tell([all_may], NOW, zh="通知", en="notice", occasion="x", branch_id=branch("TJ").id)
    drafts.keep(all_may, "/records/complaint/new", {"content": "草稿"}, "草稿", NOW)
    root.get("/account/")
    before = digest()
    for method in ("GET", "HEAD", "OPTIONS"):
        for number, (rule, _, path) in enumerate(walked(app, filled)):
            if not rule.endpoint.startswith("api.") and (method == "GET" or DRILL or number % 5 == 0):
                root.open(path, method=method).get_data()
        for path in (f"/link/{token}", "/records/complaint/new?draft=1", "/notices/?all=1", "/sign-in?next=/account/"):
            root.open(path, method=method)
            client.open(path, method=method)
    now = digest()
    assert [table for table in now if now[table] != before[table]] == []
    assert people.use_link(token, NOW).login == "alice", "the link is still good"


def test_a_one_time_link_stands_in_no_log(app, client, settings, group, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    app.config["CLOCK"] = lambda: NOW
    token = people.make_link(console(NOW), person_by_login("alice"), settings)

    def fails(*values):
        raise RuntimeError("x")

    monkeypatch.setattr(people, "use_link", fails)
    answers = [
        client.send(f"/link/{token}"),
        client.get(f"/link/{token}/more"),
        client.send("/link/x%0aincident forged"),
    ]
    monkeypatch.setattr("core.database.refresh", fails)
    answers += [client.get(f"/link/{token}"), client.get(f"/link/{token}/more"), client.get(f"/{token}")]
    assert [answer.status_code for answer in answers] == [500, 302, 500, 500, 500, 500]
    assert token not in caplog.text and "\nincident forged" not in caplog.text
    assert len([line for line in caplog.messages if line.startswith("incident ")]) == 5


def test_an_error_before_and_beside_a_page_is_told_no_otherwise(app, root, api, filled, monkeypatch):
    caller = api("root")

    def broken(*values, **options):
        raise peewee.OperationalError(SECRET)

    monkeypatch.setattr(db.obj, "execute_sql", broken)  # the database is gone, for the error page too
    for answer in (root.get("/"), root.get("/records/complaint/"), root.get("/sign-in"), root.send("/account/theme"),
                   caller.get("complaint"), app.test_client().get("/nowhere")):  # fmt: skip
        assert answer.status_code == 500 and header_faults(answer) == []
        assert re.search(r"(?:Incident |事故编号 )[0-9a-f]{8}", answer.text), answer.request.path
        assert "geheimnis" not in answer.text and "SELECT" not in answer.text
