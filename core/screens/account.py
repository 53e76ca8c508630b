"""One's own account: password, theme, and the browsers one is signed in with."""

from flask import flash, g, redirect, request, session, url_for
from flask_admin import expose

from core import passwords, people, second_factor
from core.errors import ZhixingError
from core.language import Words, say
from core.organisation import organisation
from core.people import Session
from core.screens.page import EVERYBODY, Page
from core.screens.sign_in import safe_target

THEMES = ("", "light", "dark")  # "": as the system


class Account(Page):
    """What a person sets for themselves."""

    permission = EVERYBODY
    title = Words("我的账户", "My account")
    in_menu = False

    @expose("/")
    def index(self):
        mine = Session.select().where(Session.person == g.actor.person, Session.ended_at.is_null())
        sessions = [row for row in mine.order_by(Session.seen_at.desc()) if people.is_live(row, g.now, g.settings)]
        branches = organisation().branches
        roles = [(role.label, branches[branch_id]) for role, branch_id, _ in g.actor.grants]
        home = branches[g.actor.person.branch_id]
        factor = second_factor.of(g.actor.person)
        return self.show(
            "zhixing/account.html",
            sessions=sessions,
            here=g.session.id,
            roles=roles,
            home=home,
            app_since=factor and factor.made_at,
        )

    @expose("/password", methods=("GET", "POST"))
    def password(self):
        """Choose a password; the old one is asked for, except of those who came by a one-time link."""
        fault, by_link = "", bool(session.get("by_link")) or not g.actor.person.password_hash
        if request.method == "POST":
            try:
                self._set_password(by_link)
                session.pop("by_link", None)
                flash(say("密码已保存,其他浏览器已退出登录。", "Saved. Other browsers are signed out."), "green")
                return redirect(safe_target(request.args.get("next")) or url_for("desk.index"))
            except ZhixingError as error:
                fault = error.message
        old = bool(g.actor.person.password_hash) and passwords.is_too_old(g.actor.person.password_set_at, g.now)
        shown = {"fault": fault, "by_link": by_link, "too_old": old, "hint": passwords.hint()}
        return self.show("zhixing/account_password.html", **shown), 422 if fault else 200

    def _set_password(self, by_link):
        person, form = g.actor.person, request.form
        if not by_link:  # the same throttle as at the door
            people.sign_in(person.login, form.get("old", ""), g.now, g.settings, request.remote_addr or "")
        if form.get("new", "") != form.get("again", ""):
            raise ZhixingError(say("两次输入的新密码不一致。", "The two new passwords differ."))
        people.set_password(g.actor, person, form.get("new", ""), keep_session=g.session.id)

    @expose("/theme", methods=("POST",))
    def theme(self):
        """Choose light, dark, or as the system."""
        chosen = request.form.get("theme")
        if chosen in THEMES:
            people.change_person(g.actor, g.actor.person, {"theme": chosen})
        return redirect(safe_target(request.form.get("next")) or url_for("account.index"))

    @expose("/end", methods=("POST",))
    def end(self):
        """Sign one browser of one's own out (form field `id`), or all but this one."""
        chosen = request.form.get("id", type=int)
        if chosen is None:
            people.end_sessions(g.actor.person, g.now, keep=g.session.id)
        else:
            mine = (Session.person == g.actor.person) & (Session.id == chosen) & Session.ended_at.is_null()
            Session.update(ended_at=g.now).where(mine).execute()
        flash(say("已退出登录。", "Signed out there."), "green")
        return redirect(url_for("account.index"))
