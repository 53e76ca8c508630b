"""Who may do what where: grants reach down the tree, never up or across, and nobody hands on what is not theirs to give."""

from itertools import permutations

import pytest

from core import access, business_calendar, forms, limits, organisation, switches
from core.access import ADMINISTRATIONS, Actor, Grant, Role, grant, heads_of, holders_of, revoke
from core.audit import AuditEntry
from core.database import refresh
from core.errors import Denied, NoActor, Refused
from core.people import add_person, person_by_login
from core.records import visible_to
from core.testing import branch, console, department_of, local
from plugins.cases.models import Complaint
from tests.together import together

NOW = "2025-03-03 10:00"


@pytest.fixture
def person(group):
    """person(login, code, *roles): somebody new in a branch, with roles there."""

    def person(login, code="TJ", *roles):
        made = add_person(console(), login, login, branch(code))
        for role in roles:
            grant(console(), made, role, branch(code))
        return made

    return person


@pytest.mark.pure
@pytest.mark.parametrize(
    "pattern, permission, allowed",
    [
        ("cases.complaint.view", "cases.complaint.view", True),
        ("cases.complaint.view", "cases.complaint.edit", False),
        ("cases.*.view", "cases.complaint.view", True),
        ("*.*.view", "core.audit.view", True),
        ("*.*.view", "core.view", False),
        ("*", "anything.at.all", True),
        ("cases.complaint", "cases.complaint.view", False),
    ],
)
def test_a_pattern_allows(pattern, permission, allowed):
    assert Role("x", "x", (pattern,)).allows(permission) is allowed


@pytest.mark.parametrize(
    "login, code, may",
    [
        pytest.param("alice", "TJ", True, id="in the branch itself"),
        pytest.param("alice", "BJ", False, id="not in one beside it"),
        pytest.param("alice", "HQ", False, id="not in the one above"),
        pytest.param("auditor", "GZ", True, id="from head office everywhere"),
    ],
)
def test_a_grant_reaches_down_the_tree_only(actor, login, code, may):
    assert actor(login, NOW).may("cases.complaint.view", branch(code).id) is may


def test_the_branches_of_a_permission(actor):
    assert actor("alice", NOW).branches("cases.complaint.view") == {branch("TJ").id}
    assert actor("auditor", NOW).branches("cases.complaint.view") is None, "all there are"
    assert actor("alice", NOW).branches("core.switch.edit") == frozenset()


def test_nobody_asking_never_means_all_rows(group):
    for nobody in (None, person_by_login("admin"), "admin"):
        with pytest.raises(NoActor):
            visible_to(nobody, Complaint)


@pytest.mark.parametrize(
    "login, code, record, capacities",
    [
        ("alice", "TJ", {}, {"customer_service"}),
        ("alice", "BJ", {}, set()),
        ("bob", "TJ", {"department": "KF"}, {"customer_service", "department_head"}),
        ("bob", "TJ", {"department": "LP"}, {"customer_service"}),
        ("carol", "TJ", {"department": "LP"}, {"management"}),
        ("alice", "TJ", {"owner": "alice"}, {"customer_service", "owner"}),
        ("alice", "TJ", {"recorded_by": "alice"}, {"customer_service", "submitter"}),
    ],
)
def test_in_what_function_somebody_acts(actor, login, code, record, capacities):
    given = {"owner": None, "recorded_by": None, "department": None}
    given |= {k: person_by_login(v) if k != "department" else department_of("TJ", v) for k, v in record.items()}
    assert actor(login, NOW).capacities(branch(code).id, Complaint(**given)) == capacities


# ---- granting


@pytest.mark.parametrize(
    "who, role, code",
    [
        pytest.param("alice", "staff", "TJ", id="staff hands on nothing, not even what they hold"),
        pytest.param("bob", "staff", "TJ", id="neither does a head"),
        pytest.param("admin", "system_admin", "TJ", id="a system administrator makes no administrators"),
        pytest.param("admin", "security_admin", "TJ", id="nor the security administrator"),
        pytest.param("security", "audit_admin", "TJ", id="nor does the security administrator make an auditor"),
        pytest.param("auditor", "staff", "TJ", id="an auditor only looks"),
    ],
)
def test_nobody_grants_what_is_not_theirs_to_give(actor, who, role, code):
    before = Grant.select().count()
    with pytest.raises(Denied, match=branch(code).name):
        grant(actor(who, NOW), person_by_login("dave"), role, branch(code))
    assert Grant.select().count() == before


def test_nobody_grants_outside_their_own_subtree(actor, person):
    person("tina", "TJ", "system_admin")
    tina = actor("tina", NOW)
    assert grant(tina, person_by_login("frank"), "staff", branch("TJ"))
    for code in ("BJ", "HQ"):
        with pytest.raises(Denied):
            grant(tina, person_by_login("dave"), "staff", branch(code))


def test_nobody_grants_to_themselves(actor):
    with pytest.raises(Refused, match="自己"):
        grant(actor("security", NOW), person_by_login("security"), "management", branch("HQ"))


def test_nobody_takes_away_what_they_may_not_give(actor):
    held = Grant.get(Grant.person == person_by_login("frank"))
    with pytest.raises(Denied):
        revoke(actor("bob", NOW), held)
    revoke(actor("security", NOW), held, "调岗")
    assert not actor("frank", NOW).may("cases.complaint.view", branch("BJ").id)


def test_a_head_is_one_of_a_department_of_that_branch(actor):
    with pytest.raises(Refused, match="部门"):
        grant(
            actor("security", NOW), person_by_login("dave"), "department_head", branch("TJ"), department_of("BJ", "KF")
        )
    assert [head.login for head in heads_of(department_of("BJ", "KF").id)] == ["grace"]


@pytest.mark.parametrize("first, second", list(permutations(ADMINISTRATIONS, 2)))
def test_the_three_administrations_never_meet_in_one_person(person, first, second):
    someone = person("someone", "HQ", first)
    with pytest.raises(Refused, match="同一人"):
        grant(console(), someone, second, branch("TJ"))


def test_not_even_when_two_grant_at_the_same_moment(person):
    someone = person("someone", "HQ")
    answers = together(
        [lambda role=role: grant(console(), someone, role, branch("HQ")) for role in ADMINISTRATIONS[:2] * 2]
    )
    held = {g.role for g in Grant.select().where(Grant.person == someone)}
    assert len(held) == 1 and sum(isinstance(answer, Refused) for answer in answers) == 2


def test_the_same_grant_twice_is_one(person):
    someone = person("someone", "TJ", "staff", "staff")
    assert Grant.select().where(Grant.person == someone).count() == 1


def test_an_unknown_role_is_told_with_those_that_there_are(group):
    with pytest.raises(Refused, match="boss.*staff"):
        grant(console(), person_by_login("dave"), "boss", branch())


# ---- what administrators do is asked for in the core, whatever face it comes through


ACTS = {
    "add a branch": lambda actor, at: organisation.add_branch(actor, "NEW", "新机构", at),
    "add a department": lambda actor, at: organisation.add_department(actor, at, "NEW", "新部门"),
    "change a branch": lambda actor, at: organisation.change_unit(actor, at, {"name": "改名"}),
    "add a person": lambda actor, at: add_person(actor, "new", "新人", at),
    "switch": lambda actor, at: switches.switch(actor, "timeliness", at, "off"),
    "set a policy": lambda actor, at: switches.switch(actor, "timeliness", at, "required"),
    "publish a form": lambda actor, at: forms.publish(
        actor, "complaint", at, [{"key": "a", "kind": "text", "label": {"zh": "题"}}]
    ),
    "publish a calendar": lambda actor, at: business_calendar.publish(actor, at, 2025, {"off": {}, "on": {}}),
    "set a limit": lambda actor, at: limits.set_limit(
        actor, "timeliness.complaint_contact", at, "2 hours", reason="试行"
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_of_administration_needs_its_permission_there(actor, person, act):
    person("tina", "BJ", "system_admin")
    for login in ("alice", "carol", "auditor", "security", "tina"):
        with pytest.raises(Denied):
            ACTS[act](actor(login, NOW), branch("TJ"))
    before = AuditEntry.select().count()
    ACTS[act](actor("admin", NOW), branch("TJ"))
    assert AuditEntry.select().where(AuditEntry.id > before, AuditEntry.actor == "admin").exists()


@pytest.mark.parametrize("act", ["publish a form", "publish a calendar", "set a limit"])
def test_only_head_office_speaks_for_the_whole_group(actor, person, act):
    person("tina", "TJ", "system_admin")
    with pytest.raises(Denied):
        ACTS[act](actor("tina", NOW), None)
    ACTS[act](actor("admin", NOW), None)


# ---- branches that close


def test_the_successor_sees_and_finishes_the_work_of_a_closed_branch(actor, record):
    complaint = record("complaint", actor("alice", NOW))
    closing = {"closed_on": local(NOW).date(), "successor": branch("BJ")}
    organisation.change_unit(console(local(NOW)), branch("TJ"), closing, "合并")
    refresh()
    grace = actor("grace", "2025-03-04 09:00")
    assert [row.id for row in visible_to(grace, Complaint)] == [complaint.id]
    assert grace.may("cases.complaint.edit", branch("TJ").id)


def test_holders_of_a_role_work_at_the_branch_or_above(person):
    person("olga", "HQ", "management")
    assert [p.login for p in holders_of("management", branch("TJ").id)] == ["carol", "olga"]


def test_the_system_may_everything_and_a_person_without_grants_nothing(person, actor):
    person("nora")
    assert access.system(local(NOW)).may("anything.at.all", None)
    nora = actor("nora", NOW)
    assert isinstance(nora, Actor) and not nora.may("core.desk.view", None) and nora.capacities(branch().id) == set()
