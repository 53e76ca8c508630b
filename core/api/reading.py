"""What a request brings: its body, the revision that its sender saw, and the branch that it speaks of."""

import json
import re

from flask import g, request
from werkzeug.exceptions import UnsupportedMediaType

from core.api.problems import Malformed, NoRevision
from core.errors import Fault, NotFound, Refused
from core.language import say
from core.organisation import branch_by_code, organisation
from core.plugins import registry
from core.records.showing import purposes_of, show

SUBTYPES = ("json", "merge-patch+json")


def model_of(record):
    """The record type of an address. Raises NotFound."""
    model = registry().models.get(record)
    if model is None:
        raise NotFound(
            say(
                "没有“{record}”这种记录。你能查看的见 /api/v1/。",
                "There is no record type {record}. /api/v1/ lists those that you may see.",
                record=record,
            )
        )
    return model


def body(*known):
    """The JSON object in the body. Where `known` names are given, any other is refused by its name."""
    if request.mimetype not in [f"application/{subtype}" for subtype in SUBTYPES]:
        raise UnsupportedMediaType
    try:
        data = json.loads(request.get_data(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(
            say("内容不是有效的 JSON:{error}", "the body is not valid JSON: {error}", error=error)
        ) from error
    if not isinstance(data, dict):
        raise Malformed(say("内容应为 JSON 对象 {{...}}", "the body must be a JSON object", found=type(data).__name__))
    strange = [name for name in data if known and name not in known]
    if strange:
        raise Refused(*(_unknown(name, known) for name in strange))
    return data


def _no_number(word):
    raise ValueError(word)


def _unknown(name, known):
    message = say("没有这一项,可用:{known}", "there is no such member; there are: {known}", known=", ".join(known))
    return Fault(name, message, "unknown")


def single(values):
    """The values, each a text, a number, yes or no, or nothing. Raises Refused where one is a list or an object."""
    faults = [
        Fault(name, say("应为单个值,不能是列表或对象", "one value is wanted, not a list or an object"), "type")
        for name, value in values.items()
        if isinstance(value, (list, dict))
    ]
    if faults:
        raise Refused(*faults)
    g.values = values
    return values


def in_clear(rows):
    """Show the personal data of rows in this answer where the request told for what purpose; else it stays masked."""
    known = [row for row in rows if g.purpose and purposes_of(g.actor, row)]
    if known:
        show(g.actor, known, g.purpose)


def text(data, name):
    """A text of the body, "" where it is not there. Raises Refused for anything else than a text."""
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(Fault(name, say("应为文字", "a text is wanted"), "type"))
    return value or ""


def branch_of(code, error=Refused):
    """The branch with this code; the person's own where there is none. Raises `error` that names the field."""
    if code in (None, ""):
        return organisation().branches[g.actor.person.branch_id]
    try:
        return branch_by_code(str(code))
    except NotFound as unknown:
        fault = say("没有代码为“{code}”的机构", 'no branch has the code "{code}"', code=code)
        raise error(Fault("branch", fault, "choice")) from unknown


def revision(*, needed=False):
    """The revision in If-Match, as an int; None where there is none. Raises NoRevision where it is `needed`."""
    given = request.headers.get("If-Match", "").strip()
    if not given and not needed:
        return None
    found = re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', given)
    if found:
        return int(found[1])
    raise NoRevision(
        say(
            '请用 If-Match 写明你看到的版本,即读取时的 ETag,例如 If-Match: "3"。',
            'Say in If-Match which revision you saw, which is the ETag of your reading, for example If-Match: "3".',
        )
    )
