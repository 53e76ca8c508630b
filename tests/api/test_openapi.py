"""The API's description of itself: whole, valid, and true of what the API answers."""

import re

import pytest

from core import forms
from core.testing import branch, console, models, work

KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "title", "description", "readOnly", "anyOf",
    "format", "pattern", "minimum", "maximum", "default", "minProperties", "minItems", "maxItems", "$ref", "examples",
}  # fmt: skip
TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None),
}  # fmt: skip


@pytest.fixture
def document(api):
    return api("auditor").get("openapi.json").json


def nodes(value, path=""):
    """Every object in the document, with its path."""
    if isinstance(value, dict):
        yield path, value
        for key, part in value.items():
            yield from nodes(part, f"{path}/{key}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from nodes(part, f"{path}/{place}")


def resolved(document, value):
    while "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def mismatches(document, schema, value, path="$"):
    """Where a value differs from a schema, as sentences: the part of JSON Schema that the document uses."""
    schema = resolved(document, schema)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    types = [kind for kind in types if not (kind in ("integer", "number") and isinstance(value, bool))]
    fits = any(isinstance(value, TYPES[kind]) for kind in types)
    if "type" in schema and not fits:
        yield f"{path}: {value!r} is not {types}"
        return
    if value is None:
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d", value):
        yield f"{path}: {value!r} is no moment"
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        yield from (f"{path}: {name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, part in value.items():
            if name in known:
                yield from mismatches(document, known[name], part, f"{path}.{name}")
            elif rest is False:
                yield f"{path}: {name} is unknown"
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from mismatches(document, schema.get("items", {}), part, f"{path}[{place}]")


def schema_of(document, path, method, response):
    """The schema that the document gives for an answer."""
    told = document["paths"][path][method]["responses"]
    content = told.get(str(response.status_code), told["default"])["content"]
    return content[response.mimetype]["schema"]


def test_it_names_every_route_and_no_other(app, document):
    wanted = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path = rule.rule.removeprefix("/api/v1").replace("<int:row_id>", "{id}")
            for name in models() if "<record_type:record>" in path else ("",):
                wanted |= {
                    (path.replace("<record_type:record>", name), method)
                    for method in rule.methods - {"HEAD", "OPTIONS"}
                }
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert told == wanted


def test_it_is_a_whole_openapi_document(document):
    assert document["openapi"].startswith("3.1")
    assert {"info", "paths", "components", "security"} <= set(document)
    assert {"title", "version"} <= set(document["info"])
    assert set(document["security"][0]) == set(document["components"]["securitySchemes"])
    for path, node in nodes(document):
        if isinstance(node.get("$ref"), str):
            assert set(node) == {"$ref"} and resolved(document, node), path
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for part in document["components"].values() for name in part)


def test_its_operations_are_whole(document):
    operations = [
        (path, method, told) for path, methods in document["paths"].items() for method, told in methods.items()
    ]
    names = [told["operationId"] for _, _, told in operations]
    assert len(set(names)) == len(names)
    for path, method, told in operations:
        parameters = [resolved(document, each) for each in told.get("parameters", ())]
        keys = [(each["in"], each["name"]) for each in parameters]
        assert len(set(keys)) == len(keys), path
        assert {name for place, name in keys if place == "path"} == set(re.findall(r"{(\w+)}", path))
        assert all(each["required"] for each in parameters if each["in"] == "path")
        assert all({"name", "in", "schema"} <= set(each) for each in parameters)
        assert ("requestBody" in told) == (method in ("post", "patch"))
        assert all(answer["description"] for answer in told["responses"].values())
        assert any(status.startswith("2") for status in told["responses"]) and "401" in told["responses"]


def test_its_schemas_use_known_words_and_require_what_they_have(document):
    for name, schema in document["components"]["schemas"].items():
        for path, node in nodes({"properties": {name: schema}}):
            if path.rsplit("/", 1)[-1] != "properties" and ("type" in node or "properties" in node):
                assert set(node) <= KEYWORDS, (name, path, set(node) - KEYWORDS)
                assert set(node.get("required", ())) <= set(node.get("properties", node.get("required", ()))), path


def test_a_record_type_is_told_as_it_is_declared(document):
    complaint = document["components"]["schemas"]["complaint"]["properties"]
    assert complaint["class"]["enum"] == ["simple", "complex", None]
    assert "simple = Simple" in complaint["class"]["description"]
    assert complaint["cause"]["description"].endswith("clause T5.1.3")
    assert complaint["customer"]["type"] == ["integer", "null"]
    assert complaint["owner"]["type"] == ["string", "null"]
    assert complaint["state"]["enum"][:2] == ["received", "accepted"]
    assert "only where timeliness is on" in complaint["timeliness__late_item"]["description"]
    new = document["components"]["schemas"]["customer.new"]
    assert new["required"] == ["name"] and "number" not in new["properties"]
    step = document["components"]["schemas"]["complaint.step"]["properties"]["event"]
    assert "accept" in step["enum"]
    assert "requires class, details" in step["description"] or "requires details, class" in step["description"]


def test_a_person_is_told_only_of_what_the_person_sees(api):
    assert set(api("admin").get("openapi.json").json["paths"]) == {"/", "/me", "/measures", "/openapi.json"}
    forms.publish(
        console(), "complaint", branch("BJ"), [{"key": "secret", "kind": "text", "label": {"zh": "北京的问题"}}]
    )
    assert "x_secret" not in api("alice").get("openapi.json").text
    assert "x_secret" in api("frank").get("openapi.json").text


def test_it_speaks_chinese_too(api):
    response = api("alice").ask("GET", "openapi.json", headers={"Accept-Language": "zh"})
    assert response.json["components"]["schemas"]["complaint"]["title"] == "客户投诉"


@pytest.mark.parametrize("login", ["alice", "carol", "auditor"])
def test_what_is_answered_is_as_it_says(api, record, actor, login):
    alice = actor("alice", "2025-03-03 10:00")
    customer = record("customer", alice, name="王小明", phone="13800138000")
    questions = [
        {"key": "amount", "kind": "money", "label": {"zh": "金额"}},
        {"key": "urgent", "kind": "yesno", "label": {"zh": "紧急"}},
    ]
    forms.publish(console(), "complaint", branch(), questions)
    record("complaint", alice, customer=customer.id, satisfied="是", x_amount="5", x_urgent="否", about_employee="dave")
    record("complaint", alice, happened_at="2025-03-03")
    work("2025-03-04 17:30:01")
    person = api(login)
    document = person.get("openapi.json").json
    asked = [
        ("/", ""),
        ("/me", ""),
        ("/measures", "?branch=TJ&period=2025&by=department"),
        ("/complaint", "?nonsense=1"),
    ]
    for name in models():
        asked += [(f"/{name}", "?total=1"), (f"/{name}", "?colour=9")]
        for row in person.get(name).json["items"]:
            asked += [(f"/{name}/{{id}}{end}", row["id"]) for end in ("", "/clocks", "/history")]
    assert len(asked) > 20
    for path, more in asked:
        address = path.replace("{id}", str(more)) if "{id}" in path else path + more
        response = person.get(address + ("?working=1" if address.endswith("clocks") else ""))
        assert list(mismatches(document, schema_of(document, path, "get", response), response.json)) == [], address


def test_what_is_written_is_as_it_says(api):
    bob = api("bob")
    document = bob.get("openapi.json").json
    made = bob.post("complaint", {"content": "x"})
    at = f"complaint/{made.json['id']}"
    answers = [
        ("/complaint", "post", made),
        ("/complaint", "post", bob.post("complaint", {"class": "huge"})),
        ("/complaint/{id}", "patch", bob.patch(at, {"content": "y"})),
        ("/complaint/{id}", "patch", bob.patch(at, {"content": "y"}, 1)),
        ("/complaint/{id}", "patch", bob.patch(at, {"content": "y"}, 1)),
        ("/complaint/{id}/transitions", "post", bob.post(f"{at}/transitions", {"event": "accept"})),
        ("/complaint/{id}/hand-over", "post", bob.post(f"{at}/hand-over", {"owner": "amy", "reason": "x"})),
    ]
    assert [response.status_code for _, _, response in answers] == [201, 422, 428, 200, 409, 200, 200]
    for path, method, response in answers:
        assert str(response.status_code) in document["paths"][path][method]["responses"], (path, response.status_code)
        assert list(mismatches(document, schema_of(document, path, method, response), response.json)) == []
