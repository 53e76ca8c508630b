"""Blind to other branches: over every record type and every route, nothing of BJ is told to TJ or changed by it."""

import pytest

from core.audit import AuditEntry
from core.plugins import registry
from core.testing import models, work

TOKENS = ("alice", "bob", "carol")


@pytest.fixture
def of_beijing(record, actor):
    """A row of every record type in BJ: {record name: row}."""
    grace = actor("grace", "2025-03-03 10:00")
    customer = record("customer", grace, code="BJ", name="李雷", phone="13900139000")
    record("complaint", grace, code="BJ", customer=customer.id, content="北京的投诉", owner="frank")
    work("2025-03-04 17:30:01")
    report = registry().models["rectification_report"].get()
    values = {"report": report.id, "measure": "增加坐席", "owner": "frank", "due_on": "2025-03-10"}
    record("rectification_measure", actor("grace", "2025-03-05 10:00"), code="BJ", **values)
    rows = {name: model.select().order_by(model.id).first() for name, model in models().items()}
    assert all(rows.values()), f"give {[name for name, row in rows.items() if row is None]} a row of BJ here"
    return rows


def routes(app, name, row):
    """Every route of one record with its methods, with a body that would be right where one may write."""
    bodies = {
        "PATCH": {"reason": "x"},
        "transitions": {"event": next(iter(row._meta.workflow.transitions))},
        "hand-over": {"owner": "amy", "reason": "x"},
    }
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") and "row_id" in rule.arguments:
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                path = rule.rule.replace("<record_type:record>", name).replace("<int:row_id>", str(row.id))
                yield method, path, bodies.get(path.rsplit("/", 1)[1], bodies.get(method))


def kept():
    return {name: list(model.select().dicts()) for name, model in models().items()}


def test_no_route_of_a_row_tells_or_changes_what_another_branch_has(app, api, of_beijing):
    before, entries = kept(), AuditEntry.select().where(AuditEntry.verb != "token").count()
    for login in TOKENS:
        stranger, asked = api(login), set()
        for name, row in of_beijing.items():
            for method, path, body in routes(app, name, row):
                response = stranger.ask(method, path, body, {"If-Match": f'"{row.revision}"'})
                assert response.status_code == 404, (login, method, path, response.text)
                assert row.number not in response.text
                asked.add((method, path.rsplit("/", 1)[1] if path.count("/") > 4 else ""))
        assert len(asked) == 6, asked
    assert kept() == before
    assert AuditEntry.select().where(AuditEntry.verb != "token").count() == entries


def test_no_list_tells_of_another_branch(api, of_beijing):
    for login in TOKENS:
        stranger = api(login)
        for name, row in of_beijing.items():
            for query in ("", f"?number={row.number}", "?owner=frank", "?total=1", "?limit=200&state=" + row.state):
                response = stranger.get(f"{name}{query}")
                assert response.status_code == 200, response.text
                assert (response.json["items"], response.json.get("total", 0)) == ([], 0), (login, name, query)
            assert stranger.get(f"{name}?branch=BJ").status_code == 403
    assert all(api("grace").get(name).json["items"] for name in of_beijing)


def test_nothing_of_another_branch_can_be_referred_to(api, of_beijing, at_fault):
    response = api("alice").post("complaint", {"customer": of_beijing["customer"].id})
    assert (response.status_code, at_fault(response)) == (422, {"customer": "invalid"})
    response = api("alice").post("complaint", {"customer": of_beijing["customer"].number})
    assert (response.status_code, at_fault(response)) == (422, {"customer": "invalid"})


def test_nothing_is_made_in_another_branch(api, of_beijing):
    before = kept()
    for login in TOKENS:
        for name in of_beijing:
            response = api(login).post(name, {"branch": "BJ", "name": "x"})
            assert response.status_code == 403, (login, name, response.text)
    assert kept() == before


def test_the_measures_of_another_branch_are_closed(api, of_beijing):
    assert api("alice").get("measures?branch=BJ&period=2025").status_code == 403
