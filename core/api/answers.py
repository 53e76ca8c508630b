"""How the API answers: JSON in UTF-8, in the order in which it was put together."""

import json

from flask import Response


def answer(data, status=200, headers=None, mimetype="application/json"):
    """A response with `data` as JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, mimetype=mimetype)


def listed(items, following=None, total=None):
    """The answer of every list: the items, the cursor of the next page (None: there is none), the total where asked."""
    data = {"items": items, "next": following}
    return answer(data if total is None else {**data, "total": total})


def moment(value, zone):
    """A moment as the API gives it: ISO 8601 with the offset of the branch."""
    return None if value is None else value.astimezone(zone).isoformat()
