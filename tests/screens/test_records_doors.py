"""Every route of every record type is blind to other branches and closed to strangers: asked of all routes there are."""

import io

import pytest

from core import attachments, comments, people, records
from core.audit import AuditEntry
from core.plugins import registry
from core.records.model import Record
from core.testing import models, work
from plugins.timeliness.models import RectificationMeasure, RectificationReport

DAY = "2025-03-05 09:30"
SENT = {
    "revision": "1",
    "reason": "x",
    "comment": "x",
    "branch": "TJ",
    "owner": "bob",
    "department": "1",
    "field": "happened_at",
    "value": "2025-03-04",
    "content": "x",
    "name": "x",
    "remark": "x",
}


@pytest.fixture
def of_beijing(record, actor, settings):
    """A record of each type that BJ has, each with a file and a comment: {record name: record}."""
    frank = actor("frank", "2025-03-03 10:00")
    customer = record("customer", frank, code="BJ", name="北京客户", phone="13900005678")
    complaint = record("complaint", frank, code="BJ", customer=customer.id, content="北京的投诉")
    work("2025-03-04 17:30:01")
    report, grace = RectificationReport.get(), actor("grace", "2025-03-05 09:00")
    measure = {"report": report.id, "measure": "北京措施", "due_on": "2025-03-10"}
    records.create(grace, RectificationMeasure, measure, branch=report.branch_id)
    found = {name: model.get() for name, model in models().items()}
    assert {row.branch_id for row in found.values()} == {complaint.branch_id}
    for row in found.values():
        comments.add(grace, row, "北京的留言") if comments.may_comment(grace, row) else None
        if comments.may_comment(grace, row):
            attachments.attach(grace, row, "北京.txt", b"x", settings)
    return found


def routes(app, *, of_one):
    """Every (rule, method) of the record screens and archives that names one record, or else that does not."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint.split(".")[0].startswith(("records_", "archive_")) and ("row_id" in rule.arguments) is of_one
        if not rule.endpoint.endswith(".static")
    ]


def address(app, rule, **values):
    given = {"event": "accept", "file_id": 1, "kind": "csv", "field": "owner", "record": "complaint", **values}
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        return adapter.build(rule.endpoint, {name: given[name] for name in rule.arguments})


def everything():
    """What a write would have changed."""
    revisions = [(name, row.id, row.revision) for name, model in registry().models.items() for row in model.select()]
    return revisions, AuditEntry.select().count()


def test_no_route_shows_or_changes_a_record_of_another_branch(app, sign_in, of_beijing):
    client, before, asked = sign_in("bob", DAY), everything(), 0
    for rule, method in routes(app, of_one=True):
        for name, row in of_beijing.items():
            events = type(row)._meta.workflow.transitions if "event" in rule.arguments else ["-"]
            for event in events:
                path = address(app, rule, row_id=row.id, event=event, record=name)
                files = {"file": (io.BytesIO(b"x"), "x.txt")} if path.endswith("/files") else {}
                answer = client.get(path) if method == "GET" else client.send(path, {**SENT, **files})
                assert answer.status_code == 404, f"{method} {path}"
                assert "北京的" not in answer.text and row.number not in answer.text, path
                asked += 1
    assert asked > 100
    assert everything() == before


def test_no_list_look_up_or_export_tells_of_another_branch(app, sign_in, of_beijing):
    client = sign_in("bob", DAY)
    for rule, method in routes(app, of_one=False):
        for field in ("owner", "customer", "report", "clock", "rectification") if "field" in rule.arguments else ("-",):
            path = address(app, rule, field=field)
            query = {"q": "北京", "name": "北京客户", "phone": "13900005678", "branch": ""}
            answer = (
                client.get(path, query_string=query)
                if method == "GET"
                else client.send(path, {"act": "owner", "id": "1"})
            )
            told = answer.get_data().decode(errors="replace").replace('value="北京', "")
            for row in of_beijing.values():
                assert row.number not in told, f"{method} {path}"


def test_a_record_of_another_branch_is_not_named_in_a_form(app, sign_in, of_beijing):
    client = sign_in("bob", DAY)
    before = everything()
    for text in (of_beijing["customer"].number, str(of_beijing["customer"].id), "北京客户"):
        assert client.send("/records/complaint/new", {"owner": "bob", "customer": text}).status_code == 422
    path = f"/records/rectification_measure/new?report={of_beijing['rectification_report'].id}"
    assert client.get(path).status_code == 404
    form = {"measure": "x", "due_on": "2025-03-10", "owner": "bob", "report": of_beijing["rectification_report"].number}
    assert client.send("/records/rectification_measure/new", form).status_code == 422
    assert everything() == before


def test_every_route_asks_who_one_is(app, client, of_beijing):
    before = everything()
    for rule, method in [*routes(app, of_one=True), *routes(app, of_one=False)]:
        path = address(app, rule, row_id=1)
        answer = client.get(path) if method == "GET" else client.send(path, SENT)
        assert answer.status_code == 302 and "/sign-in" in answer.location, f"{method} {path}"
    for path in ("/drafts", "/drafts/drop"):
        assert client.send(path, {"_key": "/records/x"}).status_code == 302
    assert everything() == before


def test_who_has_no_role_sees_no_record(app, sign_in, group, of_beijing):
    people.add_person(group.console(), "nobody", "路人", group.branch("BJ"))
    client = sign_in("nobody", DAY)
    for rule, method in [*routes(app, of_one=True), *routes(app, of_one=False)]:
        path = address(app, rule, row_id=1)
        answer = client.get(path) if method == "GET" else client.send(path, SENT)
        assert answer.status_code in (403, 404), f"{method} {path}"


def test_every_record_type_has_its_screens(app):
    views = {rule.endpoint.split(".")[0] for rule in app.url_map.iter_rules()}
    assert {f"records_{name}" for name in registry().models} <= views
    assert all(issubclass(model, Record) for model in registry().models.values())


@pytest.mark.parametrize("key", ["0", "99", "99999999999999999999999", "%00", "x"])
def test_an_address_that_names_nothing_is_not_found(sign_in, key):
    client = sign_in("bob", DAY)
    assert client.get(f"/records/complaint/{key}").status_code == 404
    assert client.send(f"/records/complaint/{key}/do/accept").status_code == 404
    assert client.get(f"/archive/cases/complaint/{key}").status_code == 404
