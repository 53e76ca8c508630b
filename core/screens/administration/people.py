"""People: the list, adding one, and one person's account, roles, and open work that goes to somebody else."""

from flask import g, request, url_for
from flask_admin import expose

from core import access, accounts, handover, people, second_factor
from core.access import ADMINISTRATIONS, ROLES
from core.errors import NotFound
from core.language import Words, say
from core.organisation import organisation
from core.records.visibility import load_refs
from core.screens.administration.asking import (
    Typed,
    branch_of,
    branches_for,
    department_of,
    done,
    person_of,
    typed,
)
from core.screens.administration.open_work import chosen_work, shown_work
from core.screens.administration.page import AdministrationPage

VIEW, EDIT = "core.person.view", "core.person.edit"
PAGE = 50


class People(AdministrationPage):
    """Everybody whom the actor may look up, and one person."""

    permission = VIEW
    title = Words("人员", "People")
    icon = "users"
    order = 20

    @expose("/")
    def index(self):
        wanted = request.args.get("q", "").strip()
        state, after = request.args.get("state", "active"), request.args.get("after", "")
        query = accounts.visible_people(g.actor, g.scope)
        person = query.model
        if wanted:
            query = query.where(person.login.contains(wanted) | person.name.contains(wanted))
        if state in ("active", "inactive"):
            query = query.where(person.is_active == (state == "active"))
        if after:
            query = query.where(person.login > after)
        rows = list(query.order_by(person.login).limit(PAGE + 1))
        shown = load_refs(rows[:PAGE], person)
        return self.show(
            "zhixing/administration/people.html",
            people=shown,
            held=accounts.grants_of([each.id for each in shown]),
            roles=ROLES,
            tree=organisation(),
            wanted=wanted,
            state=state,
            after=rows[PAGE - 1].login if len(rows) > PAGE else None,
            may_add=g.actor.may(EDIT, None),
        )

    @expose("/~add", methods=("GET",))
    def new(self, form=None):
        """The form for a new person; their department is of the branch that was chosen first. (No login has a ~.)"""
        form = form or Typed(request.args)
        branches = branches_for(EDIT)
        branch = branch_of(form.text("branch"), EDIT) if form.text("branch") else _first(branches)
        return self.show(
            "zhixing/administration/person_new.html",
            form=form,
            branches=branches,
            branch=branch,
            departments=organisation().departments_of(branch.id),
        ), 422 if form.faults else 200

    @expose("/~add", methods=("POST",))
    def add(self):
        """Add a person, and show the one-time link by which they sign in first."""
        form = typed()
        branch = branch_of(form.text("branch"), EDIT)
        department = department_of(branch, form.text("department")) if form.text("department") else None
        if form.text("department") and department is None:
            form.fault("department", say("该部门不属于所选机构", "this department is of another branch"))
        if not form.faults:
            with form.judged():
                person = people.add_person(g.actor, form.text("login"), form.text("name"), branch, department)
                return self._link_page(person)
        return self.new(form=form)

    @expose("/<login>")
    def person(self, login, faulty="", form=None):
        """One person; `faulty` names the form that came back with faults."""
        person = person_of(login)
        held = accounts.grants_of([person.id]).get(person.id, [])
        at = request.args.get("at") or organisation().branches[person.branch_id].code
        place = branch_of(at, VIEW)
        reach = branches_for(EDIT) or [(0, organisation().branches[person.branch_id])]
        home = {
            "name": person.name,
            "branch": organisation().branches[person.branch_id].code,
            "department": str(person.department_id or ""),
        }
        forms = {"change": Typed(home), "grant": Typed(), "leave": Typed(), "reassign": Typed(), "reset": Typed()}
        if faulty:
            forms[faulty] = form
        in_hand, offered = accounts.may_control(g.actor, person, held), _offered(place)
        return self.show(
            "zhixing/administration/person.html",
            person=person,
            held=held,
            roles=ROLES,
            tree=organisation(),
            place=place,
            branches=branches_for(VIEW),
            homes=reach,
            offered=offered,
            offered_choices=[(role.name, role.label) for role in offered],
            may_revoke=[each.id for each in held if access.may_grant(g.actor, _role(each.role), each.branch_id)],
            in_hand=in_hand,
            may_reset=accounts.may_reset(g.actor, person, held),
            has_app=second_factor.of(person) is not None,
            is_waiting=accounts.is_waiting(person, g.now, g.settings),
            may_end_sessions=in_hand or g.actor.may("core.session.edit", person.branch_id),
            may_change=g.actor.may(EDIT, person.branch_id),
            may_reassign=g.actor.may(EDIT, person.branch_id) or g.actor.may("core.person.lock", person.branch_id),
            sessions=people.live_sessions(person, g.now, g.settings),
            work=shown_work(person),
            administrations=ADMINISTRATIONS,
            **{f"{name}_form": each for name, each in forms.items()},
        ), 422 if faulty else 200

    @expose("/<login>/change", methods=("POST",))
    def change(self, login):
        """Correct the name, or move the person to another branch or department."""
        person, form = person_of(login), typed()
        branch = branch_of(form.text("branch"), EDIT)
        department = (
            organisation().departments.get(int(form.text("department"))) if _is_id(form, "department") else None
        )
        with form.judged():
            accounts.change_home(g.actor, person, name=form.text("name"), branch=branch, department=department)
            return done(say("已保存。", "Saved."), _address(person))
        return self.person(login=login, faulty="change", form=form)

    @expose("/<login>/grant", methods=("POST",))
    def grant(self, login):
        """Give a role in a branch; only what the actor may hand on there."""
        person, form = person_of(login), typed()
        branch = branch_of(form.text("branch"), VIEW)
        department = department_of(branch, form.text("department")) if form.text("department") else None
        if form.text("department") and department is None:
            form.fault("department", say("该部门不属于所选机构", "this department is of another branch"))
        if form.text("role") == "department_head" and department is None:
            form.fault("department", say("请选择所负责的部门", "say of which department"))
        if not form.faults:
            with form.judged():
                access.grant(g.actor, person, form.text("role"), branch, department)
                return done(say("已授予。", "Granted."), _address(person))
        return self.person(login=login, faulty="grant", form=form)

    @expose("/<login>/revoke/<int:grant_id>", methods=("POST",))
    def revoke(self, login, grant_id):
        """Take a role away."""
        person = person_of(login)
        held = next((each for each in accounts.grants_of([person.id]).get(person.id, []) if each.id == grant_id), None)
        if held is None:
            raise NotFound(say("这项授权已不在。", "This grant is no longer there."))
        access.revoke(g.actor, held, request.form.get("reason", "").strip())
        return done(say("已收回。", "Taken away."), _address(person))

    @expose("/<login>/link", methods=("POST",))
    def link(self, login):
        """Make a one-time link; it is shown on this answer only."""
        return self._link_page(person_of(login))

    @expose("/<login>/reset", methods=("POST",))
    def reset(self, login):
        """Take password and authenticator app away, and show a one-time link."""
        person, form = person_of(login), typed()
        with form.judged():
            return self._shown_link(person, accounts.reset(g.actor, person, g.settings, form.text("reason")))
        return self.person(login=login, faulty="reset", form=form)

    @expose("/<login>/unlock", methods=("POST",))
    def unlock(self, login):
        """Let the person try to sign in again at once."""
        person = person_of(login)
        accounts.unlock(g.actor, person)
        return done(say("已解锁,可以重新登录。", "Unlocked: they can sign in again."), _address(person))

    def _link_page(self, person):
        return self._shown_link(person, accounts.issue_link(g.actor, person, g.settings))

    def _shown_link(self, person, token):
        link = g.settings.url + url_for("sign_in.by_link", token=token)
        return self.show(
            "zhixing/administration/person_link.html", person=person, link=link, hours=g.settings.link_hours
        )

    @expose("/<login>/end-sessions", methods=("POST",))
    def end_sessions(self, login):
        """Sign the person out everywhere."""
        person = person_of(login)
        accounts.sign_out_everywhere(g.actor, person)
        return done(say("已退出其所有登录。", "Signed out everywhere."), _address(person))

    @expose("/<login>/deactivate", methods=("POST",))
    def deactivate(self, login):
        """Deactivate the person; open work goes to the successor."""
        person, form = person_of(login), typed()
        successor = _taker(form)
        if not form.faults:
            with form.judged():
                moved = handover.deactivate(g.actor, person, successor, form.text("reason"))
                message = say("已停用,移交 {n} 件工作。", "Deactivated; {n} pieces of work handed over.", n=moved)
                return done(message, _address(person))
        return self.person(login=login, faulty="leave", form=form)

    @expose("/<login>/reactivate", methods=("POST",))
    def reactivate(self, login):
        """Let the person act again."""
        person, form = person_of(login), typed()
        with form.judged():
            handover.reactivate(g.actor, person, form.text("reason"))
            return done(say("已恢复。", "Reactivated."), _address(person))
        return self.person(login=login, faulty="leave", form=form)

    @expose("/<login>/reassign", methods=("POST",))
    def reassign(self, login):
        """Hand the chosen pieces of open work, or all of it, to somebody else."""
        person, form = person_of(login), typed()
        taker = _taker(form)
        chosen = None if form.get("which") == "all" else chosen_work(person, form)
        if not form.faults:
            with form.judged():
                moved = handover.reassign(g.actor, person, taker, form.text("reason"), chosen)
                return done(say("已移交 {n} 件。", "{n} handed over.", n=moved), _address(person))
        return self.person(login=login, faulty="reassign", form=form)


def _address(person):
    return url_for("people.person", login=person.login)


def _first(branches):
    here = next((branch for _, branch in branches if branch.id == g.branch.id), None)
    if not branches:
        g.actor.require(EDIT, g.branch.id)
    return here or branches[0][1]


def _is_id(form, name):
    return form.text(name).isdigit()


def _role(role_name):
    return ROLES.get(role_name) or access.Role(role_name, Words(role_name))


def _offered(branch):
    """The roles that the actor may hand on in a branch."""
    return [role for role in ROLES.values() if access.may_grant(g.actor, role, branch.id)]


def _taker(form):
    """The active person whose login was typed, None where nothing was; an unknown one becomes a fault."""
    login = form.text("successor")
    if not login:
        return None
    try:
        return person_of(login)
    except NotFound as error:
        form.fault("successor", error.message)
        return None
