"""zhixing channel: channels from the command line, with secrets from standard input only."""

import io
import sys

from core.database import db
from tests.house.mailing import ROOM, SECRET
from tests.house.posts import mail_server


def test_a_channel_is_added_listed_tried_and_removed(zhixing):
    with mail_server().open() as server:
        words = [
            "--kind",
            "email",
            "--branch",
            "HQ",
            "--server",
            "127.0.0.1",
            "--port",
            server.port,
            "--security",
            "insecure",
        ]
        added = zhixing("channel", "add", "邮件", *words, "--sender", "zx@example.cn", "--json")
        assert added.status == 0 and added.rows[0]["branch"] == "HQ", added.err
        tried = zhixing("channel", "test", "邮件", "--to", "bob@example.cn", "--json")
        assert tried.status == 0 and tried.rows[0]["sent"] and server.letters[0]["to"] == "bob@example.cn"
    tried = zhixing("channel", "test", "邮件", "--to", "bob@example.cn", "--json")
    assert tried.status == 1 and "连不上" in tried.rows[0]["result"]
    assert zhixing("channel", "resume", "邮件").status == 0
    assert zhixing("channel", "list", "--json").rows[0]["failures"] == 0
    assert zhixing("channel", "remove", "邮件").status == 0
    assert zhixing("channel", "list", "--json").rows == []
    assert zhixing("channel", "test", "邮件").status == 1


def test_a_secret_is_read_from_standard_input_and_kept_encrypted(zhixing, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{ROOM['address']}\n"))
    added = zhixing("channel", "add", "群", "--kind", "wecom", "--branch", "TJ", "--department", "KF", "--json")
    assert added.status == 0 and added.rows[0]["department"] == "KF", added.err
    assert SECRET not in added.out + added.err
    assert SECRET not in str(db.execute_sql("SELECT * FROM channel").fetchall())
    assert db.execute_sql("SELECT COUNT(*) FROM channel").fetchone()[0] == 1


def test_who_may_not_is_refused(zhixing):
    assert zhixing("channel", "list", "--as", "alice").status == 1
    assert zhixing("channel", "add", "x", "--kind", "email", "--branch", "TJ", "--as", "alice").status == 1
    wrong = zhixing("channel", "add", "x", "--kind", "email", "--branch", "TJ")
    assert wrong.status == 1 and "server" in wrong.err and "sender" in wrong.err
