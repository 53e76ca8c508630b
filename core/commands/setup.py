"""`zhixing init` and `upgrade`: the data folder, the schema, and the first branch with its three administrators."""

from core import accounts, business_calendar, database, encryption, organisation, people
from core.access import ROLES, Grant, grant
from core.commands.console import add, print_table, shown
from core.commands.opening import acting
from core.database import transaction
from core.errors import Fault, Refused
from core.language import say
from core.organisation import organisation as tree
from core.start import migrate, start

HEAD_OFFICE = ("HQ", "总公司")
ADMINISTRATORS = (  # three people from the start: no one of them can do what another one watches
    ("admin", "系统管理员", "system_admin"),
    ("security", "安全管理员", "security_admin"),
    ("auditor", "审计管理员", "audit_admin"),
)


def add_commands(commands):
    parser = add(commands, "init", init, "make the data folder, the database, head office and its three administrators")
    parser.add_argument("--branch", nargs=2, metavar=("CODE", "NAME"), help="head office (as shipped: HQ 总公司)")
    parser.add_argument("--admin", nargs=2, metavar=("LOGIN", "NAME"), help="the first system administrator")
    add(commands, "upgrade", upgrade, "bring the database up to the program's version; back it up before")


def init(args, settings):
    settings.secret()
    settings.files.mkdir(parents=True, exist_ok=True)
    start(settings)
    made = first_group(acting(), args.branch, args.admin)
    print(say("数据目录:{home}", "Data folder: {home}", home=settings.home))
    print(say("数据库:{url}", "Database: {url}", url=shown(settings.database_url)))
    print_links(made, settings)
    if not settings.totp_roles:
        print(
            say(
                "注意:totp_roles 为空,管理员登录不需要验证码。正式使用前请从 {path} 删去该行。",
                "Note: totp_roles is empty, so administrators sign in without codes. Take it out of {path} for real use.",
                path=settings.home / "zhixing.toml",
            )
        )
    if not made:
        print(say("已初始化过,未做更改。", "It was set up before; nothing was changed."))


def upgrade(args, settings):
    """Apply what migrations wait, and publish the years of the calendar that the program has learned."""
    registry = start(settings, upgrade=False) if _has_tables(settings) else start(settings)
    applied = migrate(registry)
    encryption.register()
    database.refresh()
    business_calendar.seed(acting())
    for step in applied:
        print(step)
    print(say("已是最新。", "Up to date."))


def _has_tables(settings):
    database.connect(settings.database_url)
    return database.db.table_exists("version")


def first_group(actor, head_office=None, admin=None):
    """Seed the calendar and add, where there is none, head office and each administrator.

    Returns the new people with their roles: [(Person, label)].
    """
    business_calendar.seed(actor)
    root = next((branch for branch in tree().branches.values() if branch.parent_id is None), None)
    _require_fresh(root, head_office, admin)
    with transaction():
        root = root or organisation.add_branch(actor, *(head_office or HEAD_OFFICE))
        missing = [each for each in ADMINISTRATORS if not _holders(each[2]).exists()]
        made = []
        for login, name, role in missing:
            if role == "system_admin" and admin:
                login, name = admin
            person = people.add_person(actor, login, name, root)
            grant(actor, person, role, root)
            made.append((person, ROLES[role].label))
    database.refresh()
    return made


def _require_fresh(root, head_office, admin):
    faults = []
    if root is not None and head_office and head_office[0] != root.code:
        known = f"{root.code} {root.name}"
        faults.append(
            Fault(
                "--branch",
                say(
                    "总公司已是“{known}”,其他机构请用 zhixing branch add 添加",
                    "head office is {known} already; add others with zhixing branch add",
                    known=known,
                ),
            )
        )
    holders = [held.person.login for held in _holders("system_admin")]
    if admin and holders and admin[0] not in holders:
        faults.append(
            Fault(
                "--admin",
                say(
                    "已有系统管理员:{known}",
                    "there is a system administrator already: {known}",
                    known=", ".join(holders),
                ),
            )
        )
    if faults:
        raise Refused(*faults)


def _holders(role):
    return Grant.select().where(Grant.role == role, Grant.ended_at.is_null()).order_by(Grant.id)


def print_links(newcomers, settings):
    """Print a new one-time sign-in link for each of (person, what they are)."""
    if not newcomers:
        return
    actor, rows = acting(), []
    for person, what in newcomers:
        link = f"{settings.url}/link/{accounts.issue_link(actor, person, settings)}"
        rows.append({"login": person.login, "name": person.name, "link": link, "": str(what)})
    print(
        say(
            "一次性登录链接(各用一次,{hours} 小时内有效,登录后自设密码):",
            "One-time sign-in links (good once, for {hours} hours; each sets a password):",
            hours=settings.link_hours,
        )
    )
    print_table(rows)


def admin_without_password():
    """The first group admin where they have not set a password yet, as [(Person, label)]; else nobody."""
    held = _holders("system_admin").first()
    is_new = held is not None and held.person.is_active and not held.person.password_hash
    return [(held.person, ROLES["system_admin"].label)] if is_new else []
