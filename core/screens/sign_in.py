"""Signing in and out, and who asks: every request has `g.now`, `g.actor`, `g.branch` and `g.scope`."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, session, url_for

from core import database, people
from core.access import Actor
from core.errors import ZhixingError
from core.language import LANGUAGES, set_language
from core.organisation import organisation
from core.screens.page import scope

blueprint = Blueprint("sign_in", __name__)
PUBLIC = {"sign_in.form", "sign_in.by_link", "sign_in.language", "static", "health"}  # the few routes open to anybody


def install(app):
    """Ask before each request who it is, and add the routes for signing in and out."""
    app.before_request(begin)
    app.register_blueprint(blueprint)


def begin():
    """Before each request: read the moment and the versions once, and find out who asks and in which branch."""
    database.refresh()
    g.now = datetime.now(UTC)
    g.settings = current_app.config["ZHIXING"]
    token = session.get("token")
    g.session = people.session_of(token, g.now, g.settings) if token else None
    person = g.session.person if g.session else None
    g.actor = Actor(person, "web", g.now) if person else None
    set_language((person.language if person else session.get("language")) or g.settings.language)
    if person is not None:
        tree = organisation()
        g.branch = tree.branches.get(session.get("branch"), tree.branches[person.branch_id])
        if g.branch.id not in branches_open_to(g.actor):
            g.branch = tree.branches[person.branch_id]
        g.scope = scope()
    elif request.endpoint not in PUBLIC and request.blueprint != "api":
        return redirect(url_for("sign_in.form", next=request.full_path.rstrip("?")))
    return None


def branches_open_to(actor):
    """The branches that a person may choose in the switcher: their own and those below what is granted to them."""
    tree = organisation()
    found = set(tree.subtree(actor.person.branch_id)) if not actor.grants else {actor.person.branch_id}
    for _, branch_id, _ in actor.grants:
        found |= tree.subtree(branch_id)
    return found


@blueprint.route("/sign-in", methods=["GET", "POST"])
def form():
    """The sign-in page."""
    fault = ""
    if request.method == "POST":
        try:
            login = request.form.get("login", "").strip()
            person = people.sign_in(login, request.form.get("password", ""), g.now, g.settings, request.remote_addr or "")
            return _begin_session(person)
        except ZhixingError as error:
            fault = error.message
    return render_template("zhixing/sign_in.html", fault=fault), 422 if fault else 200


@blueprint.route("/link/<token>", methods=["GET", "POST"])
def by_link(token):
    """A one-time link: opening it shows a button, pressing it spends the link (so that a mail scanner does not)."""
    fault = ""
    if request.method == "POST":
        try:
            person = people.use_link(token, g.now)
            return _begin_session(person, url_for("account.password"))
        except ZhixingError as error:
            fault = error.message
    return render_template("zhixing/link.html", fault=fault), 422 if fault else 200


def _begin_session(person, target=None):
    session.clear()
    session["token"] = people.begin_session(person, g.now, request.remote_addr or "", request.user_agent.string)
    return redirect(target or safe_target(request.args.get("next")) or url_for("desk.index"))


def safe_target(target):
    """`target` where it is a path of our own, else None: never a redirect to elsewhere."""
    parts = urlsplit(target or "")
    fine = target and target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if fine else None


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
    """Choose the branch at hand."""
    chosen = organisation().by_code.get(request.form.get("branch", ""))
    if chosen and chosen.id in branches_open_to(g.actor):
        session["branch"] = chosen.id
    return redirect(safe_target(request.form.get("next")) or "/")
