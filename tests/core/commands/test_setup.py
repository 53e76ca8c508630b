"""zhixing init, upgrade and restore begin from nothing; every other command says what is missing."""

import pytest

from core import database
from core.access import Grant
from core.audit import AuditEntry
from core.organisation import organisation
from core.people import Person
from core.plugins import registry

OTHERS = (
    ("due", "3 business days", "--from", "2026-02-13"),
    ("plugin", "list"),
    ("web",),
    ("worker",),
    ("sweep",),
    ("audit", "verify"),
    ("backup", "nowhere.zip"),
)


def test_init_makes_head_office_and_three_administrators(empty, call):
    made = call("init")
    assert (made.status, made.err) == (0, "")
    assert made.out.count("http://127.0.0.1:8000/link/") == 3
    assert list(organisation().by_code) == ["HQ"]
    held = {grant.person.login: grant.role for grant in Grant.select()}
    assert held == {"admin": "system_admin", "security": "security_admin", "auditor": "audit_admin"}
    assert not any(person.password_hash for person in Person.select())
    assert (empty.home / "secret.key").stat().st_mode & 0o077 == 0


def test_a_second_init_changes_nothing(empty, call):
    call("init")
    before = AuditEntry.select().count()
    again = call("init")
    assert (again.status, "/link/" in again.out) == (0, False)
    assert AuditEntry.select().count() == before


def test_init_takes_names(empty, call):
    assert call("init", "--branch", "ZB", "总部", "--admin", "liwei", "李伟").status == 0
    assert organisation().by_code["ZB"].name == "总部"
    assert Person.get(Person.login == "liwei").name == "李伟"
    other = call("init", "--branch", "HQ", "总公司", "--admin", "bob", "Bob")
    assert other.status == 1
    assert other.err.splitlines() == [
        "--branch: 总公司已是“ZB 总部”,其他机构请用 zhixing branch add 添加",
        "--admin: 已有系统管理员:liwei",
    ]


@pytest.mark.parametrize("words", OTHERS, ids=lambda words: " ".join(words))
def test_without_a_database_each_command_says_init(empty, call, words):
    answer = call(*words)
    assert answer.status == 1
    assert "zhixing init" in answer.err


@pytest.mark.parametrize("words", OTHERS[:-1], ids=lambda words: " ".join(words))
def test_on_an_older_schema_each_command_says_upgrade(zhixing, at_home, words):
    database.db.execute_sql("DELETE FROM migration_core")
    answer = zhixing(*words)
    at_home()
    database.db.execute_sql("INSERT INTO migration_core (name, applied) VALUES ('0001_initial', '2026-01-01')")
    assert answer.status == 1
    assert "core/0001_initial" in answer.err
    assert "zhixing upgrade" in answer.err


def test_a_backup_can_be_made_before_an_upgrade(zhixing, tmp_path):
    database.db.execute_sql("DELETE FROM migration_core")
    assert zhixing("backup", tmp_path / "before.zip").status == 0


def test_a_plugins_older_schema_is_noticed_too(zhixing):
    database.db.execute_sql("DELETE FROM migration_timeliness")
    answer = zhixing("plugin", "list")
    database.db.execute_sql("INSERT INTO migration_timeliness (name, applied) VALUES ('0001_initial', '2026-01-01')")
    assert (answer.status, "timeliness/0001_initial" in answer.err) == (1, True)


def test_upgrade_makes_what_is_missing_and_then_nothing(empty, call):
    assert call("upgrade").status == 0
    assert database.pending({"core": database.MIGRATIONS}) == []
    assert call("upgrade").out.strip() == "已是最新。"


def test_wrong_settings_are_told_all_at_once(zhixing, settings):
    (settings.home / "zhixing.toml").write_text('port = "eighty"\ncolour = "red"\n')
    answer = zhixing("plugin", "list")
    assert answer.status == 1
    assert len(answer.err.splitlines()) == 2
    (settings.home / "zhixing.toml").unlink()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("due",),
        ("plugin", "policy", "timeliness", "maybe", "--branch", "TJ"),
        ("run", "--port", "x"),
    ],
    ids=["no command", "an unknown command", "no limit", "no such policy", "no port"],
)
def test_misuse_is_2_with_usage(call, words):
    answer = call(*words)
    assert answer.status == 2
    assert "usage: zhixing" in answer.err


def test_messages_speak_the_language_of_the_installation(zhixing, settings):
    (settings.home / "zhixing.toml").write_text('language = "en"\n')
    answer = zhixing("plugin", "why", "nonsense", "--branch", "TJ")
    known = ", ".join(registry().plugins)
    assert answer.err.strip() == f'There is no plugin "nonsense". There are: {known}.'
