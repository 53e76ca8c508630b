"""Branches as a tree, and their departments: add, rename, close by date, name a successor."""

from collections import Counter

import peewee
from flask import g, url_for
from flask_admin import expose

from core import organisation as units
from core.errors import NotFound
from core.language import Words, say
from core.organisation import FUNCTIONS, organisation
from core.people import Person
from core.screens.administration.asking import Typed, branch_of, branches_for, department_of, done, today, typed
from core.screens.administration.page import AdministrationPage

EDIT = "core.branch.edit"


class Organisation(AdministrationPage):
    """The tree of branches, one branch with its departments, and one department."""

    permission = EDIT
    title = Words("机构与部门", "Branches and departments")
    icon = "sitemap"
    order = 10

    @expose("/")
    def index(self, form=None):
        branches = branches_for(EDIT)
        ids = [branch.id for _, branch in branches]
        headcount = peewee.fn.COUNT(Person.id)
        query = Person.select(Person.branch, headcount).where(Person.is_active, Person.branch.in_(ids))
        return self.show(
            "zhixing/administration/organisation.html",
            branches=branches,
            departments=Counter(department.branch_id for department in organisation().departments.values()),
            headcounts=dict(query.group_by(Person.branch).tuples()),
            form=form or Typed(),
        ), 422 if form else 200

    @expose("/add", methods=("POST",))
    def add(self):
        """Add a branch below one that the actor administers."""
        form = typed()
        parent = branch_of(form.text("parent"), EDIT)
        with form.judged():
            branch = units.add_branch(g.actor, form.text("code"), form.text("name"), parent, form.text("timezone"))
            message = say("已新增机构“{name}”。", "{name} was added.", name=branch.name)
            return done(message, url_for("organisation.branch", code=branch.code))
        return self.index(form=form)

    @expose("/<code>")
    def branch(self, code, form=None, new=None):
        branch = branch_of(code, EDIT)
        shown = {
            "name": branch.name,
            "timezone": branch.timezone,
            "closed_on": branch.closed_on or "",
            "successor": organisation().branches[branch.successor_id].code if branch.successor_id else "",
        }
        below = organisation().subtree(branch.id)
        return self.show(
            "zhixing/administration/branch.html",
            branch=branch,
            form=form or Typed(shown),
            new=new or Typed(),
            departments=organisation().departments_of(branch.id),
            functions=FUNCTIONS,
            successors=[(depth, other) for depth, other in branches_for(EDIT) if other.id not in below],
            today=today(branch),
        ), 422 if form or new else 200

    @expose("/<code>/change", methods=("POST",))
    def change(self, code):
        """Rename a branch, give it a zone, close it by date, name its successor (one that the actor administers)."""
        branch, form = branch_of(code, EDIT), typed()
        successor = branch_of(form.text("successor"), EDIT) if form.text("successor") else None
        values = {
            "name": form.text("name"),
            "timezone": form.text("timezone"),
            "closed_on": form.day("closed_on"),
            "successor": successor,
        }
        if not form.faults:
            with form.judged():
                units.change_unit(g.actor, branch, values, form.text("reason"))
                return done(say("已保存。", "Saved."), url_for("organisation.branch", code=code))
        return self.branch(code=code, form=form)

    @expose("/<code>/departments", methods=("POST",))
    def add_department(self, code):
        branch, form = branch_of(code, EDIT), typed()
        with form.judged():
            function = form.text("function") or "other"
            units.add_department(g.actor, branch, form.text("code"), form.text("name"), function)
            message = say("已新增部门“{name}”。", "{name} was added.", name=form.text("name"))
            return done(message, url_for("organisation.branch", code=code))
        return self.branch(code=code, new=form)

    @expose("/<code>/departments/<int:department_id>", methods=("GET",))
    def department(self, code, department_id, form=None):
        branch = branch_of(code, EDIT)
        department = _department(branch, department_id)
        shown = {
            "name": department.name,
            "function": department.function,
            "closed_on": department.closed_on or "",
        }
        people = Person.select().where(Person.department == department.id).order_by(Person.login)
        return self.show(
            "zhixing/administration/department.html",
            branch=branch,
            department=department,
            form=form or Typed(shown),
            functions=FUNCTIONS,
            people=list(people),
        ), 422 if form else 200

    @expose("/<code>/departments/<int:department_id>", methods=("POST",))
    def change_department(self, code, department_id):
        """Rename a department, change its function, close it by date."""
        branch, form = branch_of(code, EDIT), typed()
        department = _department(branch, department_id)
        values = {"name": form.text("name"), "function": form.text("function"), "closed_on": form.day("closed_on")}
        if not form.faults:
            with form.judged():
                units.change_unit(g.actor, department, values, form.text("reason"))
                return done(say("已保存。", "Saved."), url_for("organisation.branch", code=code))
        return self.department(code=code, department_id=department_id, form=form)


def _department(branch, department_id):
    found = department_of(branch, department_id)
    if found is None:
        raise NotFound(say("这个机构没有该部门。", "This branch has no such department."))
    return found
