"""What pages of administration ask of a request: branches, people and days, and how a refused form comes back."""

from contextlib import contextmanager
from datetime import date, datetime, time, timedelta

from flask import flash, g, redirect, request

from core.accounts import visible_people
from core.errors import NotFound, Refused
from core.language import say
from core.organisation import organisation, zone_of
from core.screens.sign_in import branches_open_to
from core.switches import local_day


class Typed:
    """What was typed into a form, and the faults found in it by field; `of` the values shown where nothing was typed."""

    def __init__(self, values=None):
        self.values, self.faults = dict(values or {}), {}

    def get(self, name, default=""):
        """The value typed into a field."""
        return self.values.get(name, default)

    def text(self, name):
        """The value typed into a field, without blanks around it."""
        return (self.get(name) or "").strip()

    def fault(self, name, message):
        """Note what is wrong with a field."""
        self.faults.setdefault(name, []).append(message)

    def day(self, name):
        """The day typed into a field, None where it is empty; one that is none becomes a fault."""
        try:
            return date.fromisoformat(self.text(name)) if self.text(name) else None
        except ValueError:
            self.fault(name, say("不是有效的日期,请写成 2026-03-05", "not a day: write 2026-03-05"))
            return None

    def during(self, query, moment):
        """`query` with a column of moments from the day in "from" to the day in "to", both whole, in the branch's zone."""
        zone, first, last = zone_of(g.branch.id), self.day("from"), self.day("to")
        if first:
            query = query.where(moment >= datetime.combine(first, time.min, zone))
        if last:
            query = query.where(moment < datetime.combine(last + timedelta(days=1), time.min, zone))
        return query

    @contextmanager
    def judged(self):
        """Do what the form asks inside the block, unless it is faulty already; what is refused becomes faults."""
        try:
            yield
        except Refused as refused:
            for fault in refused.faults:
                self.fault(fault.field, fault.message)

    def others(self, *known):
        """The faults of fields that the page does not show beside a field."""
        return [message for name, told in self.faults.items() if name not in known for message in told]


def typed():
    """What the request typed."""
    return Typed(request.form)


def done(message, address):
    """Tell that something was done, and go on to `address`."""
    flash(message, "green")
    return redirect(address, 303)


def branches_for(permission):
    """The branches at which the actor holds the permission: [(depth, branch)], each before those below it."""
    allowed = g.actor.branches(permission)
    listed = [(depth, b) for depth, b in organisation().ordered() if allowed is None or b.id in allowed]
    least = min((depth for depth, _ in listed), default=0)
    return [(depth - least, branch) for depth, branch in listed]


def branch_of(code, permission):
    """The branch with this code. Raises NotFound outside the actor's branches, Denied where the permission is lacking."""
    branch = organisation().by_code.get(code)
    if branch is None or branch.id not in branches_open_to(g.actor):
        raise NotFound(say("没有这个机构,或者你无权查看。", "There is no such branch, or you may not see it."))
    g.actor.require(permission, branch.id)
    return branch


def chosen_branch(permission):
    """The branch that `?branch=` names, else the one at hand, else the first at which the actor holds the permission."""
    code = request.values.get("branch")
    if code:
        return branch_of(code, permission)
    if g.actor.may(permission, g.branch.id):
        return g.branch
    known = branches_for(permission)
    return next((branch for _, branch in known if branch.id in g.scope), known[0][1])


def level_of(branch):
    """The level of forms and calendars that a branch stands for: head office for the whole group (None)."""
    return None if branch.parent_id is None else branch


def department_of(branch, department_id):
    """The department of the branch with this id (text), or None."""
    return next((d for d in organisation().departments_of(branch.id) if str(d.id) == str(department_id)), None)


def person_of(login):
    """The person with this login whom the actor may look up. Raises NotFound for any other."""
    people = visible_people(g.actor)
    person = people.where(people.model.login == login).get_or_none()
    if person is None:
        raise NotFound(say("没有这个人员,或者你无权查看。", "There is nobody of this login whom you may see."))
    return person


def today(branch):
    """The day that it is in a branch."""
    return local_day(g.now, branch.id)
