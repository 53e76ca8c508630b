"""Switches, questions, limits and the calendar on their pages: previewed, then done as previewed, and only where one may."""

import re

import pytest

from core import forms, records
from core.access import grant
from core.business_calendar import calendar_of
from core.clocks import OPEN, Clock
from core.database import db, refresh
from core.errors import Refused
from core.limits import LimitEdition, limit_in_force
from core.organisation import add_branch
from core.people import add_person
from core.screens.administration.consequences import preview
from core.switches import SwitchEntry, is_on, local_day, switch
from core.testing import branch, clock, console, local
from core.testing import record as make_record
from plugins.cases.models import Complaint

MONDAY = "2025-03-03 12:00"
CONTACT = "/limits/timeliness.complaint_contact"


@pytest.fixture
def tim(app):
    """The administrator of TJ alone."""
    person = add_person(console(), "tim", "天津管理员", branch("TJ"))
    grant(console(), person, "system_admin", branch("TJ"))
    return person


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")


# ---- switches --------------------------------------------------------------------------------------------------------------


def test_a_cell_says_why_and_who(sign_in):
    page = sign_in("admin", MONDAY).get("/plugins/cases/TJ").text
    assert "因为已启用的“时效管理制度”需要它" in page
    matrix = sign_in("admin", MONDAY).get("/plugins/").text
    assert "理由:制度施行" in matrix and "被需要" in matrix


@pytest.mark.parametrize(
    "code, value",
    [
        pytest.param("GZ", "on", id="on where nothing was"),
        pytest.param("TJ", "off", id="off where it was chosen"),
        pytest.param("HQ", "forbidden", id="forbidden for all"),
        pytest.param("HQ", "required", id="required of all"),
        pytest.param("HQ", "on", id="chosen above, with branches that have it"),
        pytest.param("TJ", "optional", id="a policy that changes nothing"),
    ],
)
def test_what_a_preview_tells_is_what_then_happens(sign_in, complaint, actor, code, value):
    admin, day = actor("admin", MONDAY), local_day(local(MONDAY), branch(code).id)
    told = preview(admin, "timeliness", branch(code), value, day)
    running = {b: Clock.select().where(Clock.branch_id == b, Clock.state.in_(OPEN)).count() for b in (branch("TJ").id,)}
    assert all(each.clocks == running.get(each.branch.id, 0) for each in told if each.plugin.name == "timeliness")
    before = {(b, name): is_on(name, branch(b).id, admin.now) for b in ["HQ", "TJ", "BJ", "GZ"] for name in PLUGINS}
    data = {"value": value, "reason": "试行", "from_day": "2025-03-03"}
    visitor = sign_in("admin", MONDAY)
    page = visitor.send(f"/plugins/timeliness/{code}", {**data, "do": "preview"})
    assert page.status_code == 200 and not SwitchEntry.select().where(SwitchEntry.reason == "试行").exists()
    assert "将会发生" in page.text
    assert visitor.send(f"/plugins/timeliness/{code}", {**data, "do": "switch"}).status_code == 303
    refresh()
    after = {(b, name): is_on(name, branch(b).id, admin.now) for b in ["HQ", "TJ", "BJ", "GZ"] for name in PLUGINS}
    changed = {key: after[key] for key in after if after[key] != before[key]}
    assert changed == {(each.branch.code, each.plugin.name): each.after.is_on for each in told}


PLUGINS = ("customers", "cases", "timeliness")


def test_a_preview_counts_the_open_work_and_its_clocks(actor, complaint):
    told = preview(actor("admin", MONDAY), "timeliness", branch("TJ"), "off", local_day(local(MONDAY), branch("TJ").id))
    assert [(each.plugin.name, each.records and each.records[0][1], each.clocks) for each in told] == [
        ("customers", [], 0),
        ("cases", 1, 0),
        ("timeliness", [], 2),
    ]


def test_a_preview_of_coming_on_counts_what_begins_to_run(actor, complaint):
    admin = actor("admin", MONDAY)
    switch(admin, "timeliness", branch("TJ"), "off", reason="x")
    told = preview(admin, "timeliness", branch("TJ"), "on", local_day(admin.now, branch("TJ").id))
    assert {each.plugin.name: each.begins for each in told} == {"cases": 0, "customers": 0, "timeliness": 1}


@pytest.mark.parametrize(
    "data, said",
    [
        pytest.param({"value": "off"}, "请写明理由", id="a reason is asked for"),
        pytest.param({"value": "off", "reason": "x", "from_day": "2025-01-01"}, "不能早于今天", id="not in the past"),
        pytest.param({"value": "sideways", "reason": "x"}, "没有“sideways”这个开关值", id="only values that there are"),
    ],
)
def test_a_faulty_entry_comes_back_with_what_is_wrong(sign_in, data, said):
    answer = sign_in("admin", MONDAY).send("/plugins/timeliness/TJ", {**data, "do": "switch"})
    assert (answer.status_code, said in answer.text) == (422, True)


def test_below_a_prohibition_there_is_no_switching_on(sign_in):
    switch(console(local(MONDAY)), "timeliness", branch("HQ"), "forbidden", reason="整顿")
    answer = sign_in("admin", MONDAY).send("/plugins/timeliness/TJ", {"value": "on", "reason": "x", "do": "switch"})
    assert answer.status_code == 422 and "下级只能更严" in answer.text and "整顿" in answer.text


def test_switching_is_for_ones_own_branches(tim, sign_in):
    data = {"value": "off", "reason": "x", "do": "switch"}
    assert sign_in("tim", MONDAY).send("/plugins/timeliness/BJ", data).status_code == 404
    assert sign_in("tim", MONDAY).send("/plugins/timeliness/HQ", data).status_code == 404
    assert sign_in("auditor", MONDAY).send("/plugins/timeliness/TJ", data).status_code == 403
    assert sign_in("tim", MONDAY).send("/plugins/timeliness/TJ", data).status_code == 303


def test_an_entry_for_a_later_day_changes_nothing_yet(sign_in):
    data = {"value": "off", "reason": "到期停用", "from_day": "2025-04-01", "do": "switch"}
    assert sign_in("admin", MONDAY).send("/plugins/timeliness/TJ", data).status_code == 303
    assert is_on("timeliness", branch("TJ").id, local(MONDAY))
    assert not is_on("timeliness", branch("TJ").id, local("2025-04-01 09:00"))


def test_the_number_of_queries_of_the_matrix_does_not_grow_with_the_branches(sign_in, monkeypatch):
    run, execute = [], db.obj.execute_sql
    monkeypatch.setattr(db.obj, "execute_sql", lambda sql, *rest: (run.append(sql), execute(sql, *rest))[1])
    visitor, counts = sign_in("admin", MONDAY), []
    for page in ("/plugins/", "/clauses/"):
        for count in (0, 20):
            for n in range(count):
                add_branch(console(), f"{page[1]}{n}", f"支公司{n}", branch("TJ"))
            visitor.get(page)
            run.clear()
            assert visitor.get(page).status_code == 200
            counts.append(len(run))
    assert counts[0] == counts[1] and counts[2] == counts[3]


# ---- questions -------------------------------------------------------------------------------------------------------------


def row(n=1, **values):
    """One question as the designer's form sends it."""
    given = {"key": "receipt_no", "kind": "text", "zh": "回执号", "required": "yes", **values}
    return {f"{n}.{name}": value for name, value in given.items()}


def test_a_question_that_one_branch_requires_is_asked_there_alone(tim, sign_in, actor):
    visitor = sign_in("tim", MONDAY)
    data = {"count": "1", **row()}
    answer = visitor.send("/questions/complaint?branch=TJ", {**data, "do": "check"})
    assert "发布前请看" in answer.text and not forms.own_questions("complaint", branch("TJ"))
    assert visitor.send("/questions/complaint?branch=TJ", {**data, "do": "publish"}).status_code == 303
    refresh()
    with pytest.raises(Refused) as refused:
        records.create(actor("alice", MONDAY), Complaint, {}, branch=branch("TJ"))
    assert [fault.field for fault in refused.value.faults] == ["x_receipt_no"]
    made = records.create(actor("alice", MONDAY), Complaint, {"x_receipt_no": "R1"}, branch=branch("TJ"))
    assert made.extra == {"receipt_no": "R1"}
    assert records.create(actor("frank", MONDAY), Complaint, {}, branch=branch("BJ")).extra == {}


def test_before_publishing_the_records_that_are_there_are_counted(sign_in, complaint):
    visitor = sign_in("admin", MONDAY)
    page = visitor.send("/questions/complaint?branch=TJ", {"count": "1", **row(), "do": "check"}).text
    assert "已有 1 条记录" in page and "没有附加问题时 · 1" in page
    assert (
        "已有 0 条记录" in visitor.send("/questions/complaint?branch=BJ", {"count": "1", **row(), "do": "check"}).text
    )


def test_the_faults_of_every_question_stand_beside_their_fields(sign_in):
    data = {
        "count": "3",
        **row(1, key="Bad Key", zh=""),
        **row(2, kind="choice", key="level", zh="程度"),
        **row(3, key="third", shown_if="nonsense is x", kind="integer", default="viele"),
    }
    answer = sign_in("admin", MONDAY).send("/questions/complaint?branch=TJ", {**data, "do": "publish"})
    assert answer.status_code == 422 and not forms.own_questions("complaint", branch("TJ"))
    cards = answer.text.split('<section class="card question')[1:]
    wrong = [re.findall(r'<p class="wrong">(.*?)</p>', card) for card in cards]
    assert [len(each) for each in wrong] == [2, 1, 2]
    assert "没有字段“nonsense”" in wrong[2][1] and 'value="viele"' in answer.text
    assert answer.text.count("told-red") == 0


def test_rows_are_arranged_without_a_script(sign_in):
    visitor, path = sign_in("admin", MONDAY), "/questions/complaint?branch=TJ"

    def keys(data):
        return re.findall(r'name="\d+\.key" value="(\w*)"', visitor.send(path, data).text)

    two = {"count": "2", **row(1, key="a"), **row(2, key="b")}
    assert keys({**two, "do": "add"}) == ["a", "b", ""]
    assert keys({**two, "do": "down.1"}) == ["b", "a"]
    assert keys({**two, "do": "up.1"}) == ["a", "b"]
    assert keys({**two, "do": "remove.2"}) == ["a"]
    assert keys({**two, "do": "remove.9"}) == ["a", "b"]


def test_a_published_question_is_retired_and_never_lost(sign_in, actor):
    visitor, path = sign_in("admin", MONDAY), "/questions/complaint?branch=TJ"
    choices = {"kind": "choice", "key": "level", "choices": "low | 低 | Low\nhigh | 高"}
    visitor.send(path, {"count": "1", **row(1, **choices), "do": "publish"})
    visitor.send(
        path, {"count": "1", **row(1, **{**choices, "choices": "low | 低 | Low", "published": "yes"}), "do": "publish"}
    )
    (kept,) = forms.own_questions("complaint", branch("TJ"))
    assert [(c["word"], c["retired"]) for c in kept["choices"]] == [("low", False), ("high", True)]
    visitor.send(path, {"count": "0", "do": "publish"})
    assert forms.own_questions("complaint", branch("TJ"))[0]["retired"]
    assert make_record("complaint", actor("alice", MONDAY)).extra == {}


def test_a_level_shows_what_the_levels_above_ask_and_leaves_it_alone(tim, sign_in):
    admin = sign_in("admin", MONDAY)
    assert admin.send("/questions/complaint?branch=HQ", {"count": "1", **row(), "do": "publish"}).status_code == 303
    assert "上级已有的问题" in sign_in("tim", MONDAY).get("/questions/complaint").text
    same = sign_in("tim", MONDAY).send("/questions/complaint", {"count": "1", **row(), "do": "publish"})
    assert same.status_code == 422 and "已被使用" in same.text
    for code in ("HQ", "BJ"):
        path = f"/questions/complaint?branch={code}"
        assert sign_in("tim", MONDAY).send(path, {"count": "1", **row(key="k"), "do": "publish"}).status_code == 404


# ---- limits --------------------------------------------------------------------------------------------------------------


def test_a_branch_may_be_stricter_and_it_binds_that_branch_alone(tim, sign_in, complaint):
    data = {"limit": "4 business hours", "reason": "客户期望更快", "from_day": "2025-03-03", "yellow_percent": "50"}
    assert sign_in("tim", MONDAY).send(f"{CONTACT}?branch=TJ", data).status_code == 303
    day = local_day(local(MONDAY), branch("TJ").id)
    figures = {code: limit_in_force(CONTACT[8:], branch(code).id, day).span.text for code in ("TJ", "BJ")}
    assert figures == {"TJ": "4 business hours", "BJ": "1 business day"}
    assert clock(complaint, "T3.2.3a").due_at == local("2025-03-03 14:00")
    assert "客户期望更快" in sign_in("tim", MONDAY).get(f"{CONTACT}?branch=TJ").text


@pytest.mark.parametrize(
    "data, said",
    [
        pytest.param({"limit": "2 business days", "reason": "x"}, "不能放宽为 2 个工作日", id="laxer"),
        pytest.param({"limit": "soon", "reason": "x"}, "看不懂时限", id="unreadable"),
        pytest.param({"limit": "4 business hours"}, "请写明理由", id="without a reason"),
        pytest.param({"limit": "4 business hours", "reason": "x", "yellow_percent": "a lot"}, "1 到 99", id="no share"),
        pytest.param({"limit": "4 business hours", "reason": "x", "from_day": "2024-01-01"}, "不能早于今天", id="past"),
    ],
)
def test_a_limit_that_is_not_allowed_comes_back_with_what_is_wrong(sign_in, data, said):
    answer = sign_in("admin", MONDAY).send(f"{CONTACT}?branch=TJ", data)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert LimitEdition.select().count() == 0


def test_head_office_may_set_either_and_a_branch_nothing_elsewhere(tim, sign_in):
    data = {"limit": "2 business days", "reason": "集团统一"}
    for code in ("HQ", "BJ"):
        assert sign_in("tim", MONDAY).send(f"{CONTACT}?branch={code}", data).status_code == 404
    assert sign_in("admin", MONDAY).send(f"{CONTACT}?branch=HQ", data).status_code == 303
    assert LimitEdition.get().branch_id is None


# ---- calendar ------------------------------------------------------------------------------------------------------------


def test_a_day_off_of_a_branch_is_previewed_published_and_moves_its_clocks(tim, sign_in, complaint):
    visitor = sign_in("tim", MONDAY)
    data = {"year": "2025", "off": "2025-03-04 停电", "on": "", "day_sessions": "", "source": "物业通知"}
    page = visitor.send("/calendar/year?branch=TJ", {**data, "do": "check"}).text
    assert "投诉首次联系 1" in page and clock(complaint, "T3.2.3a").due_at == local("2025-03-04 17:30")
    assert visitor.send("/calendar/year?branch=TJ", {**data, "do": "publish"}).status_code == 303
    assert clock(complaint, "T3.2.3a").due_at == local("2025-03-05 17:30")
    days = {
        code: calendar_of(branch(code).id).is_business_day(local("2025-03-04 12:00").date()) for code in ("TJ", "BJ")
    }
    assert days == {"TJ": False, "BJ": True}


def test_hours_of_a_branch_may_have_a_break(sign_in):
    data = {"year": "2025", "sessions": "09:00-12:00, 13:30-17:30", "source": "作息调整", "do": "publish"}
    assert sign_in("admin", MONDAY).send("/calendar/hours?branch=TJ", data).status_code == 303
    assert len(calendar_of(branch("TJ").id).sessions) == 2
    assert len(calendar_of(branch("BJ").id).sessions) == 1


@pytest.mark.parametrize(
    "where, data, said",
    [
        pytest.param(
            "year", {"off": "2025-03-04 停电\nmorgen", "source": "x"}, "第 2 行“morgen”", id="a line that is none"
        ),
        pytest.param("year", {"off": "2026-03-04", "source": "x"}, "不在 2025 年", id="a day of another year"),
        pytest.param("year", {"off": "2025-03-04", "on": "2025-03-04", "source": "x"}, "既上班又放假", id="on and off"),
        pytest.param("year", {"off": "2025-03-04"}, "请写明依据", id="without a source"),
        pytest.param(
            "year", {"day_sessions": "2025-03-04 morning", "source": "x"}, "缺少时间", id="a day without hours"
        ),
        pytest.param("hours", {"sessions": "9 to 5", "source": "x"}, "时间应写成", id="hours that are none"),
        pytest.param("hours", {"sessions": "13:00-17:00, 09:00-12:00", "source": "x"}, "先后相接", id="out of order"),
    ],
)
def test_a_faulty_calendar_is_not_published_and_what_was_typed_stays(sign_in, where, data, said):
    answer = sign_in("admin", MONDAY).send(f"/calendar/{where}?branch=TJ", {"year": "2025", **data, "do": "publish"})
    assert (answer.status_code, said in answer.text) == (422, True)
    assert all(line in answer.text for text in data.values() for line in text.splitlines())


def test_a_calendar_is_published_by_who_may_there(tim, sign_in):
    data = {"year": "2025", "off": "2025-03-04", "source": "x", "do": "publish"}
    for code in ("HQ", "BJ"):
        assert sign_in("tim", MONDAY).send(f"/calendar/year?branch={code}", data).status_code == 404
        assert sign_in("tim", MONDAY).send(f"/calendar/hours?branch={code}", data).status_code == 404
    assert sign_in("alice", MONDAY).send("/calendar/year?branch=TJ", data).status_code == 403


def test_a_year_without_published_holidays_says_provisional(sign_in):
    assert "节假日未公布" in sign_in("admin", MONDAY).get("/calendar/?year=2027").text
    assert "节假日未公布" not in sign_in("admin", MONDAY).get("/calendar/?year=2026").text


def test_a_due_moment_is_worked_out_day_by_day(sign_in):
    page = sign_in("admin", MONDAY).get("/calendar/?limit=3+business+days&from=2026-02-13T10:00").text
    assert "2026-02-25 17:30" in page and page.count("<td>春节</td>") == 9 and "春节调休上班" in page
    assert "看不懂时限" in sign_in("admin", MONDAY).get("/calendar/?limit=soon&from=2026-02-13T10:00").text
