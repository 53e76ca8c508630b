"""Personal data in a real browser: shown for a purpose, and a person looked up; wide, on a phone, in both languages."""

import pytest

from core import access, people
from core.audit import amend
from core.testing import console, record
from plugins.customers.models import Customer
from tests.screens.test_records_browser import fits

pytestmark = pytest.mark.browser
AT = "2025-03-05 09:30"


def customer(actor):
    return record(
        "customer", actor("alice", AT), name="李雷", phone="13800138000", identity_number="110101199003071234"
    )


@pytest.mark.parametrize("width", [1440, 360])
def test_a_purpose_is_chosen_and_the_number_to_call_is_there(live, actor, width):
    made = customer(actor)
    page = live("alice", width=width, at=AT)
    page.goto(f"/records/customer/{made.id}")
    assert "138****8000" in page.content() and "13800138000" not in page.content()
    page.click("#show > summary")
    page.fill("#show [name=purpose]", "回访客户")
    assert fits(page)
    with page.expect_navigation():
        page.click("#show button")
    assert "13800138000" in page.content() and fits(page)
    page.goto(f"/records/customer/{made.id}/edit")
    assert page.input_value("[name=phone]") == "13800138000"
    assert page.complaints == []


def test_a_masked_input_that_stays_empty_changes_nothing(live, actor):
    made = customer(actor)
    page = live("alice", width=360, at=AT)
    page.goto(f"/records/customer/{made.id}/edit")
    assert page.input_value("[name=phone]") == "" and fits(page)
    page.fill("[name=remark]", "喜欢下午接电话")
    with page.expect_navigation():
        page.click("main form button.btn-primary")
    kept = Customer.get_by_id(made.id)
    assert (kept.name, kept.phone, kept.remark) == ("李雷", "13800138000", "喜欢下午接电话")


@pytest.mark.parametrize(("width", "language", "scheme"), [(1440, "zh", "light"), (360, "en", "dark")])
def test_a_person_is_looked_up_and_forgotten(live, actor, branch, width, language, scheme):
    customer(actor)
    officer = people.add_person(console(), "officer", "欧菲", branch("HQ"))
    access.grant(console(), officer, "privacy_officer", branch("HQ"))
    amend(console(), officer, {"language": language})
    page = live("officer", width=width, scheme=scheme, at=AT)
    page.goto("/personal/")
    for name, text in (("name", "李雷"), ("number", "138-0013-8000"), ("purpose", "本人书面要求")):
        page.fill(f"form [name={name}]:not([type=hidden])", text)
    assert fits(page)
    with page.expect_navigation():
        page.click("main form button.btn-primary")
    assert "13800138000" in page.content() and fits(page)
    page.fill("#reason", "本人书面要求")
    page.click("button.btn-danger")
    with page.expect_navigation():
        page.click("#ask button[value=yes]")
    assert Customer.get().phone is None and fits(page)
    page.goto("/showings/")
    assert "本人书面要求" in page.content() and fits(page)
    assert page.complaints == []
