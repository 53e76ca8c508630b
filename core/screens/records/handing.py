"""Handing a record over: to another branch, department or person, always with a reason."""

from dataclasses import dataclass

from core import records
from core.access import heads_of, holders_of
from core.errors import Fault, Refused
from core.language import say
from core.organisation import organisation
from core.people import person_by_login
from core.screens.records import lookups
from core.switches import branches_with


@dataclass(frozen=True)
class Offer:
    """To whom a record may go: `branches` are (code, name), `departments` (branch's name, [(id, name)])."""

    branches: list
    departments: list
    look_up: str


def offer(actor, record):
    """Where a record may go: the branches in which its plugin is on, and their departments."""
    tree, on = organisation(), branches_with(record._meta.plugin, actor.now)
    branches = [branch for _, branch in tree.ordered() if branch.id in on and branch.closed_on is None]
    departments = [
        (branch.name, [(d.id, d.name) for d in tree.departments_of(branch.id) if d.closed_on is None])
        for branch in branches
    ]
    look_up = f"/records/{record._meta.record}/look-up/owner"
    return Offer([(b.code, b.name) for b in branches], [each for each in departments if each[1]], look_up)


def hand_over(actor, record, form):
    """Hand a record over as a form asks. Who takes it, where no person is named, is the head there. Raises Refused."""
    tree = organisation()
    branch = tree.by_code.get(form.get("branch", ""))
    department = tree.departments.get(form.get("department", type=int))
    if branch is not None and branch.id == record.branch_id:
        branch = None
    if branch is None and department is not None and department.branch_id not in tree.path(record.branch_id):
        branch = tree.branches[department.branch_id]
    target = branch.id if branch else record.branch_id
    owner = _owner(form.get("owner", "").replace("\0", "").strip(), target)
    if branch is None and department is None and owner is None:
        told = say("请选择移交给哪个机构、部门或人员", "say to which branch, department or person")
        raise Refused(Fault("owner", told, "required"))
    if owner is None:
        owner = _head(department, target)
    if owner is None and branch is not None:
        told = say("那里没有负责人,请指定接手人", "there is no head there: say who takes it over")
        raise Refused(Fault("owner", told, "required"))
    return records.hand_over(
        actor,
        record,
        branch=branch,
        department=department,
        owner=owner,
        reason=form.get("reason", ""),
        revision=form.get("revision", type=int),
    )


def _owner(text, branch_id):
    if not text:
        return None
    try:
        return person_by_login(lookups.login_of(branch_id, text))
    except ValueError as error:
        raise Refused(Fault("owner", str(error))) from error


def _head(department, branch_id):
    heads = heads_of(department.id) if department is not None else []
    return next(iter(heads or holders_of("management", branch_id)), None)
