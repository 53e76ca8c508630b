"""What stands around every page: errors told plainly, a token on every change, strict headers and cookies."""

import logging
import secrets
from datetime import timedelta

from flask import g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from peewee import OperationalError
from werkzeug.exceptions import HTTPException

from core.database import db
from core.errors import ZhixingError
from core.language import say

log = logging.getLogger("zhixing.web")
csrf = CSRFProtect()
POLICY = (
    "default-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def install(app, settings):
    """Set cookies, tokens, headers and error pages."""
    app.config.update(
        SESSION_COOKIE_NAME="__Host-zhixing" if settings.behind_tls else "zhixing",
        SESSION_COOKIE_SECURE=settings.behind_tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        MAX_CONTENT_LENGTH=settings.upload_megabytes * 1024 * 1024,
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


def _headers(response):
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _close_broken(error):
    if error is not None and not db.is_closed() and not db.in_transaction():
        db.close()


def _page(status, title, message):
    return render_template("zhixing/error.html", status=status, title=title, message=message), status


def _refused(error):
    return _page(error.status, say("未能完成", "Not done"), error.message)


def _no_token(error):
    message = say(
        "页面已过期,你的内容没有提交。请返回、刷新后再试。",
        "The page is too old and nothing was sent. Go back, reload and try again.",
    )
    return _page(400, say("页面已过期", "Page too old"), message)


def _http(error):
    told = {
        403: say("你没有这项权限。", "You lack the permission for this."),
        404: say("没有这个页面,或者你无权查看。", "There is no such page, or you may not see it."),
        413: say("文件太大。", "The file is too large."),
    }
    return _page(error.code or 500, str(error.code), told.get(error.code, error.name))


def _failed(error):
    incident = secrets.token_hex(4)
    log.exception("incident %s: %s %s", incident, request.method, request.path)
    if isinstance(error, OperationalError) and "locked" in str(error):
        return _page(
            503,
            say("系统繁忙", "Busy"),
            say(
                "数据库正忙,你的内容没有保存,请稍后再试。",
                "The database is busy and nothing was saved. Try again in a moment.",
            ),
        )
    if isinstance(error, OperationalError) and "full" in str(error):
        return _page(
            507,
            say("磁盘已满", "Disk full"),
            say(
                "磁盘已满,没有保存。请联系系统管理员。",
                "The disk is full and nothing was saved. Tell the system administrator.",
            ),
        )
    if request.blueprint == "api":
        return jsonify(title="Internal error", status=500, incident=incident), 500
    return _page(
        500,
        say("出错了", "Something went wrong"),
        say(
            "事故编号 {number},请告知系统管理员。",
            "Incident {number}: please tell the system administrator.",
            number=incident,
        ),
    )
