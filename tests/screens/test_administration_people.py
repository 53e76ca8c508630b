"""Branches, departments and people on their pages: nobody reaches beyond their branches, nor hands on what they may not."""

import re

import pytest

from core.access import Grant, grant
from core.accounts import grants_of
from core.clocks import Clock
from core.database import db
from core.organisation import organisation
from core.people import ApiToken, Person, add_person, make_token, person_by_login
from core.testing import branch, console, department_of
from plugins.cases.models import Complaint

MONDAY = "2025-03-03 12:00"


@pytest.fixture
def tim(app):
    """The administrator of TJ alone."""
    person = add_person(console(), "tim", "天津管理员", branch("TJ"))
    grant(console(), person, "system_admin", branch("TJ"))
    return person


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")


def roles_of(login):
    person = person_by_login(login)
    return {(each.role, each.branch.code) for each in grants_of([person.id]).get(person.id, [])}


# ---- branches and departments ----------------------------------------------------------------------------------------


def test_a_branch_is_added_below_one_that_is_administered(tim, sign_in):
    visitor = sign_in("tim", MONDAY)
    assert visitor.send("/organisation/add", {"parent": "TJ", "code": "TJ-BH", "name": "滨海支公司"}).status_code == 303
    assert branch("TJ-BH").parent.code == "TJ"
    assert visitor.send("/organisation/add", {"parent": "HQ", "code": "X", "name": "x"}).status_code == 404
    assert visitor.send("/organisation/add", {"parent": "BJ", "code": "X", "name": "x"}).status_code == 404


def test_every_fault_of_a_new_branch_is_told_and_what_was_typed_stays(sign_in):
    answer = sign_in("admin", MONDAY).send("/organisation/add", {"parent": "HQ", "code": "T J", "timezone": "Mars"})
    assert answer.status_code == 422
    for told in ("代码由字母", "请填写名称", "没有这个时区", 'value="T J"', 'value="Mars"'):
        assert told in answer.text


@pytest.mark.parametrize(
    "values, said",
    [
        pytest.param({"name": "x", "successor": "BJ"}, "须写明撤并日期", id="a successor needs a day"),
        pytest.param({"name": "x", "closed_on": "2025-13-01"}, "不是有效的日期", id="the day is a day"),
        pytest.param({"name": " "}, "请填写名称", id="the name stays"),
    ],
)
def test_a_branch_closes_only_as_a_whole(sign_in, values, said):
    answer = sign_in("admin", MONDAY).send("/organisation/TJ/change", values)
    assert (answer.status_code, said in answer.text) == (422, True)


def test_a_branch_closes_by_date_in_favour_of_a_successor_that_is_administered_too(tim, sign_in):
    values = {"name": "天津分公司", "closed_on": "2025-06-30", "successor": "BJ", "reason": "合并"}
    assert sign_in("tim", MONDAY).send("/organisation/TJ/change", values).status_code == 404
    assert sign_in("admin", MONDAY).send("/organisation/TJ/change", values).status_code == 303
    assert branch("TJ").id in organisation().subtree(branch("BJ").id)


def test_a_department_is_added_renamed_and_closed(tim, sign_in):
    visitor = sign_in("tim", MONDAY)
    values = {"code": "CW", "name": "财务部", "function": "finance"}
    assert visitor.send("/organisation/TJ/departments", values).status_code == 303
    made = department_of("TJ", "CW")
    change = {"name": "财务管理部", "function": "finance", "closed_on": "2025-12-31"}
    assert visitor.send(f"/organisation/TJ/departments/{made.id}", change).status_code == 303
    made = department_of("TJ", "CW")
    assert (made.name, str(made.closed_on)) == ("财务管理部", "2025-12-31")
    other = department_of("BJ", "KF")
    assert visitor.send(f"/organisation/TJ/departments/{other.id}", change).status_code == 404
    assert visitor.send("/organisation/BJ/departments", values).status_code == 404


# ---- people --------------------------------------------------------------------------------------------------------------


def test_a_new_person_signs_in_by_the_link_that_is_shown_once(sign_in, client):
    home = department_of("TJ", "KF")
    values = {"branch": "TJ", "login": "nina", "name": "尼娜", "department": home.id}
    visitor = sign_in("admin", MONDAY)
    answer = visitor.send("/people/~add", values)
    link = re.search(r'value="https?://[^/]+(/link/[^"]+)"', answer.text)[1]
    assert person_by_login("nina").department_id == home.id
    assert link not in visitor.get("/people/nina").text
    assert client.send(link).status_code == 302
    assert client.send(link).status_code == 422


def test_people_are_added_only_to_branches_that_are_administered(tim, sign_in):
    visitor = sign_in("tim", MONDAY)
    assert visitor.send("/people/~add", {"branch": "BJ", "login": "nina", "name": "尼娜"}).status_code == 404
    values = {"branch": "TJ", "login": "nina", "name": "尼娜", "department": department_of("BJ", "KF").id}
    answer = visitor.send("/people/~add", values)
    assert answer.status_code == 422 and "该部门不属于所选机构" in answer.text
    assert not Person.select().where(Person.login == "nina").exists()


@pytest.mark.parametrize(
    "who, whom, values, status",
    [
        pytest.param("admin", "alice", {"branch": "TJ", "role": "management"}, 303, id="what may be handed on"),
        pytest.param("admin", "alice", {"branch": "TJ", "role": "security_admin"}, 403, id="no administration"),
        pytest.param("admin", "alice", {"branch": "TJ", "role": "nonsense"}, 422, id="no role that there is not"),
        pytest.param(
            "admin", "alice", {"branch": "TJ", "role": "department_head"}, 422, id="a head is of a department"
        ),
        pytest.param("tim", "alice", {"branch": "BJ", "role": "staff"}, 404, id="not in another branch"),
        pytest.param("tim", "alice", {"branch": "HQ", "role": "staff"}, 404, id="not above one's own"),
        pytest.param("tim", "frank", {"branch": "TJ", "role": "staff"}, 404, id="not to people of another branch"),
        pytest.param("auditor", "alice", {"branch": "TJ", "role": "staff"}, 403, id="who looks only grants nothing"),
        pytest.param("alice", "amy", {"branch": "TJ", "role": "staff"}, 403, id="staff grants nothing"),
    ],
)
def test_nobody_hands_on_what_they_may_not(tim, sign_in, who, whom, values, status):
    before = Grant.select().count()
    assert sign_in(who, MONDAY).send(f"/people/{whom}/grant", values).status_code == status
    assert Grant.select().count() - before == (1 if status == 303 else 0)


def test_only_roles_that_may_be_handed_on_are_offered(sign_in):
    def offered(login):
        text = sign_in(login, MONDAY).get("/people/alice").text
        form = re.search(r'<select[^>]* id="role".*?</select>', text, re.S)
        return set(re.findall(r'value="(\w+)"', form[0])) if form else set()

    assert offered("admin") == {"staff", "department_head", "management"}
    assert offered("security") >= {"staff", "department_head", "management"}
    assert not offered("security") & {"system_admin", "audit_admin"}
    assert offered("auditor") == set()


def test_a_role_is_taken_away_by_who_may_hand_it_on(tim, sign_in):
    alice, frank = person_by_login("alice"), person_by_login("frank")
    mine, other = (Grant.get(Grant.person == person) for person in (alice, frank))
    visitor = sign_in("tim", MONDAY)
    assert visitor.send(f"/people/alice/revoke/{other.id}").status_code == 404
    assert visitor.send(f"/people/alice/revoke/{mine.id}").status_code == 303
    assert (roles_of("alice"), roles_of("frank")) == (set(), {("staff", "BJ")})


@pytest.mark.parametrize("act", ["link", "deactivate", "end-sessions"])
@pytest.mark.parametrize(
    "who, whom, may",
    [
        pytest.param("admin", "alice", True, id="the administrator, of staff"),
        pytest.param("admin", "auditor", False, id="not of the auditor"),
        pytest.param("security", "auditor", True, id="the security administrator, of the auditor"),
        pytest.param("tim", "frank", None, id="of another branch there is nobody to see"),
        pytest.param("auditor", "alice", False, id="the auditor, of nobody"),
    ],
)
def test_accounts_are_in_the_hand_of_who_may(tim, sign_in, act, who, whom, may):
    status = sign_in(who, MONDAY).send(f"/people/{whom}/{act}", {"reason": "离职"}).status_code
    assert status == {True: 200 if act == "link" else 303, False: 403, None: 404}[may]


def test_a_person_is_moved_only_between_branches_that_are_administered(tim, sign_in):
    values = {"name": "艾丽", "branch": "BJ", "department": department_of("BJ", "KF").id}
    assert sign_in("tim", MONDAY).send("/people/alice/change", values).status_code == 404
    assert sign_in("admin", MONDAY).send("/people/alice/change", values).status_code == 303
    assert person_by_login("alice").branch.code == "BJ"


# ---- leaving -----------------------------------------------------------------------------------------------------------


def test_deactivating_shows_the_work_asks_for_a_successor_and_hands_it_over(sign_in, complaint):
    alice, visitor = sign_in("alice", MONDAY), sign_in("admin", MONDAY)
    assert "客户投诉 · 天津分公司 · 1" in visitor.get("/people/alice").text
    answer = visitor.send("/people/alice/deactivate", {"reason": "离职"})
    assert answer.status_code == 422 and "请选择接手人" in answer.text and 'value="离职"' in answer.text
    assert visitor.send("/people/alice/deactivate", {"reason": "离职", "successor": "nobody"}).status_code == 422
    assert visitor.send("/people/alice/deactivate", {"reason": "离职", "successor": "amy"}).status_code == 303
    assert Complaint.get().owner.login == "amy"
    assert {clock.owner_id for clock in Clock.select()} == {person_by_login("amy").id}
    assert alice.get("/").status_code == 302  # asked to sign in
    assert visitor.send("/people/alice/reactivate", {"reason": "返聘"}).status_code == 303
    assert person_by_login("alice").is_active


def test_an_api_token_ends_with_the_account(sign_in, app):
    make_token(console(), person_by_login("alice"))
    sign_in("admin", MONDAY).send("/people/alice/deactivate", {"reason": "离职"})
    assert not ApiToken.select().where(ApiToken.ended_at.is_null()).exists()


def test_one_piece_of_work_goes_by_its_number_and_all_of_it_at_once(sign_in, record, actor, complaint):
    other = record("complaint", actor("alice", "2025-03-03 11:00"))
    visitor = sign_in("admin", MONDAY)
    values = {"successor": "amy", "reason": "请假"}
    answer = visitor.send("/people/alice/reassign", {**values, "numbers": "TS-0"})
    assert answer.status_code == 422 and "此人名下没有未办结的 TS-0" in answer.text
    assert visitor.send("/people/alice/reassign", {**values, "numbers": complaint.number}).status_code == 303
    assert {c.id: c.owner.login for c in Complaint.select()} == {complaint.id: "amy", other.id: "alice"}
    assert visitor.send("/people/alice/reassign", {**values, "which": "all"}).status_code == 303
    assert {c.owner.login for c in Complaint.select()} == {"amy"}


def test_the_open_work_of_a_person_is_listed_only_to_who_may_see_it(sign_in, complaint):
    assert complaint.number not in sign_in("admin", MONDAY).get("/people/alice").text
    grant(console(), person_by_login("admin"), "staff", branch("TJ"))
    assert complaint.number in sign_in("admin", MONDAY).get("/people/alice").text


def test_the_list_finds_people_and_shows_only_those_at_hand(tim, sign_in):
    assert "frank" in sign_in("admin", MONDAY).get("/people/").text
    page = sign_in("tim", MONDAY).get("/people/").text
    assert "alice" in page and "frank" not in page
    found = sign_in("admin", MONDAY).get("/people/?q=鲍").text
    assert "/people/bob" in found and "/people/alice" not in found


def test_the_number_of_queries_does_not_grow_with_the_people(sign_in, monkeypatch):
    run, execute = [], db.obj.execute_sql
    monkeypatch.setattr(db.obj, "execute_sql", lambda sql, *rest: (run.append(sql), execute(sql, *rest))[1])
    visitor, counts = sign_in("admin", MONDAY), []
    visitor.get("/people/")
    for count in (0, 30):
        for n in range(count):
            person = add_person(console(), f"p{n}", f"人员{n}", branch("TJ"), department_of("TJ", "KF"))
            grant(console(), person, "staff", branch("TJ"))
        run.clear()
        assert visitor.get("/people/").status_code == 200
        counts.append(len(run))
    assert counts[0] == counts[1]
