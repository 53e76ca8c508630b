"""The main job in a real browser: a complaint with a new customer on a phone, up to the accepted rectification report."""

import pytest

from core import forms
from core.drafts import Draft
from core.testing import local, work
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationMeasure, RectificationReport, Warning

pytestmark = pytest.mark.browser
PHONE = 360


def fits(page):
    """Whether the page is no wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def grumbles(page):
    """What the browser complained of, other than the refusals that the test provoked."""
    return [text for text in page.complaints if "status of 422" not in text]


def take(page, event, **typed):
    """Take a step: open its form, fill it in, send it."""
    page.click(f"#step-{event} > summary")
    form = page.locator(f"#step-{event} form")
    for name, value in typed.items():
        field = form.locator(f"[name='{name.rstrip('_')}']")
        field.select_option(value) if field.evaluate("e => e.tagName") == "SELECT" else field.fill(value)
    assert fits(page)
    form.locator("button.btn").last.click()
    page.wait_for_load_state()


def test_a_complaint_is_registered_and_handled_on_a_phone(live, actor, branch):
    question = {
        "key": "policy_no",
        "kind": "text",
        "label": {"zh": "保单号"},
        "required": True,
        "shown_if": "channel is phone",
    }
    forms.publish(actor("admin", "2025-03-03 08:00"), "complaint", branch("TJ"), [question])
    page = live("alice", width=PHONE, height=740, at="2025-03-03 10:00")
    page.goto("/records/complaint/")
    page.click("text=新增")
    page.select_option("[name=channel]", "email")
    assert not page.is_visible("[name=x_policy_no]"), "asked only of calls"
    page.select_option("[name=channel]", "phone")
    page.check("[name='customer.new']")
    page.fill("[name='customer.name']", "王小明")
    page.fill("[name='customer.phone']", "13800001234")
    page.fill("[name=content]", "报案三周仍未理赔")
    assert fits(page)
    page.click("text=保存")
    assert "请填写“保单号”" in page.text_content("#x_policy_no-wrong")
    assert page.input_value("[name=content]") == "报案三周仍未理赔"
    page.fill("[name=x_policy_no]", "P-2025-77")
    page.click("text=保存")
    page.wait_for_selector("#step-accept")
    assert "王**" in page.text_content("#content") and "P-2025-77" in page.text_content("#content")
    assert fits(page)
    take(page, "accept")
    take(page, "contact_customer", details="已致电说明", class_="simple")
    take(page, "classify_and_investigate")
    take(
        page,
        "record_findings_and_measure",
        findings="缺少材料",
        measure="已补齐",
        result="本周付款",
        cause="timeliness",
    )
    take(page, "tell_result")
    made = Complaint.get()
    assert (made.state, made.customer.phone) == ("fed_back", "13800001234")
    assert grumbles(page) == []


def test_a_red_warning_is_answered_by_a_report_that_is_accepted(live, record, actor):
    record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")
    work("2025-03-04 17:30:01")
    bob = live("bob", width=PHONE, height=740, at="2025-03-05 09:30")
    bob.goto(f"/records/warning/{Warning.get().id}")
    bob.click(f"text={RectificationReport.get().number}")
    take(bob, "record_cause", cause="客服人手不足")
    take(bob, "submit")
    assert "至少要有一项整改措施" in bob.text_content("#step-submit"), "a report without a measure is refused"
    bob.click("a:has-text('新增')")
    bob.fill("[name=measure]", "增加一名坐席")
    bob.fill("[name=due_on]", "2025-03-10")
    bob.fill("[name=owner]", "am")
    bob.wait_for_selector("#owner-list option[value='amy 艾米']", state="attached")
    bob.fill("[name=owner]", "amy 艾米")
    bob.click("text=保存")
    measure = RectificationMeasure.get()
    assert measure.owner.login == "amy"
    bob.click(f"a:has-text('{RectificationReport.get().number}')")
    assert measure.number in bob.text_content("#content")
    take(bob, "submit")
    work("2025-03-05 09:40")
    carol = live("carol", at="2025-03-05 10:00")
    carol.goto(f"/records/rectification_report/{RectificationReport.get().id}")
    take(carol, "accept", decision="同意")
    report = RectificationReport.get()
    assert (report.state, report.decided_by.login, report.decision) == ("accepted", "carol", "同意")
    assert grumbles(bob) == grumbles(carol) == []


def test_what_was_typed_outlives_a_closed_window_and_an_ended_session(live, app):
    page = live("alice", at="2025-03-03 10:00")
    page.goto("/records/complaint/new")
    page.fill("[name=content]", "写到一半")
    page.wait_for_selector("text=草稿已保存")
    assert Draft.get().values["content"] == "写到一半"
    page.fill("[name=content]", "又写了一些")
    app.config["CLOCK"] = lambda: local("2025-03-04 10:00")  # the session is over
    page.click("text=保存")
    page.wait_for_selector("[name=password]")
    assert Complaint.select().count() == 0
    again = app.test_client()
    again.begin_session("alice")
    name = app.config["SESSION_COOKIE_NAME"]
    page.context.add_cookies([{"name": name, "value": again.get_cookie(name).value, "url": page.url}])
    page.goto("/records/complaint/new")
    page.click("[data-restore]")
    assert page.input_value("[name=content]") == "又写了一些"
    page.click("text=保存")
    page.wait_for_selector("#step-accept")
    assert Complaint.get().content == "又写了一些"
    page.goto("/records/complaint/new")
    assert not page.is_visible("[data-restore]") and page.input_value("[name=content]") == ""
    assert not Draft.select().exists()


def test_a_double_is_hinted_at_while_it_is_typed(live, record, actor):
    record("customer", actor("alice", "2025-03-03 09:00"), name="王小明", phone="13800001234")
    page = live("alice", width=PHONE, at="2025-03-03 10:00")
    page.goto("/records/complaint/new")
    page.check("[name='customer.new']")
    page.fill("[name='customer.phone']", "138 0000 1234")
    page.click("[data-use]")
    assert page.input_value("[name=customer]") == "KTJ-2025-00001 王**"
    page.click("text=保存")
    page.wait_for_selector("#step-accept")
    assert Complaint.get().customer.name == "王小明"
