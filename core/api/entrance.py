"""Who asks through the API: a bearer token and nothing else; a browser's session does not count here."""

import re
from urllib.parse import unquote

from flask import Blueprint, current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from core import people
from core.access import Actor
from core.api.problems import NoToken, of_http
from core.language import LANGUAGES, say, set_language
from core.records.showing import purpose_in

PREFIX = "/api/v1"
OWN = ("me", "measures", "openapi.json")  # the API's own addresses, where no record type is looked for
blueprint = Blueprint("api", __name__, url_prefix=PREFIX)


class RecordTypeName(BaseConverter):
    """The name of a record type in an address: any word but the API's own."""

    regex = rf"(?!(?:{'|'.join(map(re.escape, OWN))})(?:/|$))[^/]+"
    part_isolating = True


def without_route():
    """Tell of an address or a method that there is not as a problem, where it lies under the API."""
    error = request.routing_exception
    if error is None or not request.path.startswith(PREFIX):
        return None
    _speak("")
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error.get_response()
    return of_http(error)


@blueprint.before_request
def begin():
    """Before each request: find the person of the token, who acts as of the request's moment."""
    g.actor = None
    _speak("")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    person = people.person_of_token(token.strip()) if scheme.lower() == "bearer" else None
    if person is None:
        raise NoToken(
            say(
                "请带上 Authorization: Bearer 令牌;令牌由 zhixing token 登录名 生成。令牌可能已失效。",
                "Send Authorization: Bearer TOKEN, as zhixing token LOGIN made it. It may have ended.",
            )
        )
    _speak(person.language)
    g.actor = Actor(person, "api", g.now)
    g.purpose = _purpose()


def _purpose():
    """For what purpose the request asks for personal data in the clear, "" where it does not. Raises Refused.

    It stands in the header Zhixing-Purpose, in letters of the address (%E5%9B%9E) where it is not ASCII.
    """
    given = request.headers.get("Zhixing-Purpose")
    return "" if given is None else purpose_in(unquote(given))


def _speak(preferred):
    """The language of this answer: what the request accepts, else the person's, else the installation's."""
    accepted = request.accept_languages.best_match(list(LANGUAGES)) if request.accept_languages else None
    set_language(accepted or preferred or current_app.config["ZHIXING"].language)
