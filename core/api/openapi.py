"""The API described by itself: an OpenAPI 3.1 document made from what is declared, for the person who asks."""

from flask import g

from core.api.answers import answer
from core.api.entrance import PREFIX, blueprint
from core.api.fragments import PARAMETERS, SCHEMAS, answers_of, json_of, listing_of, operation, ref
from core.api.general import GROUPINGS
from core.api.problems import PROBLEMS, TYPE
from core.api.schemas import RecordType
from core.language import say
from core.organisation import organisation
from core.plugins import registry
from core.records.visibility import visible_branches


@blueprint.get("/openapi.json")
def described():
    """The document, in the language of the request, with the record types that the person sees."""
    return answer(document(g.actor))


def document(actor):
    """The OpenAPI document of an actor."""
    paths, schemas = _general(), {**SCHEMAS, "Problem": _problem()}
    for model in registry().models.values():
        branches = visible_branches(actor, model)
        branches = frozenset(organisation().branches) if branches is None else branches
        if branches:
            kind = RecordType(model, branches, actor)
            paths.update(_paths(kind))
            schemas[kind.name] = kind.schema()
            schemas[f"{kind.name}.new"] = kind.schema_of_new()
            schemas[f"{kind.name}.change"] = kind.schema_of_change()
            schemas[f"{kind.name}.step"] = kind.schema_of_step()
    return {
        "openapi": "3.1.0",
        "info": {"title": say("制行", "Zhixing"), "version": "1", "description": _told()},
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": PARAMETERS,
            "schemas": schemas,
        },
    }


def _told():
    return say(
        "人员用登录名,部门用代码,引用用 id;时间为带时差的 ISO 8601,不知钟点的只写日期;金额为字符串。",
        "People are logins, departments codes, references ids; moments ISO 8601 with offset, or a day where no hour is "
        "known; money is a string.",
    )


def _problem():
    fault = {name: {"type": "string"} for name in ("field", "message", "code")}
    listed = [f"{TYPE}{code}: {status} {title}" for code, (status, title) in PROBLEMS.items()]
    return {
        "type": "object",
        "description": "\n".join(listed),
        "properties": {
            "type": {"type": "string", "enum": [TYPE + code for code in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": fault,
                    "required": list(fault),
                    "additionalProperties": False,
                },
            },
        },
        "required": ["type", "title", "status", "detail", "errors"],
    }


def _general():
    name, period = {"type": "string"}, {"type": "string", "pattern": r"^\d{4}(-\d{2}|-?Q[1-4])?$"}
    asked = [
        ref("parameters", "branch"),
        {"name": "period", "in": "query", "required": True, "schema": period, "description": "2026, 2026-10, 2026Q3"},
        {"name": "by", "in": "query", "schema": {"type": "string", "enum": list(GROUPINGS)}},
        {"name": "name", "in": "query", "schema": name},
    ]
    measured = answers_of(200, json_of(listing_of("MeasureRow")), 400, 403, 404, 409)
    types = answers_of(200, json_of(listing_of("RecordType")))
    return {
        "/": {"get": operation("index", say("能查看的记录类型", "Record types that you see"), types)},
        "/me": {
            "get": operation("me", say("令牌的主人", "Who you are"), answers_of(200, json_of(ref("schemas", "Me"))))
        },
        "/measures": {"get": operation("measures", say("指标", "Measures"), measured, asked)},
        "/openapi.json": {
            "get": operation("openapi", say("本文档", "This document"), answers_of(200, json_of({"type": "object"})))
        },
    }


def _paths(kind):
    """The paths of one record type."""
    name, label = kind.name, str(kind.model._meta.label)
    one, row, seen = json_of(ref("schemas", name)), [ref("parameters", "id")], ref("parameters", "if-match")
    paged = [ref("parameters", key) for key in ("branch", "after", "limit", "total")]
    read = answers_of(200, one, 404, 409, 422, etag=True)
    changed = answers_of(200, one, 400, 403, 404, 409, 415, 422, etag=True)
    after_hand_over = {**changed, "204": {"description": say("已移交,你不再能查看", "handed over, out of your sight")}}

    def does(verb, summary, answers, parameters=(), body=None):
        return operation(f"{name}.{verb}", f"{summary}: {label}", answers, parameters, body, tag=name)

    return {
        f"/{name}": {
            "get": does(
                "list",
                say("列表", "List"),
                answers_of(200, json_of(listing_of(name, total=True)), 400, 403, 409, 422),
                [*paged, ref("parameters", "purpose"), *kind.filters()],
            ),
            "post": does(
                "create",
                say("新建", "Create"),
                answers_of(201, one, 400, 403, 409, 415, 422, etag=True, location=True),
                body=ref("schemas", f"{name}.new"),
            ),
        },
        f"/{name}/{{id}}": {
            "get": does("read", say("读取", "Read"), read, [*row, ref("parameters", "purpose")]),
            "patch": does(
                "change",
                say("修改", "Change"),
                answers_of(200, one, 400, 403, 404, 409, 415, 422, 428, etag=True),
                [*row, {**PARAMETERS["if-match"], "required": True}],
                ref("schemas", f"{name}.change"),
            ),
        },
        f"/{name}/{{id}}/transitions": {
            "post": does("step", say("办理", "Step"), changed, [*row, seen], ref("schemas", f"{name}.step"))
        },
        f"/{name}/{{id}}/hand-over": {
            "post": does(
                "hand_over", say("移交", "Hand over"), after_hand_over, [*row, seen], ref("schemas", "HandOver")
            )
        },
        f"/{name}/{{id}}/clocks": {
            "get": does(
                "clocks",
                say("时限", "Clocks"),
                answers_of(200, json_of(listing_of("Clock")), 404, 409),
                [*row, ref("parameters", "working")],
            )
        },
        f"/{name}/{{id}}/history": {
            "get": does(
                "history",
                say("轨迹", "History"),
                answers_of(200, json_of(listing_of("HistoryEntry")), 400, 404, 409, 422),
                [*row, *(ref("parameters", key) for key in ("after", "limit", "purpose"))],
            )
        },
    }
