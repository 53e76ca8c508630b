"""Errors as problem documents (RFC 9457): whatever goes wrong in the API is told in one shape."""

import logging
import secrets

from flask import g, request
from peewee import OperationalError
from werkzeug.exceptions import HTTPException

from core.api.answers import answer
from core.errors import Refused, Stale, ZhixingError
from core.failures import trace_of
from core.language import Words, say
from core.records import as_json
from core.screens.guard import asked_for

log = logging.getLogger("zhixing.api")
MIMETYPE = "application/problem+json"
PROBLEMS = {  # code: (status, title); the type is the code behind TYPE
    "malformed": (400, Words("请求无法理解", "The request is not understood")),
    "no-token": (401, Words("缺少有效的令牌", "A valid token is needed")),
    "denied": (403, Words("没有权限", "Not permitted")),
    "not-found": (404, Words("没有找到", "Not found")),
    "method-not-allowed": (405, Words("此地址不支持该方法", "Not possible at this address")),
    "switched-off": (409, Words("此处未启用", "Off here")),
    "stale": (409, Words("已被他人修改", "Changed by somebody else")),
    "too-large": (413, Words("内容太大", "Too large")),
    "not-json": (415, Words("内容应为 JSON", "JSON is wanted")),
    "refused": (422, Words("不符合要求", "Refused")),
    "no-revision": (428, Words("缺少版本号", "The revision is needed")),
    "failed": (500, Words("出错了", "Something went wrong")),
    "busy": (503, Words("系统繁忙", "Busy")),
    "disk-full": (507, Words("磁盘已满", "The disk is full")),
}
TYPE = "urn:zhixing:problem:"
OF_STATUS = {405: "method-not-allowed", 413: "too-large", 415: "not-json", 403: "denied", 404: "not-found"}


class Malformed(Refused):
    """A request that cannot be read: no JSON, an unknown filter, a cursor that is none."""

    status = 400
    code = "malformed"


class NoToken(ZhixingError):
    """Nobody is known by the token, or there is none."""

    status = 401
    code = "no-token"


class NoRevision(ZhixingError):
    """A change without the revision that the caller saw."""

    status = 428
    code = "no-revision"


def handle(blueprint):
    """Let every error in the blueprint's routes be told as a problem."""
    blueprint.register_error_handler(ZhixingError, _raised)
    blueprint.register_error_handler(HTTPException, of_http)
    blueprint.register_error_handler(Exception, _failed)


def problem(code, detail, faults=(), headers=None, **more):
    """A problem document. `more` are members of its own, as theirs and yours."""
    status, title = PROBLEMS[code]
    errors = [{"field": fault.field, "message": fault.message, "code": fault.code} for fault in faults]
    data = {"type": TYPE + code, "title": str(title), "status": status, "detail": detail, "errors": errors, **more}
    return answer(data, status, headers, MIMETYPE)


def _raised(error):
    if error.status >= 500 or error.code not in PROBLEMS:
        return _failed(error)
    if isinstance(error, Stale):
        theirs = as_json(error.theirs, g.actor)
        headers = {"ETag": f'"{error.theirs.revision}"'}
        return problem("stale", error.message, headers=headers, theirs=theirs, yours=g.get("values", {}))
    headers = {"WWW-Authenticate": 'Bearer realm="zhixing"'} if error.status == 401 else None
    return problem(error.code, error.message, getattr(error, "faults", ()), headers)


def of_http(error):
    """The problem of an error that the web server's own library raised."""
    code = OF_STATUS.get(error.code, "malformed" if error.code < 500 else "failed")
    told = {
        "denied": say("你没有这项权限。", "You lack the permission for this."),
        "not-found": say(
            "没有“{path}”这个地址。所有地址见 /api/v1/openapi.json。",
            "There is no {path}. /api/v1/openapi.json lists every address.",
            path=request.path,
        ),
        "method-not-allowed": say(
            "此地址可用的方法:{methods}。",
            "Possible here: {methods}.",
            methods=", ".join(sorted(getattr(error, "valid_methods", None) or ())) or "-",
        ),
        "too-large": say("内容超过了系统允许的大小。", "This is larger than the installation takes."),
        "not-json": say("请以 Content-Type: application/json 发送。", "Send it with Content-Type: application/json."),
    }
    kept = {"Allow", "Retry-After"}
    headers = {name: value for name, value in error.get_headers() if name in kept}
    return problem(code, told.get(code, error.name), headers=headers)


def _failed(error):
    incident = secrets.token_hex(4)
    log.error("incident %s: %s %s\n%s", incident, request.method, asked_for(), trace_of(error))
    if isinstance(error, OperationalError) and "locked" in str(error):
        detail = say("数据库正忙,没有保存,请稍后再试。", "The database is busy and nothing was saved. Try again.")
        return problem("busy", detail, headers={"Retry-After": "5"})
    if isinstance(error, OperationalError) and "full" in str(error):
        return problem("disk-full", say("磁盘已满,没有保存。", "The disk is full and nothing was saved."))
    detail = say("事故编号 {number},请告知系统管理员。", "Incident {number}: tell the administrator.", number=incident)
    return problem("failed", detail, incident=incident)
