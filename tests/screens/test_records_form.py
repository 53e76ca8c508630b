"""The form of a record: what it asks, how faults are told, two people at once, and nothing typed that is lost."""

import json
import re

import pytest

from core import access, forms, people
from core.drafts import Draft
from core.plugins import registry
from core.records import change
from core.testing import clock, work
from plugins.cases.models import Complaint
from plugins.customers.models import Customer
from plugins.timeliness.models import RectificationReport

MONDAY = "2025-03-03 10:00"
NEW = "/records/complaint/new"


def fault(page, name):
    """The fault that stands beneath a field, or None."""
    found = re.search(rf'id="{re.escape(name)}-wrong">([^<]+)<', page.text)
    return found and found[1]


def seen(page):
    """What an edit page hands back with its form."""
    revision = re.search(r'name="revision" value="(\d+)"', page.text)[1]
    texts = re.search(r'name="seen" value="([^"]*)"', page.text)[1]
    return revision, json.loads(texts.replace("&#34;", '"').replace("&amp;", "&").replace("&#39;", "'"))


def whole(page, **changes):
    """The form of an edit page as a browser would send it, with some fields changed."""
    revision, texts = seen(page)
    return {**texts, "revision": revision, "seen": json.dumps(texts), **changes}


def test_a_complaint_is_registered_with_its_defaults_and_its_clock(sign_in):
    client = sign_in("alice", MONDAY)
    form = client.get(NEW)
    assert form.status_code == 200 and 'value="alice 艾丽"' in form.text and "2025-03-03T10:00" in form.text
    assert 'name="result_told_at"' not in form.text, "what a later step stamps is not asked"
    assert 'name="findings"' not in form.text, "what a later step asks is not asked"
    sent = {
        "happened_at": "2025-03-03T09:30",
        "channel": "phone",
        "content": "理赔太慢",
        "owner": "alice 艾丽",
        "department": "KF",
    }
    answer = client.send(NEW, sent)
    made = Complaint.get()
    assert (answer.status_code, answer.location) == (303, f"/records/complaint/{made.id}")
    assert (made.owner.login, made.department.code, made.branch.code) == ("alice", "KF", "TJ")
    assert f"{clock(made, 'T3.2.3a').started_at:%H:%M}" == "01:30"
    assert "已登记 TSTJ-2025-00001" in client.get(answer.location).text


def test_only_the_day_may_be_known(sign_in):
    client = sign_in("alice", MONDAY)
    client.send(NEW, {"happened_at": "2025-03-03T09:30", "happened_at.day": "1", "owner": "alice"})
    made = Complaint.get()
    assert made.is_day_only("happened_at")
    assert "<dd>2025-03-03</dd>" in client.get(f"/records/complaint/{made.id}").text


def test_all_faults_are_told_at_once_in_their_places_and_what_was_typed_is_kept(sign_in):
    client = sign_in("alice", MONDAY)
    sent = {
        "happened_at": "2025-03-04T09:30",
        "channel": "drum",
        "content": "理赔<b>太慢</b>",
        "about_employee": "nobody",
        "owner": "",
        "customer.new": "1",
        "customer.phone": "12",
    }
    page = client.send(NEW, sent)
    assert page.status_code == 422
    assert "不能晚于现在" in fault(page, "happened_at")
    assert "drum" in fault(page, "channel")
    assert "nobody" in fault(page, "about_employee")
    assert "姓名或名称" in fault(page, "customer.name")
    assert "5 至 20 位数字" in fault(page, "customer.phone")
    assert "理赔&lt;b&gt;太慢&lt;/b&gt;" in page.text and 'value="nobody"' in page.text
    assert not Complaint.select().exists() and not Customer.select().exists()


def test_a_customer_is_made_in_the_complaints_form_in_one_transaction(sign_in):
    client = sign_in("alice", MONDAY)
    new = {"owner": "alice", "customer.new": "1", "customer.name": "王小明", "customer.phone": "138 0000 1234"}
    assert client.send(NEW, {**new, "channel": "drum"}).status_code == 422
    assert not Customer.select().exists(), "the complaint was refused, so was its customer"
    assert client.send(NEW, new).status_code == 303
    made = Complaint.get()
    assert (made.customer.name, made.customer.owner.login) == ("王小明", "alice")


def test_a_double_is_hinted_at_and_made_only_when_confirmed(sign_in, record, actor):
    record("customer", actor("alice", "2025-03-03 09:00"), name="王小明", phone="13800001234")
    client = sign_in("alice", MONDAY)
    new = {"owner": "alice", "customer.new": "1", "customer.name": "王晓明", "customer.phone": "138-0000-1234"}
    page = client.send(NEW, new)
    assert page.status_code == 422 and "KTJ-2025-00001 王**" in page.text
    assert client.get("/records/customer/alike?phone=13800001234").json == ["KTJ-2025-00001 王**"]
    assert client.send(NEW, {**new, "customer.sure": "1"}).status_code == 303
    assert Customer.select().count() == 2


@pytest.mark.parametrize(
    "typed, is_found",
    [
        pytest.param("KTJ-2025-00001 王小明", True, id="as the list offers it"),
        pytest.param("KTJ-2025-00001", True, id="by number"),
        pytest.param("王小明", True, id="by a name that only one has"),
        pytest.param("李雷", False, id="a name that two have is ambiguous"),
        pytest.param("KBJ-2025-00001", False, id="one of another branch is not there"),
        pytest.param("赵六", False, id="one that is not there"),
    ],
)
def test_a_customer_is_found_by_what_is_typed(sign_in, record, actor, typed, is_found):
    by = actor("alice", "2025-03-03 09:00")
    for name in ("王小明", "李雷", "李雷"):
        record("customer", by, name=name)
    record("customer", actor("frank", "2025-03-03 09:00"), code="BJ", name="北京客户")
    page = sign_in("alice", MONDAY).send(NEW, {"owner": "alice", "customer": typed})
    assert page.status_code == (303 if is_found else 422)
    if is_found:
        assert Complaint.get().customer.name == "王小明"
    else:
        assert fault(page, "customer")


def test_look_ups_offer_what_the_branch_may_name(sign_in, record, actor):
    record("customer", actor("alice", "2025-03-03 09:00"), name="王小明", phone="13800001234")
    record("customer", actor("frank", "2025-03-03 09:00"), code="BJ", name="王大明")
    client = sign_in("alice", MONDAY)
    found = client.get("/records/complaint/look-up/customer?branch=TJ&q=王").json
    assert [each["value"] for each in found] == ["KTJ-2025-00001 王**"]
    people = client.get("/records/complaint/look-up/owner?branch=TJ&q=a").json
    assert "alice 艾丽" in [each["value"] for each in people]
    assert "frank 范克" not in [each["value"] for each in client.get("/records/complaint/look-up/owner?q=f").json]
    assert client.get("/records/complaint/look-up/owner?branch=BJ&q=f").status_code == 404
    assert client.get("/records/complaint/look-up/content?q=f").status_code == 404


def test_a_field_opens_the_clause_that_asks_for_it(sign_in, record, actor):
    record("complaint", actor("alice", "2025-02-28 10:00"))
    work("2025-03-03 17:30:01")
    report = RectificationReport.get()
    page = sign_in("bob", "2025-03-04 09:00").get(f"/records/rectification_measure/new?report={report.id}&branch=TJ")
    assert f'value="{report.number}"' in page.text, "filled in from the address"
    clause = registry().plugins["timeliness"].regulation.clauses["T4.2.2d"]
    assert "为什么问这个?" in page.text and clause.title.zh in page.text and clause.demand.zh in page.text


QUESTIONS = [
    {"key": "policy_no", "kind": "text", "label": {"zh": "保单号", "en": "Policy number"}, "required": True},
    {
        "key": "line",
        "kind": "choice",
        "label": {"zh": "险种", "en": "Line"},
        "choices": [{"word": "car", "zh": "车险"}, {"word": "cargo", "zh": "货运险", "retired": True}],
        "required": True,
        "shown_if": "channel is email",
    },
]


def test_added_questions_are_asked_judged_and_kept(sign_in, actor, branch):
    forms.publish(actor("admin", "2025-03-03 09:00"), "complaint", branch("TJ"), QUESTIONS)
    client = sign_in("alice", MONDAY)
    form = client.get(NEW)
    assert "保单号" in form.text and "车险" in form.text
    assert "货运险" not in form.text, "a retired choice is not offered"
    assert '[["channel", true, ["email"]]]' in form.text
    assert fault(client.send(NEW, {"owner": "alice", "channel": "phone"}), "x_policy_no")
    assert fault(client.send(NEW, {"owner": "alice", "channel": "email", "x_policy_no": "P-1"}), "x_line")
    answer = client.send(NEW, {"owner": "alice", "channel": "phone", "x_policy_no": "P-1", "x_line": "car"})
    assert Complaint.get().extra == {"policy_no": "P-1"}, "what was not asked is not kept"
    assert "P-1" in client.get(answer.location).text


def test_a_question_added_later_was_not_asked_then(sign_in, record, actor, branch):
    old = record("complaint", actor("alice", "2025-03-03 09:00"))
    forms.publish(actor("admin", "2025-03-03 09:30"), "complaint", branch("TJ"), QUESTIONS)
    client = sign_in("alice", MONDAY)
    assert re.search(r'保单号</dt><dd class="muted">当时未问', client.get(f"/records/complaint/{old.id}").text)
    page = client.get(f"/records/complaint/{old.id}/edit")
    assert "保单号" not in page.text
    assert client.send(f"/records/complaint/{old.id}/edit", whole(page, content="补充")).status_code == 303


def test_only_what_was_changed_is_written(sign_in, record, actor):
    made = record("complaint", actor("alice", "2025-03-03 09:00:42"), content="理赔太慢", about_employee="dave")
    client = sign_in("alice", MONDAY)
    page = client.get(f"/records/complaint/{made.id}/edit")
    assert client.send(f"/records/complaint/{made.id}/edit", whole(page)).status_code == 303
    assert Complaint.get_by_id(made.id).revision == 1, "nothing changed, nothing written"
    page = client.get(f"/records/complaint/{made.id}/edit")
    client.send(f"/records/complaint/{made.id}/edit", whole(page, content="理赔太慢了", about_employee=""))
    changed = Complaint.get_by_id(made.id)
    assert (changed.content, changed.about_employee, changed.revision) == ("理赔太慢了", None, 2)


def test_a_personal_value_that_is_masked_is_neither_asked_nor_changed(sign_in, record, actor, group):
    person = people.person_by_login("carol")
    access.ROLES["editor"] = access.Role(
        "editor", access.ROLES["management"].label, ("customers.customer.view", "customers.customer.edit")
    )
    access.grant(group.console(), person, "editor", group.branch("TJ"))
    made = record("customer", actor("alice", "2025-03-03 09:00"), name="王小明", phone="13800001234")
    client = sign_in("carol", MONDAY)
    page = client.get(f"/records/customer/{made.id}/edit")
    assert "13800001234" not in page.text
    answer = client.send(f"/records/customer/{made.id}/edit", whole(page, remark="常客", phone="138****1234"))
    kept = Customer.get_by_id(made.id)
    assert (answer.status_code, kept.remark, kept.phone) == (303, "常客", "13800001234")


def test_a_stale_save_shows_both_versions_and_loses_nothing(sign_in, record, actor):
    made = record("complaint", actor("alice", "2025-03-03 09:00"), content="原文", channel="phone")
    address = f"/records/complaint/{made.id}/edit"
    client = sign_in("alice", MONDAY)
    page = client.get(address)
    change(actor("amy", "2025-03-03 09:50"), made, {"content": "艾米的版本", "channel": "email"})
    both = client.send(address, whole(page, content="艾丽的版本", contact_means="微信 wx1"))
    assert both.status_code == 409
    for text in ("艾丽的版本", "艾米的版本", "微信 wx1", "邮件"):
        assert text in both.text
    assert Complaint.get_by_id(made.id).content == "艾米的版本", "nothing was overwritten"
    again = whole(both, content="艾丽的版本", contact_means="微信 wx1")
    done = client.send(address, {**again, "pick.content": "theirs", "pick.contact_means": "mine"})
    kept = Complaint.get_by_id(made.id)
    assert done.status_code == 303
    assert (kept.content, kept.contact_means, kept.channel) == ("艾米的版本", "微信 wx1", "email")


def test_where_several_branches_are_open_one_is_chosen(sign_in, group, actor):
    access.grant(group.console(), people.person_by_login("admin"), "staff", group.branch("HQ"))
    client = sign_in("admin", MONDAY)
    page = client.get(NEW)
    assert (
        "天津分公司" in page.text and "北京分公司" in page.text and "广州分公司" not in page.text.split("content")[-1]
    )
    assert client.send(NEW + "?branch=GZ", {"owner": "admin"}).status_code == 404, "timeliness is off there"
    assert client.send(NEW + "?branch=BJ", {"owner": "admin"}).status_code == 303
    assert Complaint.get().branch.code == "BJ"


def test_who_may_not_create_is_told_so(sign_in):
    client = sign_in("carol", MONDAY)
    assert client.get(NEW).status_code == 403
    assert client.send(NEW, {"owner": "carol"}).status_code == 403
    assert sign_in("alice").get(NEW + "?branch=BJ").status_code == 404


def test_a_draft_is_kept_offered_and_forgotten_once_saved(sign_in):
    client = sign_in("alice", MONDAY)
    kept = client.send(
        "/drafts",
        {"_key": NEW, "_title": "新增客户投诉", "content": "写到一半", "customer.new": "1", "customer.name": "王"},
    )
    assert kept.status_code == 200
    assert Draft.get().values == {"content": "写到一半", "customer.new": "1", "customer.name": "王"}
    assert "尚未提交" in client.get(NEW).text
    restored = client.get(NEW + "?draft=1")
    assert "写到一半" in restored.text and re.search(r'name="customer.new" value="1"[^>]*checked', restored.text)
    assert "尚未提交" not in sign_in("amy").get(NEW).text, "nobody else's"
    client = sign_in("alice")
    client.send(NEW + "?draft=1", {"owner": "alice", "content": "写完了"})
    assert not Draft.select().exists()


@pytest.mark.parametrize("key", ["https://evil.example/records/", "//evil", "/account/", "", "/records/" + "x" * 300])
def test_a_draft_has_the_address_of_a_form(sign_in, key):
    assert sign_in("alice", MONDAY).send("/drafts", {"_key": key, "content": "x"}).status_code == 422
    assert not Draft.select().exists()


def test_nothing_of_a_record_is_written_without_a_token(sign_in, record, actor):
    made = record("complaint", actor("alice", "2025-03-03 09:00"))
    client = sign_in("alice", MONDAY)
    for path in (NEW, f"/records/complaint/{made.id}/do/accept", "/drafts"):
        assert client.post(path, data={"owner": "alice"}).status_code == 400
    assert Complaint.select().count() == 1 and Complaint.get().state == "received"
