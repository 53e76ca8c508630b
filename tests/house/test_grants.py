"""Grants: nobody grants what they do not hold or outside their subtree, three administrations never meet, an auditor only reads."""

import itertools
import random

import pytest

from core import access, accounts, records
from core.access import ADMINISTRATIONS, ROLES, Grant
from core.database import refresh
from core.errors import Denied, Refused
from core.organisation import add_branch
from core.people import Person, person_by_login
from core.plugins import registry
from core.testing import PEOPLE, actor, branch, console
from tests.core.commands.conftest import at_home, call, zhixing  # noqa: F401
from tests.house.conftest import NOW, new_person
from tests.house.routes import SAFE, addresses, ask, digest
from tests.together import together

# What whoever is signed in may change: one's own account, and what one sees. No record, setting or grant among them.
OWN = {
    "account.end", "account.password", "account.theme", "drafts.drop", "drafts.keep", "notices.read", "sign_in.branch",
    "sign_in.by_link", "sign_in.choose_branch", "sign_in.form", "sign_in.language", "sign_in.out",
}  # fmt: skip
FORM = {
    "revision": "1", "reason": "x", "comment": "x", "owner": "amy", "branch": "TJ", "content": "x", "name": "x", "act": "owner",
    "id": "1", "confirmed": "1", "role": "management", "value": "on", "from_day": "2025-03-05", "code": "NEU", "login": "neu",
}  # fmt: skip


@pytest.fixture
def tree(group):
    """The small group with a branch below TJ and one below that, a person with roles there, and one with none."""
    below = add_branch(console(), "TJ1", "天津一部", branch("TJ"))
    add_branch(console(), "TJ2", "天津二部", below)
    new_person("branch_security", "TJ", "security_admin")
    new_person("branch_admin", "TJ", "system_admin", at="TJ1")
    new_person("newcomer", "TJ")
    return [login for login, *_ in PEOPLE] + ["branch_security", "branch_admin", "newcomer"]


PARENTS = {"HQ": (), "TJ": ("HQ",), "BJ": ("HQ",), "GZ": ("HQ",), "TJ1": ("TJ", "HQ"), "TJ2": ("TJ1", "TJ", "HQ")}


def held_at(login, code):
    """The roles that a person holds at a branch or above it, from the rows of the grants alone."""
    rows = Grant.select().where(Grant.person == person_by_login(login), Grant.ended_at.is_null())
    return {row.role for row in rows if row.branch.code in (code, *PARENTS[code])}


def oracle(login, role, code):
    """Whether a person may hand a role on at a branch."""
    held = held_at(login, code)
    handed_on = {name for each in held for name in ROLES[each].may_grant}
    ordinary = "*" in handed_on and role not in ADMINISTRATIONS
    return role in handed_on or ordinary or ("security_admin" in held and role in held)


def test_nobody_grants_what_they_may_not_hand_on_nor_outside_their_subtree(tree):
    target, wrong, asked = person_by_login("newcomer"), [], 0
    granters = [login for login in tree if login != "newcomer"]
    may = {key: oracle(*key) for key in itertools.product(granters, sorted(ROLES), PARENTS)}
    for (login, role, code), allowed in may.items():
        by = actor(login, NOW)
        try:
            given = access.grant(by, target, role, branch(code))
            done = True
            access.revoke(console(NOW), given)
        except Denied:
            done = False
        asked += 1
        wrong += [(login, role, code, done)] if done is not allowed else []
    assert wrong == []
    assert asked > 400 and 0 < sum(may.values()) < asked / 2


def test_nobody_takes_away_what_they_could_not_have_given(tree):
    target, wrong = person_by_login("newcomer"), []
    for role, code in itertools.product(("staff", "management", "security_admin"), PARENTS):
        held = access.grant(console(), target, role, branch(code))
        for login in ("alice", "carol", "bob", "auditor", "branch_security", "branch_admin", "security", "admin"):
            try:
                access.revoke(actor(login, NOW), held)
                done = True
                held = access.grant(console(), target, role, branch(code))
            except Denied:
                done = False
            wrong += [(login, role, code, done)] if done is not oracle(login, role, code) else []
        access.revoke(console(NOW), held)
    assert wrong == []


def test_nobody_grants_to_themselves(tree):
    for login, role, code in itertools.product(tree, sorted(ROLES), PARENTS):
        with pytest.raises((Denied, Refused)):
            access.grant(actor(login, NOW), person_by_login(login), role, branch(code))


def test_the_screen_grants_no_more_than_that(app, tree, sign_in):
    before = digest({"session", "draft"})
    for login in ("alice", "bob", "carol", "auditor", "admin", "branch_admin", "branch_security", "security"):
        client = sign_in(login, NOW)
        for role, code in itertools.product(("staff", "management", *ADMINISTRATIONS), PARENTS):
            if not oracle(login, role, code):
                answer = client.send("/people/newcomer/grant", {"role": role, "branch": code})
                assert answer.status_code in (403, 404, 422), (login, role, code, answer.status_code)
                answer = client.send(f"/people/{login}/grant", {"role": role, "branch": code})
                assert answer.status_code in (403, 404, 422), (login, role, code, answer.status_code)
    assert digest({"session", "draft"}) == before


@pytest.mark.parametrize("seed", range(3))
def test_the_three_administrations_never_meet_in_one_person(tree, seed):
    chance = random.Random(seed)
    logins = ["newcomer", "alice", "admin", "security", "auditor", "branch_admin"]
    for _ in range(120):
        login, code = chance.choice(logins), chance.choice(sorted(PARENTS))
        by = console(NOW) if chance.random() < 0.7 else actor(chance.choice(tree), NOW)
        try:
            if chance.random() < 0.2:
                grants = list(Grant.select().where(Grant.person == person_by_login(login), Grant.ended_at.is_null()))
                access.revoke(by, chance.choice(grants)) if grants else None
            else:
                access.grant(by, person_by_login(login), chance.choice((*ADMINISTRATIONS, "staff")), branch(code))
        except (Denied, Refused):
            continue
        for person in Person.select():
            held = {g.role for g in Grant.select().where(Grant.person == person, Grant.ended_at.is_null())}
            assert len(held & set(ADMINISTRATIONS)) <= 1, (person.login, held)


def test_no_one_role_holds_the_rights_of_two_administrations(group):
    own = {
        name: {p for p in ROLES[name].permissions if p.split(".")[-1] != "view" and "*" not in p}
        for name in ADMINISTRATIONS
    }
    own["audit_admin"] = {"core.audit.view"}
    for name, role in ROLES.items():
        touched = [each for each, rights in own.items() if any(role.allows(right) for right in rights)]
        assert len(touched) <= 1, (name, touched)


# ---- the auditor


def test_an_auditor_sees_every_record_of_every_branch(filled, api):
    by = actor("auditor", NOW)
    for name, model in registry().models.items():
        on = {row.number for row in filled[name]}
        assert {row.number for row in records.visible_to(by, model)} >= on, name
    caller = api("auditor")
    for name, rows in filled.items():
        assert {row["number"] for row in caller.get(name, limit=200).json["items"]} >= {row.number for row in rows}
        assert all(caller.get(f"{name}/{row.id}/history").status_code == 200 for row in rows)


def test_an_auditor_writes_nothing(app, sign_in, api, filled):
    client, caller, asked = sign_in("auditor", NOW), api("auditor"), set()
    before = digest({"session"})
    for rows in filled.values():
        row = rows[0]
        for event in (*type(row)._meta.workflow.transitions, "x"):
            for rule, method, path in addresses(app, row, {"event": event}):
                if method in SAFE or (method, path) in asked or rule.endpoint in OWN:
                    continue
                asked.add((method, path))
                if rule.endpoint.startswith("api."):
                    body = {"transitions": {"event": event}, "hand-over": {"owner": "amy", "reason": "x"}}
                    given = body.get(path.rsplit("/", 1)[1], {"reason": "x"})
                    answer = caller.ask(method, path, given, {"If-Match": '"1"'})
                else:
                    answer = ask(client, method, path, FORM)
                assert answer.status_code < 500, f"{method} {path}: {answer.status_code}"
    assert len(asked) > 80
    now = digest({"session"})
    assert [table for table in now if now[table] != before[table]] == []


def test_the_roles_that_only_look_have_no_right_to_write(group):
    verbs = {pattern.split(".")[-1] for pattern in ROLES["audit_admin"].permissions}
    assert verbs == {"view"}
    refresh()


# ---- the other ways to two administrations


def test_of_administrations_granted_at_the_same_moment_one_stands(tree):
    person = person_by_login("newcomer")
    for _ in range(5):
        calls = [lambda role=role: access.grant(console(NOW), person, role, branch("HQ")) for role in ADMINISTRATIONS]
        answers = together(calls)
        assert sorted(type(answer).__name__ for answer in answers) == ["Grant", "Refused", "Refused"], answers
        held = list(Grant.select().where(Grant.person == person, Grant.ended_at.is_null()))
        assert len(held) == 1
        access.revoke(console(NOW), held[0])


def test_the_command_line_brings_no_two_together(zhixing, at_home):  # noqa: F811
    for pair in itertools.permutations(ADMINISTRATIONS, 2):
        answer = zhixing("user", "add", "both", "--name", "两职", "--branch", "HQ", "--role", *pair)
        assert answer.status != 0 and "both" not in answer.out
        at_home()
        assert not Person.select().where(Person.login == "both").exists(), "all or nothing"
    assert zhixing("user", "add", "admin", "--name", "x", "--branch", "HQ", "--role", "audit_admin").status != 0
    at_home()
    assert held_at("admin", "HQ") == {"system_admin"}


def test_no_administrator_takes_the_account_of_another_administration(tree, settings, sign_in):
    administrators = ("admin", "security", "auditor", "branch_admin", "branch_security")
    before, asked = digest({"session", "draft"}), 0
    for login, other in itertools.permutations(administrators, 2):
        client, is_theirs = (
            sign_in(login, NOW),
            {"security": True, "branch_security": other == "branch_admin"}.get(login),
        )
        if is_theirs:
            continue
        for act in ("link", "reset", "unlock", "deactivate", "end-sessions"):
            if (act, login) == ("end-sessions", "branch_security") and Person.get(login=other).branch.code == "TJ":
                continue
            answer = client.send(f"/people/{other}/{act}", {"reason": "x"})
            assert answer.status_code in (403, 404, 422), (login, other, act, answer.status_code)
            assert "/link/" not in answer.text, (login, other)
            asked += 1
        for take in (accounts.issue_link, lambda *given: accounts.reset(*given, "x")):
            with pytest.raises(Denied):
                take(actor(login, NOW), person_by_login(other), settings)
    assert asked > 50 and digest({"session", "draft"}) == before
