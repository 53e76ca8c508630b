"""Lists of records: the branches they are taken from, the filters, and one page at a time by key, newest first."""

import base64
import binascii
import json
from datetime import datetime

from flask import g
from werkzeug.datastructures import MultiDict

from core.api.filters import narrowed
from core.api.problems import Malformed
from core.api.reading import branch_of, in_clear
from core.errors import Fault
from core.language import say
from core.organisation import organisation, zone_of
from core.records import as_json, visible_to
from core.records.visibility import load_refs, permission, visible_branches
from core.switches import require_on

USUAL, MOST = 50, 200
OWN = ("branch", "after", "limit", "total")  # arguments of every list; all others are filters


def page(model, arguments):
    """One page of the records that the person sees: (items, cursor of the next page or None, total or None)."""
    limit, after = limit_of(arguments), cursor_of(arguments, _moment, int)
    code = arguments.get("branch")
    branch = branch_of(code, Malformed)
    branches = _branches(model, branch if code else None)
    filters = MultiDict([(name, value) for name, value in arguments.items(multi=True) if name not in OWN])
    query = visible_to(g.actor, model)
    if code:
        query = query.where(model.branch.in_(sorted(branches)))
    query = narrowed(g.actor, model, query, branches, filters, zone_of(branch.id))
    total = query.count() if arguments.get("total") in ("1", "true") else None
    if after:
        moment, row_id = after
        query = query.where(model.happened_at <= moment, (model.happened_at < moment) | (model.id < row_id))
    rows = list(query.order_by(model.happened_at.desc(), model.id.desc()).limit(limit + 1))
    following = cursor(rows[limit - 1].happened_at.isoformat(), rows[limit - 1].id) if len(rows) > limit else None
    in_clear(rows[:limit])
    return [as_json(row, g.actor) for row in load_refs(rows[:limit], model)], following, total


def _branches(model, branch):
    """The ids that the list is taken from. Raises Denied, or SwitchedOff where the plugin is off in all of them."""
    everywhere = frozenset(organisation().branches)
    asked = organisation().subtree(branch.id) if branch else everywhere
    seen, verb = visible_branches(g.actor, model), permission(model, "view")
    found = asked if seen is None else asked & seen
    if not found:
        allowed = g.actor.branches(verb)
        allowed = asked if allowed is None else asked & allowed
        if not allowed:
            g.actor.require(verb, branch.id if branch else None)
        home = branch.id if branch else g.actor.person.branch_id
        require_on(model._meta.plugin, home if home in allowed else min(allowed), g.now)
    return found


def limit_of(arguments):
    """How many items a page has at most. Raises Malformed."""
    text = arguments.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise Malformed(Fault("limit", say("应在 1 到 {most} 之间", "between 1 and {most}", most=MOST)))
    return int(text)


def cursor(*key):
    """The key of a page's last row as one opaque word."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def cursor_of(arguments, *kinds):
    """The key in `after`, each part read by its kind; None where there is none. Raises Malformed."""
    text = arguments.get("after")
    if not text:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [kind(part) for kind, part in zip(kinds, key, strict=True)]
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        message = say("请原样填写上一页给出的 next", "write the word that the page before gave as next")
        raise Malformed(Fault("after", message)) from error


def _moment(text):
    return datetime.fromisoformat(text)
