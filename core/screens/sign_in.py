"""Signing in and out, and who asks: every request has `g.now`, `g.actor`, `g.branch` and `g.scope`."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, jsonify, redirect, render_template, request, session, url_for

from core import database, people
from core.access import Actor
from core.errors import ZhixingError
from core.language import LANGUAGES, say, set_language
from core.organisation import organisation
from core.screens.guard import PUBLIC, STATIC, wants_json
from core.screens.page import scope_of

blueprint = Blueprint("sign_in", __name__)


def install(app):
    """Ask before each request who it is, and add the routes for signing in and out."""
    app.config["CLOCK"] = lambda: datetime.now(UTC)  # read once a request
    app.before_request(begin)
    app.register_blueprint(blueprint)


def begin():
    """Before each request: read the moment and the versions once, and find out who asks and in which branch."""
    g.now = current_app.config["CLOCK"]()
    g.settings = current_app.config["ZHIXING"]
    g.session = g.actor = g.branch = None
    g.scope = ()
    set_language(session.get("language") or g.settings.language)
    if request.endpoint in STATIC:
        return None
    database.refresh()
    token = session.get("token")
    g.session = people.session_of(token, g.now, g.settings) if token else None
    if g.session:
        _act_for(g.session.person)
    elif request.endpoint not in PUBLIC and request.blueprint != "api":
        return _ask_to_sign_in()
    return None


def _act_for(person):
    g.actor = Actor(person, "web", g.now)
    set_language(person.language or session.get("language") or g.settings.language)
    g.branch = _branch_at_hand(g.actor)
    g.scope = scope_of(g.branch)


def _ask_to_sign_in():
    if wants_json():
        return jsonify(status=401, title=say("请重新登录", "Sign in again")), 401
    came_from = urlsplit(request.referrer or "").path
    back = request.full_path.rstrip("?") if request.method == "GET" else came_from
    return redirect(url_for("sign_in.form", next=None if back in ("", "/") else back))


def branches_open_to(actor):
    """The branches that a person may choose in the switcher: where roles are granted and below; without any, their own."""
    tree, found = organisation(), set()
    for _, branch_id, _ in actor.grants:
        found |= tree.subtree(branch_id)
    return found or {actor.person.branch_id}


def _branch_at_hand(actor):
    """The branch that was chosen, else one's own, else the first that one has a role in."""
    tree, open_ = organisation(), branches_open_to(actor)
    wanted = (session.get("branch"), actor.person.branch_id, *(branch.id for _, branch in tree.ordered()))
    return tree.branches[next(branch_id for branch_id in wanted if branch_id in open_)]


@blueprint.route("/sign-in", methods=["GET", "POST"])
def form():
    """The sign-in page."""
    fault = ""
    login = request.form.get("login", "").replace("\0", "").strip()[:64]
    if request.method == "POST":
        try:
            password = request.form.get("password", "")
            person = people.sign_in(login, password, g.now, g.settings, request.remote_addr or "")
            return _begin_session(person, safe_target(request.args.get("next")) or url_for("desk.index"))
        except ZhixingError as error:
            fault = error.message
    return render_template("zhixing/sign_in.html", fault=fault, login=login), 422 if fault else 200


@blueprint.route("/link/<token>", methods=["GET", "POST"])
def by_link(token):
    """A one-time link: opening it shows a button, pressing it spends the link (so that a mail scanner does not)."""
    fault = ""
    if request.method == "POST":
        try:
            response = _begin_session(people.use_link(token, g.now), url_for("account.password"))
            session["by_link"] = True  # whoever comes by a link does not know the old password
            return response
        except ZhixingError as error:
            fault = error.message
    return render_template("zhixing/link.html", fault=fault), 422 if fault else 200


def _begin_session(person, target):
    language = session.get("language")
    if session.get("token"):
        people.end_session(session["token"], g.now)
    session.clear()
    session["token"] = people.begin_session(person, g.now, request.remote_addr or "", request.user_agent.string)
    if language:
        session["language"] = language
    return redirect(target)


def safe_target(target):
    """`target` where it is a path of our own, else None: never a redirect to elsewhere."""
    parts = urlsplit(target or "")
    ours = bool(target) and target.startswith("/") and not parts.scheme and not parts.netloc
    odd = not ours or any(character in target for character in "\\\r\n\t")
    return target if ours and not odd and not target.startswith("//") else None


@blueprint.route("/sign-out", methods=["POST"])
def out():
    """Sign out, on the server."""
    if session.get("token"):
        people.end_session(session["token"], g.now)
    session.clear()
    return redirect(url_for("sign_in.form"))


@blueprint.route("/language", methods=["POST"])
def language():
    """Choose the language of the pages."""
    chosen = request.form.get("language")
    if chosen in LANGUAGES:
        session["language"] = chosen
        if g.actor:
            people.change_person(g.actor, g.actor.person, {"language": chosen})
    return redirect(safe_target(request.form.get("next")) or "/")


@blueprint.route("/branch", methods=["POST"])
def choose_branch():
    """Choose the branch at hand; whether it is open is asked at every request."""
    chosen = organisation().by_code.get(request.form.get("branch", ""))
    if chosen:
        session["branch"] = chosen.id
    return redirect(safe_target(request.form.get("next")) or "/")
