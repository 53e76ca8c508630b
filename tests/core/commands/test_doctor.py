"""zhixing doctor: what is wrong with an installation is named, and nothing is changed."""

import os
import time
from datetime import timedelta

from core.database import db, door


def rows(answer):
    return {row["check"]: row for row in answer.rows}


def test_a_whole_installation_is_said_to_be_whole(zhixing):
    answer = zhixing("doctor", "--json")
    assert answer.status == 0
    assert {name: row["holds"] for name, row in rows(answer).items()} == {
        "program": None, "folder": True, "database": True, "trail": True, "backup": None,
    }  # fmt: skip


def test_a_trail_that_was_tampered_with_is_named(zhixing):
    with door():
        db.execute_sql("UPDATE audit_entry SET reason = 'x' WHERE id = (SELECT max(id) FROM audit_entry)")
    answer = zhixing("doctor", "--json")
    assert answer.status == 1 and rows(answer)["trail"]["holds"] is False


def test_a_database_that_is_not_there_is_said_so(zhixing, settings, monkeypatch):
    monkeypatch.setenv("ZHIXING_DATABASE", f"sqlite:///{settings.home}/nowhere.db")
    answer = zhixing("doctor", "--json")
    assert answer.status == 1 and "zhixing init" in rows(answer)["database"]["told"]


def test_a_backup_that_is_too_old_is_said_so(zhixing, settings):
    settings.backups.mkdir(parents=True)
    path = settings.backups / "zhixing-2025-01-01.zip"
    path.write_bytes(b"x")
    old = time.time() - timedelta(days=3).total_seconds()
    os.utime(path, (old, old))
    answer = zhixing("doctor", "--json")
    assert answer.status == 1 and rows(answer)["backup"]["holds"] is False
