"""What was done, measured, found and left undone, on its pages: every figure shows its rows, and only to who may see them."""

import csv
import io
import json
import re

import pytest

from core import audit
from core.access import ROLES, Role, grant
from core.audit import AuditEntry
from core.clocks import Clock
from core.closings import close_period
from core.database import db, door
from core.findings import Finding
from core.jobs import JobRun
from core.language import Words
from core.measures import measured
from core.outbox import Message
from core.people import add_person, person_by_login
from core.testing import branch, console, local, work
from plugins.customers.models import Customer

MONDAY, LATER = "2025-03-03 12:00", "2025-03-05 10:00"


@pytest.fixture
def tina(app):
    """The auditor of TJ alone."""
    person = add_person(console(), "tina", "天津审计员", branch("TJ"))
    grant(console(), person, "audit_admin", branch("TJ"))
    return person


@pytest.fixture
def complaints(record, actor):
    """Two late complaints of Alice's, one of Amy's, one of Frank's in BJ."""
    return [
        record("complaint", actor(login, "2025-03-03 10:00"), code=code)
        for login, code in (("alice", "TJ"), ("alice", "TJ"), ("amy", "TJ"), ("frank", "BJ"))
    ]


# ---- audit -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, there, absent",
    [
        pytest.param("actor=alice", "alice", "amy", id="by person"),
        pytest.param("record=complaint", "客户投诉", "天津分公司 · x", id="by what it is about"),
        pytest.param("verb=grant", "grant", "switch", id="by act"),
        pytest.param("branch=BJ", "frank", "alice", id="by branch"),
        pytest.param("from=2025-03-03&to=2025-03-03", "create", "switch", id="by day"),
        pytest.param("to=2025-01-06", "switch", "客户投诉", id="up to a day"),
    ],
)
def test_the_trail_is_found_by_who_what_where_and_when(sign_in, complaints, query, there, absent):
    page = sign_in("auditor", LATER).get(f"/audit/?{query}").text
    entries = re.search(r"<tbody>(.*?)</tbody>", page, re.S)[1]
    assert there in entries and absent not in entries


def test_the_trail_is_shown_page_by_page_without_gap_or_repetition(sign_in, complaints):
    visitor, seen, path = sign_in("auditor", LATER), [], "/audit/?branch=TJ"
    while path:
        page = visitor.get(path).text
        seen += [int(n) for n in re.findall(r"#(\d+)</span>", page)]
        found = re.search(r'href="([^"]+)" rel="next"', page)
        path = found and found[1].replace("&amp;", "&")
    assert seen == list(range(len(seen), 0, -1)) and len(seen) > 3
    assert len(seen) == AuditEntry.select().where(AuditEntry.branch_id == branch("TJ").id).count()


def test_an_auditor_of_one_branch_sees_and_verifies_its_chain_alone(tina, sign_in, complaints):
    visitor = sign_in("tina", LATER)
    page = visitor.get("/audit/").text
    assert "frank" not in page and "alice" in page
    assert visitor.get("/audit/?branch=BJ").status_code == 404
    assert {row["branch"] for row in json.loads(visitor.get("/audit/heads.json").text)["heads"]} == {"TJ"}
    assert "1 条链全部完整" in visitor.send("/audit/verify").text


def test_verifying_names_the_first_broken_entry(sign_in, complaints):
    visitor = sign_in("auditor", LATER)
    assert "条链全部完整" in visitor.send("/audit/verify").text
    entry = AuditEntry.select().where(AuditEntry.record == "complaint", AuditEntry.branch_id == branch("TJ").id).first()
    with door():
        AuditEntry.update(actor="somebody").where(AuditEntry.id == entry.id).execute()
    page = visitor.send("/audit/verify").text
    assert "有 1 条链不完整" in page and f"第 {entry.seq} 笔" in page


def test_the_heads_are_exported_as_they_stand(sign_in, complaints):
    rows = list(csv.DictReader(io.StringIO(sign_in("auditor", LATER).get("/audit/heads.csv").text)))
    assert {(row["branch_id"], row["seq"], row["hash"]) for row in rows} == {
        (str(head["branch_id"]), str(head["seq"]), head["hash"]) for head in audit.heads()
    }


def test_personal_data_is_masked_in_the_trail(sign_in, record, actor):
    record("customer", actor("alice", MONDAY), name="王小明同学", phone="13800138000")
    assert Customer.select().count() == 1
    page = sign_in("auditor", LATER).get("/audit/?record=customer").text
    assert "13800138000" not in page and "138****8000" in page


# ---- measures ----------------------------------------------------------------------------------------------------------------


def test_every_figure_opens_as_many_rows_as_it_counts(sign_in, complaints, actor):
    work("2025-03-04 17:30:01")
    visitor, period = sign_in("carol", LATER), "2025-03"
    for by in (None, "person", "department"):
        for row in measured(actor("carol", LATER), branch("TJ"), period, by=by):
            grouped = f"&by={by}&group={row['group']}" if row["group"] else ""
            page = visitor.get(f"/measures/{row['measure']}/rows?branch=TJ&period={period}{grouped}").text
            body = re.search(r"<tbody>(.*?)</tbody>", page, re.S)
            assert (body[1].count("<tr>") if body else 0) == row["denominator"]
            assert f"{row['numerator']} / {row['denominator']}" in page


def test_what_spoils_the_figure_comes_first_page_by_page(sign_in, record, actor, monkeypatch):
    monkeypatch.setattr("core.screens.administration.measure_rows.PAGE", 2)
    made = [record("complaint", actor("alice", "2025-03-03 10:00")) for _ in range(5)]
    work("2025-03-04 17:30:01")
    Clock.update(state="met").where(Clock.record_id.in_([made[4].id, made[0].id])).execute()
    visitor, seen, path = sign_in("carol", LATER), [], "/measures/attainment_rate/rows?branch=TJ&period=2025-03"
    while path:
        page = visitor.get(path).text
        seen += re.findall(r"/records/complaint/(\d+)", page)
        found = re.search(r'href="([^"]+)" rel="next"', page)
        path = found and found[1].replace("&amp;", "&")
    assert seen == [str(made[n].id) for n in (3, 2, 1, 4, 0)]


def test_no_data_is_not_nought(sign_in):
    page = sign_in("carol", LATER).get("/measures/?period=2024-01").text
    assert page.count("无数据") == 3 and "0.00 %" not in page


def test_a_period_that_is_none_is_told(sign_in):
    answer = sign_in("carol", LATER).get("/measures/?period=soon")
    assert answer.status_code == 422 and "不是期间" in answer.text


def test_a_record_that_one_may_not_see_is_counted_but_not_named(sign_in, complaints, monkeypatch):
    analyst = Role("analyst", Words("统计员", "Analyst"), ("core.desk.view", "timeliness.measure.view"))
    monkeypatch.setitem(ROLES, "analyst", analyst)
    person = add_person(console(), "rita", "丽塔", branch("TJ"))
    grant(console(), person, "analyst", branch("TJ"))
    work("2025-03-04 17:30:01")
    page = sign_in("rita", LATER).get("/measures/attainment_rate/rows?branch=TJ&period=2025-03").text
    assert page.count("你无权查看这条记录") == 3
    assert not any(complaint.number in page for complaint in complaints)
    assert sign_in("rita", LATER).get("/measures/?branch=BJ").status_code == 404


def test_figures_are_exported_as_they_are_shown(sign_in, complaints, actor):
    work("2025-03-04 17:30:01")
    text = (
        sign_in("carol", LATER).get("/measures/export.csv?branch=TJ&period=2025-03&by=person").data.decode("utf-8-sig")
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    told = measured(actor("carol", LATER), branch("TJ"), "2025-03", by="person")
    assert [(r["measure"], r["group"] or None, int(r["numerator"])) for r in rows] == [
        (r["measure"], r["group"], r["numerator"]) for r in told
    ]


def test_what_was_closed_stands_beside_what_came_late(sign_in, complaints):
    work("2025-03-04 17:30:01")
    close_period(console(local("2025-04-01 10:00")), branch("TJ"), "2025-03")
    page = sign_in("carol", "2025-04-02 10:00").get("/measures/?branch=TJ&period=2025-03").text
    assert "关账时" in page and "2025-04-01 10:00" in page
    assert "关账时" not in sign_in("carol", "2025-04-02 10:00").get("/measures/?branch=TJ&period=2025-02").text


def test_the_queries_behind_the_rows_do_not_grow_with_them(sign_in, record, actor, monkeypatch):
    run, execute = [], db.obj.execute_sql
    monkeypatch.setattr(db.obj, "execute_sql", lambda sql, *rest: (run.append(sql), execute(sql, *rest))[1])
    visitor, counts = sign_in("carol", LATER), []
    for count in (1, 10):
        for n in range(count):
            record("complaint", actor(("alice", "amy")[n % 2], "2025-03-03 10:00"))
        work("2025-03-04 17:30:01")
        visitor.get("/measures/attainment_rate/rows?branch=TJ&period=2025-03")
        run.clear()
        assert visitor.get("/measures/attainment_rate/rows?branch=TJ&period=2025-03").status_code == 200
        counts.append(len(run))
    assert counts[0] == counts[1]


# ---- findings and background work --------------------------------------------------------------------------------------------


def test_findings_are_listed_where_they_lie_and_open_their_record(sign_in, complaints):
    work("2025-03-04 17:30:01")
    page = sign_in("carol", LATER).get("/findings/").text
    assert len(re.findall(r"/records/complaint/\d", page)) == 3 and "投诉首次联系" in page
    assert "没有发现" in sign_in("carol", LATER).get("/findings/?state=closed").text
    admin = sign_in("admin", LATER).get("/findings/").text
    assert not re.findall(r"/records/complaint/\d", admin) and "客户投诉" in admin


def finding(code="TJ"):
    """A finding of a check, about somebody of the branch."""
    with door():
        return Finding.create(
            branch_id=branch(code).id,
            plugin="core",
            source="check:core.people_have_a_department",
            record="person",
            record_id=person_by_login({"TJ": "alice", "BJ": "frank"}[code]).id,
            happened_at=local(MONDAY),
        )


def test_a_finding_of_a_check_is_waived_until_a_day_with_a_reason(sign_in, app):
    row, other = finding(), finding("BJ")
    visitor = sign_in("carol", MONDAY)
    assert visitor.send(f"/findings/{row.id}/waive", {"until": "2025-03-31"}).status_code == 422
    assert visitor.send(f"/findings/{row.id}/waive", {"reason": "x"}).status_code == 422
    assert visitor.send(f"/findings/{other.id}/waive", {"until": "2025-03-31", "reason": "x"}).status_code == 404
    assert (
        sign_in("admin", MONDAY).send(f"/findings/{row.id}/waive", {"until": "2025-03-31", "reason": "x"}).status_code
        == 403
    )
    assert visitor.send(f"/findings/{row.id}/waive", {"until": "2025-03-31", "reason": "整改中"}).status_code == 303
    assert Finding.get_by_id(row.id).state == "waived"


def test_messages_that_were_given_up_are_shown_with_their_error_and_tried_again(sign_in, app):
    def given_up(code):
        rest = {"payload": {}, "subject": "x:1", "made_at": local(MONDAY), "tries": 5, "error": "ValueError: 坏数据"}
        return Message.create(plugin="timeliness", kind="finding_opened", branch_id=branch(code).id, **rest)

    mine, other = given_up("TJ"), given_up("BJ")
    person = add_person(console(), "tim", "天津管理员", branch("TJ"))
    grant(console(), person, "system_admin", branch("TJ"))
    page = sign_in("tim", MONDAY).get("/jobs/").text
    assert page.count("ValueError: 坏数据") == 1
    assert sign_in("auditor", MONDAY).send("/jobs/retry", {"id": mine.id}).status_code == 403
    sign_in("tim", MONDAY).send("/jobs/retry", {"id": other.id})
    assert Message.get_by_id(other.id).next_try_at is None
    assert sign_in("tim", MONDAY).send("/jobs/retry").status_code == 303
    assert (Message.get_by_id(mine.id).next_try_at, Message.get_by_id(mine.id).tries) == (local(MONDAY), 0)


def test_the_last_run_of_each_job_is_shown_and_what_failed(sign_in, app):
    for slot, state, error in (("2025-03-01", "failed", "OSError: 磁盘已满"), ("2025-03-02", "done", "")):
        JobRun.create(job="core.prune", slot=slot, state=state, error=error, began_at=local(MONDAY), tries=1)
    last, failed = re.findall(r"<tbody>(.*?)</tbody>", sign_in("admin", MONDAY).get("/jobs/").text, re.S)
    assert "2025-03-02" in last and "2025-03-01" not in last
    assert "OSError: 磁盘已满" in failed


def test_a_department_that_is_none_has_no_rows(sign_in):
    visitor, path = sign_in("carol", MONDAY), "/measures/attainment_rate/rows?by=department&group="
    assert [visitor.get(path + code).status_code for code in ("KF", "XX")] == [200, 404]
