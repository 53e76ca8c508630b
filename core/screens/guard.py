"""What stands around every page: the list of public routes, errors told plainly, a token on every change, strict headers."""

import logging
import secrets
from datetime import timedelta

from flask import current_app, jsonify, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from core.database import db
from core.errors import ZhixingError
from core.failures import trace_of
from core.language import Words, say

log = logging.getLogger("zhixing.web")
csrf = CSRFProtect()
STATIC = {"static", "desk.static"}  # our own files, and those that Flask-Admin brings
PUBLIC = STATIC | {"sign_in.form", "sign_in.by_link", "sign_in.language", "health"}  # the few routes open to anybody
POLICY = (
    "default-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOWNLOAD = f"{POLICY}; sandbox"  # of a file, should a browser ever open it in place
BESIDE = 1024 * 1024  # bytes that a form may carry beside its file
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TITLES = {
    400: Words("请求有误", "Not understood"),
    403: Words("没有权限", "Not permitted"),
    404: Words("找不到", "Not found"),
    405: Words("不能这样做", "Not possible here"),
    409: Words("未能完成", "Not done"),
    413: Words("文件太大", "Too large"),
    422: Words("请检查填写的内容", "Please check what was filled in"),
}
MESSAGES = {
    403: Words("你没有这项权限。", "You lack the permission for this."),
    404: Words("没有这个页面,或者你无权查看。", "There is no such page, or you may not see it."),
    405: Words("这个地址不接受这样的请求。", "This address does not take such a request."),
    413: Words("提交的内容超过了允许的大小,没有保存。", "What was sent is larger than allowed. Nothing was saved."),
}


def install(app, settings):
    """Set cookies, tokens, headers and error pages."""
    app.config.update(
        SESSION_COOKIE_NAME="__Host-zhixing" if settings.behind_tls else "zhixing",
        SESSION_COOKIE_SECURE=settings.behind_tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        MAX_CONTENT_LENGTH=settings.upload_megabytes * 1024 * 1024 + BESIDE,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=settings.behind_tls,
    )
    csrf.init_app(app)
    app.after_request(_headers)
    app.teardown_request(_close_broken)
    app.register_error_handler(ZhixingError, _refused)
    app.register_error_handler(CSRFError, _no_token)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _failed)
    app.add_url_rule("/health", "health", lambda: ("ok", 200, {"Content-Type": "text/plain"}))


def wants_json():
    """Whether a program asks (the API, or a script of a page) rather than a person."""
    return request.blueprint == "api" or request.accept_mimetypes.best == "application/json"


def _headers(response):
    if response.headers.get("Content-Disposition", "").startswith("attachment"):
        response.headers["Content-Security-Policy"] = DOWNLOAD
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in STATIC:
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure or current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _close_broken(error):
    if error is not None and not db.is_closed() and not db.in_transaction():
        db.close()


def _answer(status, title, message):
    if wants_json():
        return jsonify(status=status, title=str(title), detail=str(message)), status
    return render_template("zhixing/error.html", status=status, title=title, message=message), status


def _refused(error):
    if error.status >= 500:
        return _failed(error)
    return _answer(error.status, TITLES.get(error.status, TITLES[409]), error.message)


def _no_token(error):
    message = say(
        "页面已过期,你的内容没有提交。请返回、刷新后再试。",
        "The page is too old and nothing was sent. Go back, reload and try again.",
    )
    return _answer(400, say("页面已过期", "Page too old"), message)


def _http(error):
    if error.code is None or error.code < 400:
        return error
    return _answer(error.code, TITLES.get(error.code, error.name), MESSAGES.get(error.code, error.name))


def _failed(error):
    incident = secrets.token_hex(4)
    log.error("incident %s: %s %s\n%s", incident, request.method, asked_for(), trace_of(error))
    if _says(error, "database is locked", "deadlock detected", "lock timeout"):
        message = say(
            "数据库正忙,你的内容没有保存,请稍后再试。",
            "The database is busy and nothing was saved. Try again in a moment.",
        )
        return _answer(503, say("系统繁忙", "Busy"), message)
    if _says(error, "disk is full", "No space left on device"):
        message = say(
            "磁盘已满,没有保存。请联系系统管理员。",
            "The disk is full and nothing was saved. Tell the system administrator.",
        )
        return _answer(507, say("磁盘已满", "Disk full"), message)
    message = say(
        "事故编号 {number},请告知系统管理员。",
        "Incident {number}: please tell the system administrator.",
        number=incident,
    )
    return _answer(500, say("出错了", "Something went wrong"), message)


def asked_for():
    """The route of this request with its values, as it may stand in a log: a token is a secret, a line break a forgery."""
    told = {name: value for name, value in (request.view_args or {}).items() if name != "token"}
    return f"{request.url_rule.rule} {told or ''}".rstrip() if request.url_rule else "an address that there is not"


def _says(error, *texts):
    """Whether the operating system or either database's driver (they share only these names) raised this."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"OperationalError", "OSError"}) and any(text in str(error) for text in texts)
