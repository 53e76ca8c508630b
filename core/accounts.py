"""Who may take another person's account in hand: links, sessions, moves, grants seen from the person's side."""

from core import people, second_factor, tries
from core.access import ADMINISTRATIONS, ROLES, Grant
from core.audit import amend, note
from core.database import transaction
from core.errors import Denied, Fault, Refused
from core.language import say
from core.organisation import organisation
from core.people import Person


def visible_people(actor, branches=None):
    """A query of the people whom the actor may look up, active or not; of `branches` (ids) where given."""
    allowed = actor.branches("core.person.view")
    wanted = None if branches is None else set(branches)
    if allowed is not None:
        wanted = set(allowed) if wanted is None else wanted & allowed
    query = Person.select()
    return query if wanted is None else query.where(Person.branch.in_(sorted(wanted) or [0]))


def grants_of(person_ids):
    """What people hold now: {person id: [Grant]}, in one query."""
    held = {}
    rows = Grant.select().where(Grant.person.in_(sorted(person_ids) or [0]), Grant.ended_at.is_null())
    for row in rows.order_by(Grant.id):
        held.setdefault(row.person_id, []).append(row)
    return held


def may_control(actor, person, held=None):
    """Whether the actor may take the account in hand, in the person's branch and wherever the person holds a role.

    `core.person.lock` allows it for anybody, `core.person.edit` for people who hold none of the three administrations.
    """
    held = grants_of([person.id]).get(person.id, []) if held is None else held
    reach = {person.branch_id, *(each.branch_id for each in held)}
    is_administrator = any(each.role in ADMINISTRATIONS for each in held)
    for permission in ("core.person.lock",) if is_administrator else ("core.person.lock", "core.person.edit"):
        if all(actor.may(permission, branch_id) for branch_id in reach):
            return True
    return False


def require_control(actor, person):
    """Raise Denied, which says who may, unless the actor may take the account in hand."""
    held = grants_of([person.id]).get(person.id, [])
    if not may_control(actor, person, held):
        named = "、".join(
            f"{ROLES[each.role].label if each.role in ROLES else each.role}"
            f"({organisation().branches[each.branch_id].name})"
            for each in held
        )
        raise Denied(
            say(
                "{name}的账号不归你管理(所任角色:{held})。担任管理职务的人由安全管理员处理,跨机构的由上级机构处理。",
                "The account of {name} is not yours to manage (roles held: {held}). Of administrators the security "
                "administrator takes care, of people with roles elsewhere the branch above.",
                name=person.name,
                held=named or "-",
            )
        )


def issue_link(actor, person, settings):
    """A one-time link's token for somebody, shown once. Raises Denied, or Refused where the person is deactivated.

    Nobody makes one for themselves: it would be a way around the present password for whoever finds a session open.
    """
    require_control(actor, person)
    if actor.person_id == person.id:
        told = say(
            "不能给自己生成登录链接,请在“我的账户”中修改密码",
            "nobody makes a link for themselves: change your password under My account",
        )
        raise Refused(Fault("person", told))
    if not person.is_active:
        raise Refused(Fault("person", say("此人已停用,请先恢复", "this person is deactivated: reactivate them first")))
    return people.make_link(actor, person, settings)


def may_reset(actor, person, held=None):
    """Whether the actor may take somebody's password and app away: `core.person.lock` wherever the person is or acts.

    Nobody resets themselves: a session left open would be the way around one's own second step.
    """
    if actor.person_id == person.id:
        return False
    held = grants_of([person.id]).get(person.id, []) if held is None else held
    return all(actor.may("core.person.lock", place) for place in {person.branch_id, *(each.branch_id for each in held)})


def reset(actor, person, settings, reason):
    """Take away the password and the app of somebody who lost them; returns a one-time link's token.

    Their sessions and API tokens end: whoever lost a password or a phone may have lost these too.
    Raises Denied, or Refused without a reason or where the person is deactivated.
    """
    if not may_reset(actor, person):
        told = say(
            "只有安全管理员能重置{name}的登录方式,且不能重置自己的。",
            "Only a security administrator resets how {name} signs in, and nobody their own.",
            name=person.name,
        )
        raise Denied(told)
    if not reason.strip():
        raise Refused(Fault("reason", say("请写明原因", "a reason is needed"), "required"))
    with transaction():
        token = issue_link(actor, person, settings)
        had_app = second_factor.of(person) is not None
        second_factor.remove(person)
        nothing = {"password_hash": "", "password_set_at": None}  # nosec B105  # no password is taken until a new one is set
        amend(actor, person, nothing, branch_id=person.branch_id, verb="password")
        tries.forgive(person.login, actor.now)
        people.end_sessions(person, actor.now)
        people.end_tokens(person, actor.now)
        note(actor, "reset", "person", person.id, person.branch_id, {"totp": [had_app, False]}, reason)
    return token


def unlock(actor, person):
    """Let somebody whose sign-in waits after too many tries try again at once; nobody themselves, to go on guessing."""
    if actor.person_id == person.id:
        raise Denied(say("不能给自己解锁。", "Nobody unlocks themselves."))
    if not may_reset(actor, person):
        require_control(actor, person)
    with transaction():
        tries.forgive(person.login, actor.now)
        note(actor, "unlock", "person", person.id, person.branch_id, {})


def is_waiting(person, now, settings):
    """Whether the person's password or code failed so often that sign-in waits."""
    steps = (None, second_factor.CODE)
    return any(tries.failed(person.login, now, settings, step) >= settings.sign_in_tries for step in steps)


def sign_out_everywhere(actor, person):
    """End every session of somebody, on the server."""
    if not actor.may("core.session.edit", person.branch_id):
        require_control(actor, person)
    with transaction():
        people.end_sessions(person, actor.now)
        note(actor, "end_sessions", "person", person.id, person.branch_id, {})


def change_home(actor, person, *, name, branch, department):
    """Correct a person's name, or move them to another branch or department."""
    actor.require("core.person.edit", person.branch_id)
    actor.require("core.person.edit", branch.id)
    faults = []
    if not name.strip():
        faults.append(Fault("name", say("请填写姓名", "a name is needed"), "required"))
    if department is not None and department.branch_id != branch.id:
        faults.append(Fault("department", say("该部门不属于所选机构", "this department is of another branch")))
    if faults:
        raise Refused(*faults)
    people.change_person(actor, person, {"name": name.strip(), "branch": branch, "department": department})
