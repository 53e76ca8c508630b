"""Who gets in, and every error told as a problem document."""

from datetime import UTC, datetime

import pytest

from core import handover
from core.database import db, refresh
from core.people import ApiToken, begin_session, person_by_login
from core.testing import console

MEMBERS = {"type", "title", "status", "detail", "errors"}


def is_problem(response, status, code):
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    assert set(response.json) >= MEMBERS
    assert (response.json["status"], response.json["type"]) == (status, f"urn:zhixing:problem:{code}")
    assert response.json["title"] and response.json["detail"]
    return True


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Authorization": ""}, id="no token"),
        pytest.param({"Authorization": "Bearer zx_wrong"}, id="an unknown token"),
        pytest.param({"Authorization": "Basic YWxpY2U6eA=="}, id="a password"),
        pytest.param({"Authorization": "Bearer"}, id="a bearer of nothing"),
    ],
)
@pytest.mark.parametrize("path", ["", "me", "openapi.json", "complaint", "complaint/1/history"])
def test_nothing_is_told_without_a_token(api, headers, path):
    response = api("alice").ask("GET", path, headers=headers)
    assert is_problem(response, 401, "no-token")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_signed_in_browser_does_not_count(app, settings, api, group):
    alice = api("alice")
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["token"] = begin_session(person_by_login("alice"), datetime.now(UTC))
    assert browser.get("/account/").status_code == 200
    assert is_problem(browser.get("/api/v1/me"), 401, "no-token")
    assert is_problem(browser.post("/api/v1/complaint", json={"content": "x"}), 401, "no-token")
    assert alice.get("complaint").json["items"] == []


def test_a_token_ends_with_its_person(api, actor):
    frank = api("frank")
    assert frank.get("me").json["login"] == "frank"
    handover.deactivate(console(), person_by_login("frank"), reason="离职")
    assert is_problem(frank.get("me"), 401, "no-token")


def test_a_token_that_was_ended_is_refused(api):
    frank = api("frank")
    ApiToken.update(ended_at=console().now).execute()
    assert is_problem(frank.get("me"), 401, "no-token")


def test_a_token_writes_without_a_form_token_and_as_its_person(api):
    made = api("alice").post("complaint", {"content": "理赔太慢"})
    assert (made.status_code, made.json["recorded_by"]) == (201, "alice")
    entry = api("alice").get(f"complaint/{made.json['id']}/history").json["items"][0]
    assert (entry["actor"], entry["via"], entry["event"]) == ("alice", "api", "create")


@pytest.mark.parametrize(
    "method, path, options, status, code",
    [
        pytest.param("GET", "no_such_record", {}, 404, "not-found", id="a record type that there is not"),
        pytest.param("GET", "complaint/99", {}, 404, "not-found", id="a record that there is not"),
        pytest.param("GET", "complaint/" + "9" * 40, {}, 404, "not-found", id="an id beyond all ids"),
        pytest.param("GET", "complaint/TS-1", {}, 404, "not-found", id="an id that is no number"),
        pytest.param("GET", "complaint/1/nothing/here", {}, 404, "not-found", id="an address that there is not"),
        pytest.param("DELETE", "complaint", {}, 405, "method-not-allowed", id="a method that there is not"),
        pytest.param("PUT", "complaint/1", {"json": {}}, 405, "method-not-allowed", id="a record is not put"),
        pytest.param("POST", "complaint", {"data": "{"}, 415, "not-json", id="no content type"),
        pytest.param("POST", "complaint", {"data": {"content": "x"}}, 415, "not-json", id="a form"),
        pytest.param("POST", "complaint", {"text": "{"}, 400, "malformed", id="half a document"),
        pytest.param("POST", "complaint", {"text": ""}, 400, "malformed", id="nothing"),
        pytest.param("POST", "complaint", {"text": "[]"}, 400, "malformed", id="a list"),
        pytest.param("POST", "complaint", {"text": '{"content": NaN}'}, 400, "malformed", id="not a number"),
        pytest.param("POST", "complaint", {"text": b'{"content": "\xff"}'}, 400, "malformed", id="another encoding"),
        pytest.param("POST", "complaint", {"text": "[" * 100_000}, 400, "malformed", id="a thousand brackets"),
        pytest.param("POST", "complaint", {"json": {"colour": 1}}, 422, "refused", id="a field that there is not"),
        pytest.param("POST", "complaint", {"json": {"branch": "BJ"}}, 403, "denied", id="another branch"),
        pytest.param("POST", "complaint", {"json": {"branch": "GZ"}}, 409, "switched-off", id="a plugin that is off"),
        pytest.param("POST", "complaint", {"json": {"branch": "XX"}}, 422, "refused", id="no such branch"),
    ],
)
def test_every_error_is_a_problem(api, method, path, options, status, code):
    if "text" in options:
        options = {"data": options["text"], "content_type": "application/json"}
    assert is_problem(api("alice").ask(method, path, **options), status, code)


def test_a_method_that_is_not_possible_names_those_that_are(api):
    response = api("alice").ask("DELETE", "complaint")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))
    assert "POST" in response.json["detail"]


def test_what_is_no_record_type_is_not_written_to(api):
    for path in ("me", "measures", "openapi.json"):
        assert is_problem(api("alice").post(path, {}), 405, "method-not-allowed")
    assert is_problem(api("alice").post("nonsense", {}), 404, "not-found")


def test_an_address_that_there_is_not_sends_no_program_to_sign_in(app, settings):
    client = app.test_client()
    assert is_problem(client.get("/api/v1/complaint/x/y"), 404, "not-found")
    assert is_problem(client.delete("/api/v1/complaint"), 405, "method-not-allowed")


def test_too_much_is_refused(api, app, monkeypatch):
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1000)
    response = api("alice").post("complaint", {"content": "长" * 1000})
    assert is_problem(response, 413, "too-large")


def test_a_fault_of_the_program_tells_its_incident_and_nothing_else(api, monkeypatch, caplog):
    alice = api("alice")
    execute = db.obj.execute_sql

    def broken(sql, *rest):
        if '"complaint"' in sql:
            raise RuntimeError("the password is swordfish")
        return execute(sql, *rest)

    monkeypatch.setattr(db.obj, "execute_sql", broken)
    response = alice.get("complaint")
    assert is_problem(response, 500, "failed")
    assert "swordfish" not in response.text
    assert response.json["incident"] in caplog.text


@pytest.mark.parametrize(
    "headers, title",
    [
        pytest.param({"Accept-Language": "en"}, "Not found", id="English where the request accepts it"),
        pytest.param({"Accept-Language": "zh-CN,zh;q=0.9"}, "没有找到", id="Chinese where the request accepts it"),
        pytest.param({"Accept-Language": "fr"}, "没有找到", id="else the installation's"),
    ],
)
def test_a_problem_speaks_the_language_asked_for(api, headers, title):
    refresh()
    assert api("alice").ask("GET", "complaint/99", headers=headers).json["title"] == title
    assert api("alice").ask("GET", "a/b/c", headers=headers).json["title"] == title
