"""One's own account: password, theme, and the browsers one is signed in with."""

from flask import flash, g, redirect, render_template, request, url_for
from flask_admin import expose

from core import channels, passwords, people, second_factor
from core.errors import NotFound, Refused, ZhixingError
from core.language import Words, say
from core.organisation import organisation
from core.people import Session
from core.screens.page import EVERYBODY, Page
from core.screens.sign_in import safe_target, told

THEMES = ("", "light", "dark")  # "": as the system


class Account(Page):
    """What a person sets for themselves."""

    permission = EVERYBODY
    title = Words("我的账户", "My account")
    in_menu = False

    @expose("/")
    def index(self):
        sessions = people.live_sessions(g.actor.person, g.now, g.settings)
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
            messages=channels.address_kept(g.actor.person),
        )

    @expose("/password", methods=("GET", "POST"))
    def password(self):
        """Choose a password; the old one is asked for, except of those who came by a one-time link."""
        faults, by_link = [], g.session.by_link or not g.actor.person.password_hash
        if request.method == "POST":
            try:
                self._set_password(by_link)
                flash(say("密码已保存,其他浏览器已退出登录。", "Saved. Other browsers are signed out."), "green")
                return redirect(safe_target(request.args.get("next")) or url_for("desk.index"))
            except ZhixingError as error:
                faults = told(error)
        old = bool(g.actor.person.password_hash) and passwords.is_too_old(g.actor.person.password_set_at, g.now)
        shown = {"faults": faults, "by_link": by_link, "too_old": old, "hint": passwords.hint()}
        if g.owes:  # a step of signing in: nothing of the program is shown around it
            return render_template("zhixing/sign_in_password.html", **shown), 422 if faults else 200
        return self.show("zhixing/account_password.html", **shown), 422 if faults else 200

    def _set_password(self, by_link):
        person, form = g.actor.person, request.form
        if not by_link:  # the same throttle as at the door
            people.sign_in(person.login, form.get("old", ""), g.now, g.settings, request.remote_addr or "")
        if form.get("new", "") != form.get("again", ""):
            raise ZhixingError(say("两次输入的新密码不一致。", "The two new passwords differ."))
        people.set_password(g.actor, person, form.get("new", ""), keep_session=g.session.id)

    @expose("/messages", methods=("POST",))
    def messages(self):
        """Keep one's own address, and whether messages go there (`wanted`)."""
        try:
            channels.keep_address(g.actor, request.form.get("address", ""), bool(request.form.get("wanted")))
            flash(say("已保存。", "Saved."), "green")
        except Refused as refused:
            flash(refused.message, "red")
        return redirect(url_for("account.index"))

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
        chosen = request.form.get("id")
        if chosen is None:
            people.end_sessions(g.actor.person, g.now, keep=g.session.id)
        else:
            mine = people.live_sessions(g.actor.person, g.now, g.settings)
            found = next((row for row in mine if str(row.id) == chosen), None)
            if found is None:
                raise NotFound(say("这个登录已经结束。", "This browser is signed out already."))
            Session.update(ended_at=g.now).where(Session.id == found.id).execute()
        flash(say("已退出登录。", "Signed out there."), "green")
        return redirect(url_for("account.index"))
