"""Signing in and out, and who asks: every request has `g.now`, `g.actor`, `g.branch` and `g.scope`."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import segno
from flask import Blueprint, current_app, g, jsonify, redirect, render_template, request, session, url_for
from markupsafe import Markup

from core import database, passwords, people, second_factor
from core.access import Actor
from core.errors import Refused, ZhixingError
from core.language import LANGUAGES, say, set_language
from core.organisation import organisation
from core.screens.guard import PUBLIC, STATIC, wants_json
from core.screens.page import scope_of

blueprint = Blueprint("sign_in", __name__)
ALWAYS = {"sign_in.out", "sign_in.language"}  # open to whoever still owes a step of signing in
STEPS = {"code": "sign_in.code", "password": "account.password", "app": "sign_in.app"}  # nosec B105  # routes


def install(app):
    """Ask before each request who it is, and add the routes for signing in and out."""
    app.config["CLOCK"] = lambda: datetime.now(UTC)  # read once a request
    app.before_request(begin)
    app.register_blueprint(blueprint)


def begin():
    """Before each request: read the moment and the versions once, and find out who asks and in which branch."""
    g.now = current_app.config["CLOCK"]()
    g.settings = current_app.config["ZHIXING"]
    g.session = g.half_session = g.actor = g.branch = g.owes = None
    g.scope = ()
    set_language(session.get("language") or g.settings.language)
    if request.endpoint in STATIC:
        return None
    database.refresh()
    token = session.get("token")
    g.session = people.session_of(token, g.now, g.settings) if token else None
    if g.session and request.blueprint != "api":
        return _begin_for(g.session)
    if request.endpoint not in PUBLIC and request.blueprint != "api":
        return _ask_to_sign_in()
    return None


def _begin_for(found):
    """Act for the person of a session, or lead to the step of signing in that is still owed. Until a code is, nobody acts."""
    factor = None if found.code_at else second_factor.of(found.person)
    if factor:
        g.half_session, g.session = found, None
        return _ask_for("code")
    _act_for(found.person, found.id)
    if found.by_link or _is_too_old(found):
        return _ask_for("password")
    if not found.code_at and second_factor.is_required(g.actor, g.settings):
        return _ask_for("app")
    return None


def _is_too_old(found):
    """Whether the password was too old when the session began: nobody is led away in the middle of their work."""
    person = found.person
    return bool(person.password_hash) and passwords.is_too_old(person.password_set_at, found.began_at)


def _ask_for(step):
    g.owes, endpoint = step, STEPS[step]
    if request.endpoint == endpoint or request.endpoint in ALWAYS or request.endpoint in PUBLIC:
        return None
    if wants_json():
        return jsonify(status=401, title=say("请先完成登录", "Finish signing in first")), 401
    return redirect(url_for(endpoint, next=_wanted()))


def _act_for(person, session_id):
    g.actor = Actor(person, "web", g.now, session_id=session_id)
    set_language(person.language or session.get("language") or g.settings.language)
    g.branch = _branch_at_hand(g.actor)
    g.scope = scope_of(g.branch)


def _ask_to_sign_in():
    if wants_json():
        return jsonify(status=401, title=say("请重新登录", "Sign in again")), 401
    return redirect(url_for("sign_in.form", next=_wanted()))


def _wanted():
    """Where the person wanted to go, to be led there after signing in; None for the desk."""
    came_from = urlsplit(request.referrer or "")
    form = f"{came_from.path}?{came_from.query}".rstrip("?")
    back = request.full_path.rstrip("?") if request.method == "GET" else form
    return None if back in ("", "/") else back


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


def told(error):
    """The sentences of an error, for the head of a form."""
    return [fault.message for fault in error.faults] if isinstance(error, Refused) else [error.message]


@blueprint.route("/sign-in", methods=["GET", "POST"])
def form():
    """The sign-in page."""
    faults = []
    login = request.form.get("login", "").replace("\0", "").strip()[:64]
    if request.method == "POST":
        try:
            password = request.form.get("password", "")
            person = people.sign_in(login, password, g.now, g.settings, request.remote_addr or "")
            return _begin_session(person, _target())
        except ZhixingError as error:
            faults = told(error)
    return render_template("zhixing/sign_in.html", faults=faults, login=login), 422 if faults else 200


@blueprint.route("/link/<token>", methods=["GET", "POST"])
def by_link(token):
    """A one-time link: opening it shows a button, pressing it spends the link (so that a mail scanner does not)."""
    faults = []
    if request.method == "POST":
        try:
            return _begin_session(people.use_link(token, g.now), url_for("account.password"), by_link=True)
        except ZhixingError as error:
            faults = told(error)
    return render_template("zhixing/link.html", faults=faults), 422 if faults else 200


def _begin_session(person, target, code_at=None, by_link=False):
    kept = {"language": session["language"]} if session.get("language") else {}
    if session.get("token"):
        people.end_session(session["token"], g.now)
    session.clear()
    address, agent = request.remote_addr or "", request.user_agent.string
    session.update(kept, token=people.begin_session(person, g.now, address, agent, code_at, by_link))
    return redirect(target)


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
def code():
    """The second step: a one-time code of the person's app."""
    half = g.half_session
    if half is None:
        return redirect(_target())
    faults = []
    if request.method == "POST":
        try:
            second_factor.accept(half.person, _typed_code(), g.now, g.settings, request.remote_addr or "")
            return _begin_session(half.person, _target(), g.now, half.by_link)
        except ZhixingError as error:
            faults = told(error)
    return render_template("zhixing/sign_in_code.html", faults=faults), 422 if faults else 200


@blueprint.route("/sign-in/app", methods=["GET", "POST"])
def app():
    """Set up the authenticator app: its secret is shown here, until a code proves that the app has it, and never again."""
    person, secret, faults = g.actor.person, second_factor.proposed(g.session), []
    if g.session.code_at or second_factor.of(person):
        return redirect(_target())
    if request.method == "POST":
        try:
            if secret is None:
                second_factor.propose(g.session)
                return redirect(url_for("sign_in.app", next=request.args.get("next")))
            second_factor.set_up(g.actor, secret, _typed_code())
            return _begin_session(person, _target(), g.now, g.session.by_link)
        except ZhixingError as error:
            faults = told(error)
    address = second_factor.address(secret, person.login) if secret else ""
    shown = {"secret": secret, "address": address, "picture": _picture(address) if secret else ""}
    return render_template("zhixing/sign_in_app.html", faults=faults, **shown), 422 if faults else 200


def _typed_code():
    return request.form.get("code", "")[:20]


def _picture(address):
    """The QR code of an address, as SVG without styles of its own."""
    drawn = segno.make(address, micro=False).svg_inline(
        omitsize=True, border=4, light="#fff", svgclass="qr", lineclass=None, title=say("二维码", "QR code")
    )
    return Markup(drawn)  # nosec B704  # made by segno, of an address whose parts are quoted


def _target():
    return safe_target(request.args.get("next")) or url_for("desk.index")


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
