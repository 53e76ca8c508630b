"""The routes that keep what somebody types while they type it."""

from flask import Blueprint, g, jsonify, redirect, request

from core import drafts
from core.errors import Refused
from core.language import say
from core.screens.sign_in import safe_target

blueprint = Blueprint("drafts", __name__)
NOT_KEPT = {"csrf_token", "_key", "_title"}


@blueprint.post("/drafts")
def keep():
    """Keep a draft: the form as it stands, with its address in `_key`. Only one's own are kept and seen."""
    key = request.form.get("_key", "").replace("\0", "")
    if not key.startswith("/records/") or safe_target(key) is None:
        raise Refused(say("草稿的地址不对。", "This is no address of a form."))
    values = {name: text.replace("\0", "") for name, text in request.form.items() if name not in NOT_KEPT}
    drafts.keep(g.actor.person, key, values, request.form.get("_title", "").replace("\0", ""), g.now)
    return jsonify(saved_at=g.now.isoformat())


@blueprint.post("/drafts/drop")
def drop():
    """Forget a draft, and go back to the form."""
    key = request.form.get("_key", "")
    drafts.drop(g.actor.person, key)
    return redirect(safe_target(key) or "/", 303)
