"""The list of a record type: what is shown, found, narrowed, sorted, paged, exported and done to several at once."""

import re

import pytest

from core import database, forms, switches
from core.records import transition
from core.testing import work
from plugins.cases.models import Complaint

MONDAY = "2025-03-03 10:00"


def numbers(page):
    """The numbers of the complaints on a page, in order."""
    return re.findall(r'<td class="nowrap"><a href="[^"]+">([^<]+)</a>', page.text)


@pytest.fixture
def complaints(record, actor):
    """Ten complaints of TJ, on ten mornings, and one of BJ."""
    made = [
        record("complaint", actor("alice", f"2025-03-{day:02} 10:00"), content=f"第{day}日", channel=channel)
        for day, channel in zip(range(3, 13), ("phone", "email") * 5, strict=True)
    ]
    record("complaint", actor("frank", "2025-03-05 10:00"), code="BJ", content="北京的投诉")
    return made


def test_the_list_shows_the_rows_of_the_branch_at_hand_with_their_labels(sign_in, complaints):
    page = sign_in("alice", "2025-03-13 11:00").get("/records/complaint/")
    assert page.status_code == 200
    assert numbers(page) == [row.number for row in reversed(complaints)]
    for label in ("编号", "状态", "时限", "渠道", "责任人", "接到时间", "已接收", "电话", "艾丽"):
        assert label in page.text
    assert "北京" not in page.text


def test_the_english_list_has_english_labels(sign_in, complaints):
    client = sign_in("alice", "2025-03-13 11:00")
    client.send("/language", {"language": "en"})
    page = client.get("/records/complaint/")
    assert "Channel" in page.text and "Received" in page.text and "Limit" in page.text


@pytest.mark.parametrize(
    "query, found",
    [
        pytest.param("channel=email", [4, 6, 8, 10, 12], id="a choice"),
        pytest.param("state=accepted", [3], id="the state"),
        pytest.param("happened_at.from=2025-03-05&happened_at.to=2025-03-06", [5, 6], id="days, both ends included"),
        pytest.param("owner=alice", range(3, 13), id="the owner by login"),
        pytest.param("owner=艾丽", range(3, 13), id="the owner by name"),
        pytest.param("owner=bob", [], id="an owner who has none"),
        pytest.param("clock=red", range(3, 12), id="late ones, by the clock as of now"),
        pytest.param("q=第7日", [7], id="a word of the content"),
        pytest.param("q=TSTJ-2025-00003", [5], id="the exact number"),
        pytest.param("q=TSTJ-2025-0001", [12], id="how the number begins"),
        pytest.param("q=%00", range(3, 13), id="a character that no database takes"),
        pytest.param("happened_at.from=yesterday", [], id="a day that is none finds nothing"),
        pytest.param("department=99999999999999999999", [], id="an id that is none finds nothing"),
        pytest.param("sort=happened_at&channel=phone", [3, 5, 7, 9, 11], id="oldest first"),
    ],
)
def test_filters_and_search_narrow_the_list(sign_in, actor, complaints, query, found):
    transition(actor("alice", "2025-03-04 09:00"), complaints[0], "accept")
    page = sign_in("alice", "2025-03-13 11:00").get(f"/records/complaint/?{query}")
    wanted = [complaints[day - 3].number for day in found]
    assert numbers(page) == (wanted if "sort=happened_at" in query else wanted[::-1])
    if not wanted:
        assert "没有符合条件的客户投诉" in page.text


def test_pages_go_on_by_key_and_come_back(sign_in, record, actor):
    by = actor("alice", MONDAY)
    for _ in range(45):
        record("complaint", by)
    client = sign_in("alice", "2025-03-03 11:00")
    page = client.get("/records/complaint/")
    pages = [numbers(page)]
    while following := re.search(r'href="([^"]+)" rel="next"', page.text):
        page = client.get("/records/complaint/" + following[1].replace("&amp;", "&"))
        pages.append(numbers(page))
    assert [len(each) for each in pages] == [20, 20, 5]
    seen = [number for each in pages for number in each]
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 45
    before = re.search(r'href="([^"]+)" rel="prev"', page.text)[1].replace("&amp;", "&")
    assert numbers(client.get("/records/complaint/" + before)) == pages[1]
    assert "共 45 条" in client.get("/records/complaint/?count=1").text


def test_the_number_of_queries_does_not_grow_with_the_rows(sign_in, record, actor, monkeypatch):
    by = actor("alice", MONDAY)
    client = sign_in("alice", "2025-03-03 11:00")
    monkeypatch.setattr("core.screens.records.listing.PER_PAGE", 100)

    def queries():
        asked, run = [], database.db.obj.execute_sql
        monkeypatch.setattr(
            database.db.obj, "execute_sql", lambda sql, *a, **k: (asked.append(sql), run(sql, *a, **k))[1]
        )
        page = client.get(
            "/records/complaint/?columns=customer&columns=owner&columns=about_employee&columns=about_department&columns=late_item"
        )
        monkeypatch.setattr(database.db.obj, "execute_sql", run)
        return len(asked), len(numbers(page))

    def add(count):
        for _ in range(count):
            customer = record("customer", by, name="王小明", phone="13800001234")
            record("complaint", by, customer=customer.id, about_employee="dave", about_department="LP")

    add(5)
    queries()  # what a process reads once
    few, five = queries()
    add(45)
    many, fifty = queries()
    assert (five, fifty) == (5, 50)
    assert many == few


def test_an_added_question_is_a_column_and_a_filter(sign_in, record, actor, branch):
    record("complaint", actor("alice", MONDAY))
    question = {"key": "policy_no", "kind": "text", "label": {"zh": "保单号", "en": "Policy number"}, "required": True}
    forms.publish(actor("admin", "2025-03-03 10:30"), "complaint", branch("TJ"), [question])
    asked = record("complaint", actor("alice", "2025-03-03 11:00"), x_policy_no="P-77")
    client = sign_in("alice", "2025-03-03 12:00")
    page = client.get("/records/complaint/?columns=x_policy_no&columns=channel")
    assert "P-77" in page.text and '<th scope="col">保单号</th>' in page.text
    assert "P-77" in client.get("/records/complaint/").text, "the choice of columns is remembered"
    assert numbers(client.get("/records/complaint/?x_policy_no=77")) == [asked.number]


def test_personal_values_are_masked_and_not_searched_without_the_permission(sign_in, record, actor):
    record("customer", actor("alice", MONDAY), name="王小明", phone="13800001234")
    client = sign_in("carol", "2025-03-03 11:00")
    page = client.get("/records/customer/")
    assert "138****1234" in page.text
    assert "王小明" not in page.text and "13800001234" not in page.text
    assert numbers(client.get("/records/customer/?q=13800001234")) == []
    assert numbers(sign_in("alice").get("/records/customer/?q=13800001234")) == ["KTJ-2025-00001"]


def test_an_empty_list_says_what_to_do(sign_in):
    assert "还没有客户投诉。点击“新增”登记第一条。" in sign_in("alice", MONDAY).get("/records/complaint/").text
    assert "还没有你能看到的客户投诉" in sign_in("carol", MONDAY).get("/records/complaint/").text


def test_the_nearest_clock_is_told_as_of_now(sign_in, record, actor):
    record("complaint", actor("alice", MONDAY))
    page = sign_in("alice", "2025-03-04 18:30").get("/records/complaint/")
    assert re.search(r'<span class="tag tag-red"><time[^>]*>已超 1 小时</time>', page.text), "before the sweep came by"


def test_a_step_is_taken_for_all_chosen_or_for_none(sign_in, actor, complaints):
    client = sign_in("alice", "2025-03-13 11:00")
    ids = [str(row.id) for row in complaints[:3]]
    assert client.send("/records/complaint/bulk", {"act": "do:accept", "id": ids}).status_code == 303
    assert [Complaint.get_by_id(i).state for i in ids] == ["accepted"] * 3
    told = client.send(
        "/records/complaint/bulk", {"act": "do:accept", "id": [*ids[:1], str(complaints[5].id)]}, follow_redirects=True
    )
    assert "这些记录的状态不能“受理”" in told.text and complaints[0].number in told.text
    assert Complaint.get_by_id(complaints[5].id).state == "received"
    asked = client.send("/records/complaint/bulk", {"act": "do:void", "id": ids})
    assert asked.status_code == 200 and "作废说明" in asked.text
    void = {"act": "do:void", "id": ids, "confirmed": "1", "void_as": "mistake"}
    assert client.send("/records/complaint/bulk", void).status_code == 422
    assert client.send("/records/complaint/bulk", {**void, "void_reason": "测试"}).status_code == 303
    assert {Complaint.get_by_id(i).state for i in ids} == {"voided"}


def test_several_records_get_another_owner(sign_in, complaints):
    client = sign_in("bob", "2025-03-13 11:00")
    ids = [str(row.id) for row in complaints[:2]]
    assert complaints[0].number in client.send("/records/complaint/bulk", {"act": "owner", "id": ids}).text
    done = client.send("/records/complaint/bulk", {"act": "owner", "id": ids, "confirmed": "1", "owner": "amy 艾米"})
    assert done.status_code == 303
    assert {Complaint.get_by_id(i).owner.login for i in ids} == {"amy"}


def test_nobody_does_anything_to_the_rows_of_another_branch(sign_in, record, actor):
    theirs = record("complaint", actor("frank", MONDAY), code="BJ")
    client = sign_in("bob", "2025-03-03 11:00")
    for act in ("do:accept", "owner"):
        form = {"act": act, "id": [str(theirs.id)], "confirmed": "1", "owner": "bob"}
        assert client.send("/records/complaint/bulk", form).status_code == 404
    assert Complaint.get_by_id(theirs.id).revision == 1


def test_the_export_holds_what_the_filters_leave(sign_in, complaints):
    answer = sign_in("bob", "2025-03-13 11:00").get("/records/complaint/export/csv?channel=email")
    lines = answer.get_data(as_text=True).strip().splitlines()
    assert len(lines) == 6 and "attachment" in answer.headers["Content-Disposition"]
    assert sign_in("alice").get("/records/complaint/export/csv").status_code == 404, "staff may not export"
    assert sign_in("bob").get("/records/complaint/export/xlsx").data[:2] == b"PK"


def test_off_is_off_and_says_why(sign_in, record, actor, branch):
    made = record("complaint", actor("alice", MONDAY))
    switches.switch(actor("admin", "2025-03-03 10:30"), "timeliness", branch("TJ"), "off", reason="系统切换")
    client = sign_in("bob", "2025-03-03 11:00")
    for path in ("/records/complaint/", "/records/complaint/new", f"/records/complaint/{made.id}", "/records/warning/"):
        page = client.get(path)
        assert page.status_code == 404 and "未启用" in page.text, path
    assert "客户投诉" not in client.get("/notices/").text, "no menu"
    assert client.send(f"/records/complaint/{made.id}/do/accept").status_code == 404
    work("2025-03-03 12:00")
    assert Complaint.get_by_id(made.id).state == "received"
