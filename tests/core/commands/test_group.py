"""zhixing branch, user and token: adding branches and people, and how they sign in."""

from datetime import UTC, datetime

import pytest

from core import people, tries
from core.access import Grant
from core.audit import AuditEntry
from core.people import Person, person_of_token


def test_a_branch_is_added_below_head_office(zhixing):
    answer = zhixing("branch", "add", "SH", "上海分公司", "--json")
    assert (answer.status, answer.rows) == (0, [{"code": "SH", "name": "上海分公司", "parent": "HQ"}])
    entry = AuditEntry.select().order_by(AuditEntry.id.desc()).first()
    assert (entry.actor.startswith("console:"), entry.via) == (True, "console")


def test_every_fault_of_a_branch_is_told(zhixing):
    answer = zhixing("branch", "add", "S H", "", "--parent", "TJ", "--timezone", "Mars")
    assert answer.status == 1
    assert [line.split(":")[0] for line in answer.err.splitlines()] == ["code", "name", "timezone"]
    assert "现有:BJ, GZ, HQ, TJ" in zhixing("branch", "add", "SH", "上海", "--parent", "XX").err


def test_a_person_is_added_with_roles_and_signs_in_once(zhixing):
    words = ("user", "add", "ivan", "--name", "伊万", "--branch", "TJ", "--department", "KF")
    answer = zhixing(*words, "--role", "staff", "department_head", "--json")
    assert answer.status == 0
    person = Person.get(Person.login == "ivan")
    held = {(grant.role, grant.branch.code, grant.department and grant.department.code) for grant in person.grants}
    assert held == {("staff", "TJ", None), ("department_head", "TJ", "KF")}
    token = answer.rows[0]["link"].rpartition("/")[2]
    assert people.use_link(token, datetime.now(UTC)).login == "ivan"


def test_every_fault_of_a_person_is_told_and_nobody_is_added(zhixing):
    before = Person.select().count()
    words = ("user", "add", "alice", "--name", " ", "--branch", "TJ", "--role", "king", "department_head", "emperor")
    answer = zhixing(*words)
    assert answer.status == 1
    assert [line.split(":")[0] for line in answer.err.splitlines()] == ["login", "name", "role", "role", "role"]
    assert "staff, department_head, management" in answer.err
    assert Person.select().count() == before
    unknown = zhixing("user", "add", "ivan", "--name", "伊万", "--branch", "TJ", "--department", "ZZ")
    assert "现有:GL 管理层, KF 客服部" in unknown.err


def test_a_role_that_cannot_be_given_leaves_no_person_behind(zhixing):
    words = (
        "user",
        "add",
        "ivan",
        "--name",
        "伊万",
        "--branch",
        "TJ",
        "--role",
        "staff",
        "audit_admin",
        "--as",
        "admin",
    )
    answer = zhixing(*words)
    assert answer.status == 1
    assert Person.get_or_none(Person.login == "ivan") is None
    assert Grant.select().join(Person).where(Person.login == "ivan").count() == 0


def test_a_new_link_ends_the_one_before(zhixing):
    first = zhixing("user", "link", "alice", "--json").rows[0]["link"].rpartition("/")[2]
    second = zhixing("user", "link", "alice", "--json").rows[0]["link"].rpartition("/")[2]
    with pytest.raises(people.Denied):
        people.use_link(first, datetime.now(UTC))
    assert people.use_link(second, datetime.now(UTC)).login == "alice"


def test_a_token_acts_as_its_person(zhixing):
    token = zhixing("token", "alice", "--json").rows[0]["token"]
    assert person_of_token(token).login == "alice"
    assert zhixing("token", "amy", "--as", "amy").status == 0


def test_a_reset_at_the_console_ends_password_and_token_and_gives_a_link(zhixing, settings):
    token = zhixing("token", "security", "--json").rows[0]["token"]
    assert zhixing("user", "reset", "security").status == 2  # a reason is owed
    answer = zhixing("user", "reset", "security", "--reason", "手机丢失", "--json")
    assert person_of_token(token) is None
    assert people.use_link(answer.rows[0]["link"].rpartition("/")[2], datetime.now(UTC)).login == "security"
    entry = AuditEntry.get(AuditEntry.verb == "reset")
    assert entry.actor.startswith("console:") and entry.reason == "手机丢失"


def test_a_login_that_waits_is_unlocked_at_the_console(zhixing, settings):
    now = datetime.now(UTC)
    for _ in range(settings.sign_in_tries):
        tries.begin("alice", now, settings)
    assert tries.failed("alice", now, settings) == settings.sign_in_tries
    assert zhixing("user", "unlock", "alice", "--as", "bob").status == 1
    assert zhixing("user", "unlock", "alice").status == 0
    assert tries.failed("alice", now, settings) == 0


@pytest.mark.parametrize(
    "words, told",
    [
        pytest.param(
            ("user", "reset", "alice", "--reason", "x", "--as", "admin"), "只有安全管理员", id="no reset by others"
        ),
        pytest.param(("user", "reset", "security", "--reason", "x", "--as", "security"), "自己", id="nor of oneself"),
        pytest.param(("user", "unlock", "security", "--as", "security"), "自己", id="nor does one unlock oneself"),
        pytest.param(("user", "link", "security", "--as", "security"), "自己", id="nor make oneself a link"),
        pytest.param(("user", "link", "nobody"), "现有:admin, alice, amy", id="an unknown login lists who there is"),
        pytest.param(("token", "bob", "--as", "alice"), "鲍博", id="nobody takes another's account in hand"),
        pytest.param(("user", "link", "security", "--as", "admin"), "安全管理员", id="nor an administrator's"),
        pytest.param(
            ("branch", "add", "SH", "上海", "--as", "alice"), "core.branch.edit", id="no permission for branches"
        ),
        pytest.param(("user", "link", "alice", "--as", "nobody"), "nobody", id="an unknown actor"),
        pytest.param(
            ("user", "add", "ivan", "--name", "伊万", "--branch", "BJ", "--as", "bob"),
            "core.person.edit",
            id="nor people",
        ),
    ],
)
def test_who_may_not_is_told_so(zhixing, words, told):
    answer = zhixing(*words)
    assert answer.status == 1
    assert told in answer.err
