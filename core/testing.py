"""What authors of plugins test with: a small group of branches and people, actors at a moment, records and their clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from core import access, business_calendar, organisation, people, records, switches
from core.access import Actor
from core.clocks import Clock
from core.database import refresh
from core.outbox import deliver
from core.people import person_by_login
from core.plugins import registry
from core.sweep import sweep

BEGINNING = datetime(2025, 1, 6, 1, 0, tzinfo=UTC)  # Monday 09:00 in Shanghai: when the small group was set up
PEOPLE = (
    # login, name, branch, department, roles
    ("admin", "管理员", "HQ", None, ("system_admin",)),
    ("security", "安全员", "HQ", None, ("security_admin",)),
    ("auditor", "审计员", "HQ", None, ("audit_admin",)),
    ("alice", "艾丽", "TJ", "KF", ("staff",)),
    ("amy", "艾米", "TJ", "KF", ("staff",)),
    ("bob", "鲍博", "TJ", "KF", ("staff", "department_head")),
    ("carol", "卡萝", "TJ", "GL", ("management",)),
    ("dave", "戴维", "TJ", "LP", ("staff",)),
    ("erin", "艾琳", "TJ", "LP", ("staff", "department_head")),
    ("frank", "范克", "BJ", "KF", ("staff",)),
    ("grace", "葛蕾", "BJ", "KF", ("staff", "department_head")),
    ("heidi", "海蒂", "BJ", "GL", ("management",)),
)
DEPARTMENTS = (
    ("KF", "客服部", "customer_service"),
    ("LP", "理赔部", "claims"),
    ("XS", "销售部", "sales"),
    ("GL", "管理层", "management"),
)


def console(now=BEGINNING):
    """The system at the console, as of a moment."""
    return access.system(now, "console")


def small_group():
    """Head office and the branches TJ, BJ (timeliness on) and GZ (nothing on), with a dozen people; the calendar seeded."""
    actor = console()
    business_calendar.seed(actor)
    head_office = organisation.add_branch(actor, "HQ", "总公司")
    for code, name in (("TJ", "天津分公司"), ("BJ", "北京分公司"), ("GZ", "广州分公司")):
        branch = organisation.add_branch(actor, code, name, head_office)
        for department, title, function in DEPARTMENTS:
            organisation.add_department(actor, branch, department, title, function)
        if code != "GZ" and "timeliness" in registry().plugins:
            switches.switch(actor, "timeliness", branch, "on", reason="制度施行")
    for login, name, code, department, roles in PEOPLE:
        branch = organisation.organisation().by_code[code]
        home = department_of(code, department) if department else None
        person = people.add_person(actor, login, name, branch, home)
        for role in roles:
            access.grant(actor, person, role, branch, home if role == "department_head" else None)


def department_of(branch_code, code):
    """A department by the codes of its branch and its own."""
    tree = organisation.organisation()
    return next(d for d in tree.departments_of(tree.by_code[branch_code].id) if d.code == code)


def branch(code="TJ"):
    """A branch of the small group."""
    return organisation.branch_by_code(code)


def models(code="TJ"):
    """The record types that are on in a branch: {name: model}."""
    here = branch(code).id
    return {name: m for name, m in registry().models.items() if switches.is_on(m._meta.plugin, here, BEGINNING)}


def local(text):
    """A moment from local text, as in "2026-03-02 10:00" (Shanghai)."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)


def actor(login, at, via="web"):
    """A person of the small group as an actor at a moment (a datetime, or local text)."""
    refresh()
    return Actor(person_by_login(login), via, local(at) if isinstance(at, str) else at)


def record(name, by, /, *, code="TJ", **values):
    """Make a record of type `name` by an actor."""
    values = {key.rstrip("_"): value for key, value in values.items()}
    return records.create(by, registry().models[name], values, branch=branch(code))


def clock(about, clause):
    """The stored clock of a record that a clause asks for."""
    return next(
        c
        for c in Clock.select().where(Clock.record == about._meta.record, Clock.record_id == about.id)
        if clause in c.clauses
    )


def work(at):
    """What the worker does at a moment (a datetime, or local text): the sweep and all deliveries. Returns the sweep's counts."""
    refresh()
    moment = local(at) if isinstance(at, str) else at
    counts = sweep(access.system(moment, "job"))
    while deliver(moment):
        pass
    return counts
