"""zhixing plugin: what is on where, why, and switching it."""

import pytest

from core.audit import AuditEntry
from core.plugins import registry


def test_the_list_says_where_each_is_on(zhixing):
    rows = {row["plugin"]: row for row in zhixing("plugin", "list", "--json").rows}
    assert rows["timeliness"]["on_in"] == ["BJ", "TJ"]
    assert rows["timeliness"]["depends"] == ["cases"]
    here = {row["plugin"]: row for row in zhixing("plugin", "list", "--branch", "GZ", "--json").rows}
    assert {name: row["on"] for name, row in here.items()} == dict.fromkeys(registry().plugins, False)
    assert "天津" in zhixing("plugin", "list", "--branch", "TJ").out


def test_switching_says_what_it_changed(zhixing):
    answer = zhixing("plugin", "on", "timeliness", "--branch", "GZ", "--reason", "试行", "--as", "admin", "--json")
    assert answer.status == 0
    assert {(row["branch"], row["plugin"], row["on"]) for row in answer.rows} == {
        ("GZ", "timeliness", True), ("GZ", "cases", True), ("GZ", "customers", True),
    }  # fmt: skip
    entry = AuditEntry.select().where(AuditEntry.verb == "switch").order_by(AuditEntry.id.desc()).first()
    assert (entry.actor, entry.via, entry.reason) == ("admin", "console", "试行")
    off = zhixing("plugin", "off", "timeliness", "--branch", "GZ", "--json")
    assert {row["on"] for row in off.rows} == {False}


def test_a_policy_binds_those_below(zhixing):
    assert zhixing("plugin", "policy", "timeliness", "required", "--branch", "HQ").status == 0
    why = zhixing("plugin", "why", "timeliness", "--branch", "GZ", "--json").rows[0]
    assert (why["on"], why["because"]) == (True, "required")
    refused = zhixing("plugin", "off", "timeliness", "--branch", "GZ")
    assert (refused.status, "上级已有规定" in refused.err) == (1, True)
    assert zhixing("plugin", "policy", "timeliness", "inherit", "--branch", "HQ").status == 0


def test_why_names_who_needs_it(zhixing):
    assert zhixing("plugin", "why", "cases", "--branch", "TJ").out.strip() == "启用:因为已启用的“时效管理制度”需要它。"


def test_a_day_to_come_changes_nothing_today(zhixing):
    answer = zhixing("plugin", "off", "timeliness", "--branch", "TJ", "--from", "2099-01-01", "--json")
    assert {row["from"] for row in answer.rows} == {"2099-01-01"}
    assert zhixing("plugin", "why", "timeliness", "--branch", "TJ", "--json").rows[0]["on"] is True


@pytest.mark.parametrize(
    "words, told",
    [
        pytest.param(
            ("on", "nonsense", "--branch", "TJ"), "没有名为“nonsense”的插件。现有:customers, ", id="an unknown plugin"
        ),
        pytest.param(
            ("why", "nonsense", "--branch", "TJ"),
            "没有名为“nonsense”的插件。现有:customers, ",
            id="nor is it explained",
        ),
        pytest.param(("on", "timeliness", "--branch", "XX"), "现有:BJ, GZ, HQ, TJ", id="an unknown branch"),
        pytest.param(("on", "cases", "--branch", "TJ"), "业务插件", id="a business plugin is never chosen"),
        pytest.param(("on", "timeliness", "--branch", "GZ", "--from", "soon"), "“soon”不是日期", id="no day"),
        pytest.param(
            ("on", "timeliness", "--branch", "GZ", "--from", "2020-01-01"), "不能早于今天", id="a day gone by"
        ),
        pytest.param(("on", "timeliness", "--branch", "GZ", "--as", "alice"), "core.switch.edit", id="no permission"),
        pytest.param(("list", "--as", "alice"), "core.switch.view", id="nor to look"),
    ],
)
def test_what_is_refused_is_told(zhixing, words, told):
    answer = zhixing("plugin", *words)
    assert (answer.status, told in answer.err) == (1, True)
