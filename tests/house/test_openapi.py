"""The API's description over every operation: nothing that it does not allow is taken, and no request breaks the program."""

import re

from core import forms
from core.plugins import registry
from core.testing import branch, console
from tests.house.routes import digest

WRONG = {  # one value that is no such thing, by JSON type
    "string": (7, True, 1.5, ["a"], {"a": 1}),
    "integer": ("12", True, 1.5, [1], {"a": 1}),
    "boolean": ("true", "是", 1, 0, [True]),
}
NO_SUCH = (
    "no such choice",
    "Simple",
    "",
    " ",
    "2026-02-30",
    "05.03.2026",
    "1,200.5",
    "1.234",
    "½",
    "٣",
    "2026-03-05\n",
    "null",
)
ODD = ("", "-1", "9" * 40, "\x00", "'", "%", "2026-02-30", "٣")


def operations(document):
    """(path, method, operation) of all that the document describes."""
    return [(path, method, told) for path, methods in document["paths"].items() for method, told in methods.items()]


def resolved(document, value):
    """A part of the document, followed where it is a reference to another."""
    if "$ref" not in value:
        return value
    found = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def violations(form):
    """Values that a schema of one value does not allow."""
    types = form["type"] if isinstance(form["type"], list) else [form["type"]]
    kinds = [kind for kind in types if kind != "null"]
    if len(kinds) == 1:
        yield from WRONG[kinds[0]]
    if "null" not in types:
        yield None
    if "enum" in form:
        yield from (text for text in NO_SUCH if text not in form["enum"])
    elif "pattern" in form:
        yield from (text for text in NO_SUCH if not re.search(form["pattern"].replace("$", r"\Z"), text))


def with_questions():
    """An added question of each kind that there is, for every record type."""
    choices = [{"word": "a", "zh": "甲"}]
    asked = [
        {
            "key": f"odd_{kind}",
            "kind": kind,
            "label": {"zh": kind},
            **({"choices": choices} if kind == "choice" else {}),
        }
        for kind in forms.KINDS
    ]
    for record in registry().models:
        forms.publish(console(), record, branch(), asked)


def test_nothing_that_the_description_does_not_allow_is_taken(api, filled):
    with_questions()
    caller = api("root")
    document, tried = caller.get("openapi.json").json, 0
    before = digest()
    wrong = []
    for record, rows in filled.items():
        made, changed = f"/{record}", f"/{record}/{{id}}"
        for path, method in ((made, "post"), (changed, "patch")):
            body = resolved(
                document, document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
            )
            required, place = set(body.get("required", ())), {"branch": "TJ"} if method == "post" else {}
            for name, form in body["properties"].items():
                for value in violations(form):
                    if value is None and method == "patch" and name not in required:
                        continue
                    headers = {"If-Match": f'"{rows[0].revision}"'} if method == "patch" else {}
                    answer = caller.ask(
                        method.upper(), path.replace("{id}", str(rows[0].id)), {**place, name: value}, headers
                    )
                    tried += 1
                    if answer.status_code != 422 or name not in {fault["field"] for fault in answer.json["errors"]}:
                        wrong.append(f"{method} {path} {name}={value!r}: {answer.status_code} {answer.text[-200:]}")
    assert wrong == []
    assert tried > 100 * len(filled)
    assert digest() == before


def test_odd_words_in_addresses_break_nothing(api, filled):
    caller = api("root")
    document, tried, wrong = caller.get("openapi.json").json, 0, []
    for path, _, told in operations(document):
        at = path.replace(
            "{id}", str(next((rows[0].id for name, rows in filled.items() if path.startswith(f"/{name}/")), 1))
        )
        for parameter in (resolved(document, each) for each in told.get("parameters", ())):
            for text in ODD if parameter["in"] == "query" else ():
                answer = caller.get(at, **{parameter["name"]: text})
                tried += 1
                if answer.status_code >= 500:
                    wrong.append(f"{at}?{parameter['name']}={text!r}: {answer.status_code}")
    assert wrong == []
    assert tried > 30 * len(filled)


def test_every_address_tells_the_methods_that_it_is_described_with(app, api, filled):
    caller = api("root")
    document = caller.get("openapi.json").json
    assert len(document["paths"]) > 4 + 5 * len(filled)
    for path, methods in document["paths"].items():
        answer = caller.ask("OPTIONS", path.replace("{id}", "1"))
        told = set(answer.headers["Allow"].replace(" ", "").split(",")) - {"HEAD", "OPTIONS"}
        assert told == {method.upper() for method in methods}, path
