"""Who may do what where: roles, grants, capacities, and the Actor that every question and every change is asked with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import peewee

from core.audit import amend, keep
from core.database import Kept, for_update, transaction
from core.errors import Denied, Fault, NoActor, Refused
from core.fields import MomentColumn
from core.language import Words, say
from core.organisation import Branch, Department, organisation
from core.people import Person

ADMINISTRATIONS = ("system_admin", "security_admin", "audit_admin")


@dataclass(frozen=True)
class Role:
    """A bundle of permissions that can be granted in a branch, shipped by the core or a plugin.

    `permissions` are names (plugin.record.verb); "*" stands for any part. `capacity` is the function in which the holder
    acts on records; None gives none. `may_grant` names roles that a holder can hand on without holding them.
    """

    name: str
    label: Words
    permissions: tuple = ()
    capacity: str | None = None
    may_grant: tuple = ()

    def allows(self, permission):
        """Whether the role holds the permission."""
        return any(_matches(pattern, permission) for pattern in self.permissions)


def _matches(pattern, permission):
    if pattern in ("*", permission):
        return True
    wanted, asked = pattern.split("."), permission.split(".")
    return len(wanted) == len(asked) and all(w in ("*", a) for w, a in zip(wanted, asked, strict=True))


ROLES = {}  # name -> Role of everything that is loaded; filled at start by core.start


class Grant(Kept):
    """A role that a person holds in a branch and below it; with a department, for that department only."""

    person = peewee.ForeignKeyField(Person, backref="grants", on_delete="RESTRICT")
    role = peewee.CharField(max_length=64)
    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    department = peewee.ForeignKeyField(Department, null=True, backref="+", on_delete="RESTRICT")
    ended_at = MomentColumn(null=True)


@dataclass(frozen=True)
class Delivery:
    """A message in the hands of a plugin: `id` is the same each time it comes, `again` says that it may have come before.

    What a hook does outside the database it does once by the id, or says that it is a repeat.
    """

    id: int
    again: bool


@dataclass
class Actor:
    """Who acts, through which face, and when: the present moment is read once, here, and passed down.

    Without a person it is the system (jobs, the sweep) or the console, and may do everything.
    """

    person: Person | None = None
    via: str = "system"  # web, api, console, import, job
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    name_override: str = ""
    delivery: Delivery | None = None  # where a hook of a plugin acts on a message
    session_id: int | None = None  # the browser session, where there is one
    shown: dict | None = field(default=None, compare=False)  # what personal data is shown: core.records.shown

    @property
    def name(self):
        """How the trail names the actor."""
        return self.name_override or (self.person.login if self.person else "system")

    @property
    def person_id(self):
        return self.person.id if self.person else None

    @property
    def is_system(self):
        return self.person is None

    @cached_property
    def grants(self):
        """What the person holds now: [(Role, branch_id, department_id)]. Roles that are not loaded are left out."""
        if self.person is None or not self.person.is_active:
            return []
        rows = Grant.select().where(Grant.person == self.person, Grant.ended_at.is_null())
        return [(ROLES[row.role], row.branch_id, row.department_id) for row in rows if row.role in ROLES]

    def roles_at(self, branch_id):
        """The roles held in this branch, from grants there or above it."""
        path = organisation().path(branch_id)
        reach = set(path) | {above for b in path for above in _successors(b)}
        return [(role, department) for role, granted, department in self.grants if granted in reach]

    def may(self, permission, branch_id):
        """Whether the actor holds the permission in the branch (any branch where `branch_id` is None)."""
        if self.is_system:
            return True
        if branch_id is None:
            return any(role.allows(permission) for role, _, _ in self.grants)
        return any(role.allows(permission) for role, _ in self.roles_at(branch_id))

    def require(self, permission, branch_id):
        """Raise Denied unless the actor holds the permission in the branch."""
        if not self.may(permission, branch_id):
            raise Denied(say("你没有这项权限:{name}。", "You lack the permission {name}.", name=permission))

    def branches(self, permission):
        """The ids of the branches in which the actor holds the permission; None means all of them."""
        if self.is_system:
            return None
        tree, found = organisation(), set()
        for role, branch_id, _ in self.grants:
            if role.allows(permission):
                if tree.branches[branch_id].parent_id is None:
                    return None
                found |= tree.subtree(branch_id)
        return frozenset(found)

    def capacities(self, branch_id, record=None):
        """In what functions the actor acts in the branch, and towards the record: a set of names.

        owner, submitter and department_head come from the record; sales, claims ... from the person's department; the
        others from granted roles.
        """
        if self.is_system:
            return {"system"}
        found = set()
        department_id = getattr(record, "department_id", None)
        for role, granted_for in self.roles_at(branch_id):
            if role.capacity and (granted_for is None or granted_for == department_id):
                found.add(role.capacity)
        person = self.person
        if person.department_id and person.branch_id in organisation().path(branch_id):
            found.add(organisation().departments[person.department_id].function)
        if record is not None:
            if getattr(record, "owner_id", None) == person.id:
                found.add("owner")
            if getattr(record, "recorded_by_id", None) == person.id:
                found.add("submitter")
        return found


def _successors(branch_id):
    branch = organisation().branches[branch_id]
    return organisation().path(branch.successor_id) if branch.successor_id else ()


def system(now=None, via="system"):
    """The program itself as an actor, as of `now`."""
    return Actor(None, via, now or datetime.now(UTC))


def needs_actor(actor):
    """Raise NoActor where nobody is asking: a missing actor never means "all rows"."""
    if not isinstance(actor, Actor):
        raise NoActor("A question about visible rows was asked without an Actor. Pass the one of the request or job.")
    return actor


def heads_of(department_id):
    """The active heads of a department, in the order in which they were appointed."""
    return list(
        Person.select()
        .join(Grant)
        .where(
            Grant.role == "department_head",
            Grant.department == department_id,
            Grant.ended_at.is_null(),
            Person.is_active,
        )
        .order_by(Grant.id)
    )


def holders_of(role, branch_id):
    """The active people who hold the role at the branch or above it."""
    return list(
        Person.select()
        .join(Grant)
        .where(
            Grant.role == role,
            Grant.branch.in_(organisation().path(branch_id)),
            Grant.ended_at.is_null(),
            Person.is_active,
        )
        .order_by(Person.id)
        .distinct()
    )


def may_grant(actor, role, branch_id):
    """Whether the actor may hand the role on in the branch: held, or handed on by a role held there."""
    if actor.is_system:
        return True
    held = [held for held, _ in actor.roles_at(branch_id)]
    if any(
        role.name in each.may_grant or ("*" in each.may_grant and role.name not in ADMINISTRATIONS) for each in held
    ):
        return True
    return actor.may("core.grant.edit", branch_id) and any(each.name == role.name for each in held)


def grant(actor, person, role_name, branch, department=None):
    """Give the person a role in a branch and below it. Nobody grants what they do not hold or may not hand on."""
    role = ROLES.get(role_name)
    if role is None:
        raise Refused(
            Fault(
                "role",
                say(
                    "没有角色“{name}”。现有:{known}",
                    'no role "{name}"; there are: {known}',
                    name=role_name,
                    known=", ".join(ROLES),
                ),
            )
        )
    if not may_grant(actor, role, branch.id):
        raise Denied(
            say(
                "你不能在“{branch}”授予“{role}”。",
                "You may not grant {role} in {branch}.",
                branch=branch.name,
                role=role.label,
            )
        )
    faults = []
    if department is not None and department.branch_id != branch.id:
        faults.append(Fault("department", say("该部门不属于所选机构", "this department is of another branch")))
    if actor.person_id == person.id:
        faults.append(Fault("person", say("不能给自己授权", "nobody grants roles to themselves")))
    if faults:
        raise Refused(*faults)
    with transaction():
        list(
            for_update(Person.select(Person.id).where(Person.id == person.id))
        )  # two grants at once wait for each other
        held = list(Grant.select().where(Grant.person == person, Grant.ended_at.is_null()))
        _refuse_second_administration(role_name, held)
        wanted = (role_name, branch.id, department.id if department else None)
        existing = next((g for g in held if (g.role, g.branch_id, g.department_id) == wanted), None)
        values = {"person": person, "role": role_name, "branch": branch, "department": department}
        return existing or keep(actor, Grant, values, branch_id=branch.id, verb="grant")


def _refuse_second_administration(role_name, held):
    other = next((g.role for g in held if g.role in ADMINISTRATIONS and g.role != role_name), None)
    if role_name in ADMINISTRATIONS and other:
        told = say(
            "系统、安全、审计三种管理不能由同一人担任:此人已是“{other}”",
            "the three administrations cannot meet in one person, who is {other} already",
            other=ROLES[other].label,
        )
        raise Refused(Fault("role", told))


def revoke(actor, held, reason=""):
    """Take a granted role away."""
    if not may_grant(actor, ROLES.get(held.role) or Role(held.role, Words(held.role)), held.branch_id):
        raise Denied(say("你不能收回这项授权。", "You may not take this grant away."))
    with transaction():
        amend(actor, held, {"ended_at": actor.now}, branch_id=held.branch_id, verb="revoke", reason=reason)
