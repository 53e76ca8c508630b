"""`zhixing branch`, `user` and `token`: branches, people with their roles, and how people and programs sign in."""

from core import accounts, organisation, people
from core.access import ROLES, grant
from core.commands.console import JSON, add, add_group, branch_option, print_rows
from core.commands.opening import AS, begin, person_named
from core.database import transaction
from core.errors import Fault, NotFound, Refused
from core.language import say
from core.organisation import branch_by_code
from core.organisation import organisation as tree


def add_commands(commands):
    branches = add_group(commands, "branch", "branches of the group")
    parser = add(branches, "add", add_branch, "add a branch", AS, JSON)
    parser.add_argument("code", metavar="CODE", help="letters, digits, - and _; it stands in numbers and addresses")
    parser.add_argument("name", metavar="NAME", help="the branch's name")
    parser.add_argument("--parent", metavar="CODE", help="the branch above it (else head office)")
    parser.add_argument("--timezone", default="", metavar="ZONE", help="for example Asia/Shanghai (else as above it)")

    users = add_group(commands, "user", "people who sign in")
    parser = add(users, "add", add_user, "add a person with roles; prints their one-time sign-in link", AS, JSON)
    parser.add_argument("login", metavar="LOGIN", help="the name that they sign in with: letters, digits, . - _")
    parser.add_argument("--name", required=True, help="the person's name")
    parser.add_argument("--branch", required=True, metavar="CODE", help="the branch that they belong to")
    parser.add_argument(
        "--department", metavar="CODE", help="the department there; it decides in what capacity they act"
    )
    parser.add_argument(
        "--role", nargs="+", action="extend", default=[], metavar="ROLE", help="roles held in the branch"
    )
    parser = add(users, "link", link, "make a new one-time sign-in link; earlier ones lapse", AS, JSON)
    parser.add_argument("login", metavar="LOGIN", help="whose")

    parser = add(
        users,
        "reset",
        reset,
        "for who lost password or phone: both lapse, sessions and API tokens end; prints a sign-in link",
        AS,
        JSON,
    )
    parser.add_argument("login", metavar="LOGIN", help="whose")
    parser.add_argument("--reason", required=True, help="why; it stands in the trail")
    parser = add(users, "unlock", unlock, "let somebody sign in again after too many tries", AS)
    parser.add_argument("login", metavar="LOGIN", help="whose")

    parser = add(
        commands,
        "token",
        token,
        "make a bearer token for the API that acts as a person, without codes; shown once",
        AS,
        JSON,
    )
    parser.add_argument("login", metavar="LOGIN", help="whose")


def add_branch(args, settings):
    actor = begin(args, settings)
    parent = branch_option(args.parent) or next((b for b in tree().branches.values() if b.parent_id is None), None)
    if parent is not None:
        actor.require("core.branch.edit", parent.id)
    branch = organisation.add_branch(actor, args.code, args.name, parent, args.timezone)
    print_rows(args, [{"code": branch.code, "name": branch.name, "parent": parent and parent.code}])


def add_user(args, settings):
    actor = begin(args, settings)
    branch = branch_by_code(args.branch)
    actor.require("core.person.edit", branch.id)
    department = department_named(branch, args.department)
    with transaction():
        person = _person(actor, args, branch, department)
        for role in args.role:
            grant(actor, person, role, branch, department if role == "department_head" else None)
    _print_link(args, settings, actor, person)


def department_named(branch, code):
    """The department of a branch with this code; None without one. Raises NotFound that lists what there is."""
    if code is None:
        return None
    known = {department.code: department for department in tree().departments_of(branch.id)}
    if code not in known:
        raise NotFound(
            say(
                "“{branch}”没有代码为“{code}”的部门。现有:{known}。",
                '{branch} has no department with the code "{code}". There are: {known}.',
                branch=branch.name,
                code=code,
                known=", ".join(f"{d.code} {d.name}" for d in known.values()) or "-",
            )
        )
    return known[code]


def _person(actor, args, branch, department):
    """The new person; every fault of login, name and roles is told at once."""
    faults = [
        Fault(
            "role",
            say(
                "没有角色“{name}”。现有:{known}",
                'no role "{name}"; there are: {known}',
                name=name,
                known=", ".join(ROLES),
            ),
        )
        for name in args.role
        if name not in ROLES
    ]
    if "department_head" in args.role and department is None:
        faults.append(
            Fault("role", say("部门负责人须写明部门:--department", "a department head needs --department"), "required")
        )
    try:
        person = people.add_person(actor, args.login, args.name, branch, department)
    except Refused as refused:
        raise Refused(*refused.faults, *faults) from refused
    if faults:
        raise Refused(*faults)
    return person


def link(args, settings):
    _print_link(args, settings, begin(args, settings), person_named(args.login))


def reset(args, settings):
    actor, person = begin(args, settings), person_named(args.login)
    _print_made(args, settings, person, accounts.reset(actor, person, settings, args.reason))


def unlock(args, settings):
    accounts.unlock(begin(args, settings), person_named(args.login))
    print(say("已解锁。", "Unlocked."))


def _print_link(args, settings, actor, person):
    _print_made(args, settings, person, accounts.issue_link(actor, person, settings))


def _print_made(args, settings, person, made):
    print_rows(args, [{"login": person.login, "name": person.name, "link": f"{settings.url}/link/{made}"}])


def token(args, settings):
    actor = begin(args, settings)
    person = person_named(args.login)
    if actor.person_id != person.id:
        accounts.require_control(actor, person)
    if not person.is_active:
        raise Refused(Fault("person", say("此人已停用", "this person is deactivated")))
    print_rows(args, [{"login": person.login, "token": people.make_token(actor, person)}])
