"""The parts of the API's description that are the same for every record type."""

from core.api.lists import MOST, USUAL
from core.api.problems import MIMETYPE
from core.clocks import STATES as CLOCK_STATES

TEXT, WHOLE, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
PERHAPS, PERHAPS_WHOLE = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
AT, PERHAPS_AT = {"type": "string", "format": "date-time"}, {"type": ["string", "null"], "format": "date-time"}
TEXTS = {"type": "array", "items": TEXT}


def _whole(properties, optional=()):
    wanted = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": wanted, "additionalProperties": False}


SCHEMAS = {
    "RecordType": _whole({"name": TEXT, "label": TEXT, "plugin": TEXT, "url": TEXT, "branches": TEXTS, "may": TEXTS}),
    "Me": _whole(
        {
            "login": TEXT,
            "name": TEXT,
            "branch": TEXT,
            "department": PERHAPS,
            "language": TEXT,
            "roles": {"type": "array", "items": _whole({"role": TEXT, "branch": TEXT, "department": PERHAPS})},
        }
    ),
    "MeasureRow": _whole(
        {
            "measure": TEXT,
            "branch": TEXT,
            "period": TEXT,
            "group": PERHAPS,
            "numerator": WHOLE,
            "denominator": WHOLE,
            "value": {"type": ["number", "null"], "minimum": 0},
        }
    ),
    "HandOver": _whole(
        {"branch": PERHAPS, "department": PERHAPS, "owner": PERHAPS, "reason": TEXT}, ("branch", "department", "owner")
    ),
    "HistoryEntry": _whole(
        {
            "at": AT,
            "actor": TEXT,
            "via": TEXT,
            "event": TEXT,
            "changes": {
                "type": ["object", "null"],
                "description": "field: [old, new]; null: erased",
                "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2},
            },
            "reason": TEXT,
            "seq": WHOLE,
            "hash": TEXT,
        }
    ),
    "Clock": _whole(
        {
            "limit": TEXT,
            "clauses": TEXTS,
            "label": TEXT,
            "started_at": AT,
            "due_at": PERHAPS_AT,
            "due_on": {"type": ["string", "null"], "format": "date"},
            "yellow_at": PERHAPS_AT,
            "stopped_at": PERHAPS_AT,
            "state": {
                "type": "string",
                "enum": list(CLOCK_STATES),
                "description": ", ".join(f"{name} = {words.en}" for name, words in CLOCK_STATES.items()),
            },
            "provisional": YES,
            "owner": PERHAPS,
            "department": PERHAPS,
            "edition": WHOLE,
            "working": {
                "type": "array",
                "items": _whole(
                    {"day": {"type": "string", "format": "date"}, "what": TEXT, "note": TEXT, "count": WHOLE}
                ),
            },
        },
        ("working",),
    ),
}
PARAMETERS = {
    "id": {"name": "id", "in": "path", "required": True, "schema": WHOLE},
    "branch": {"name": "branch", "in": "query", "description": "a branch's code: it and all below it", "schema": TEXT},
    "after": {"name": "after", "in": "query", "description": "`next` of the page before", "schema": TEXT},
    "limit": {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    },
    "total": {"name": "total", "in": "query", "description": "1: count them all", "schema": TEXT},
    "working": {"name": "working", "in": "query", "description": "1: with the calendar's working", "schema": TEXT},
    "purpose": {
        "name": "Zhixing-Purpose",
        "in": "header",
        "description": "for what purpose personal data is to stand in the clear (percent-encoded UTF-8); it is noted",
        "schema": {**TEXT, "minLength": 2, "maxLength": 255},
    },
    "if-match": {"name": "If-Match", "in": "header", "description": "the ETag of your reading", "schema": TEXT},
}
PROBLEM_OF = {
    400: "malformed",
    401: "no token",
    403: "denied",
    404: "not found, or not yours to see",
    409: "switched off here, or stale",
    413: "too large",
    415: "not JSON",
    422: "refused",
    428: "If-Match is needed",
}


def ref(kind, name):
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_of(schema):
    """A body of JSON."""
    return {"application/json": {"schema": schema}}


def listing_of(name, *, total=False):
    """The schema of a list of a component."""
    properties = {"items": {"type": "array", "items": ref("schemas", name)}, "next": PERHAPS}
    return _whole({**properties, "total": WHOLE} if total else properties, ("total",))


def answers_of(status, content, *problems, etag=False, location=False):
    """The answers of an operation: the one hoped for, and each problem that it may tell."""
    headers = {}
    if etag:
        headers["ETag"] = {"description": "the revision, in quotes", "schema": TEXT}
    if location:
        headers["Location"] = {"description": "the address of the new record", "schema": TEXT}
    fine = {"description": "done", "content": content, **({"headers": headers} if headers else {})}
    trouble = {MIMETYPE: {"schema": ref("schemas", "Problem")}}
    told = {str(code): {"description": PROBLEM_OF[code], "content": trouble} for code in sorted({401, *problems})}
    return {str(status): fine, **told, "default": {"description": "any other problem", "content": trouble}}


def operation(name, summary, answers, parameters=(), body=None, tag=""):
    """One operation. `body` is the schema of what is sent."""
    found = {"operationId": name, "summary": summary, "responses": answers}
    if tag:
        found["tags"] = [tag]
    if parameters:
        found["parameters"] = list(parameters)
    if body:
        found["requestBody"] = {"required": True, "content": json_of(body)}
    return found
