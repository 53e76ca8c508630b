"""A session that ends while a form is being filled: after signing in again the text is there, for that person alone."""

from urllib.parse import parse_qs, urlsplit

import pytest

from core import drafts, people, records
from core.access import ROLES, Actor
from core.people import person_by_login, set_password
from core.testing import console
from tests.house.conftest import DRILL, NOW, new_person
from tests.house.routes import digest
from tests.house.sending import form_of
from tests.house.test_conflicts import allowed, changeable, places_to_step, typed
from tests.screens.conftest import address, live  # noqa: F401

PASSWORD = "eine sehr lange Losung 42"


def forms(filled):
    """The address of every form that is filled in, and where it is sent: [(page, action)]."""
    for name, (row, *_) in filled.items():
        yield f"/records/{name}/new?branch=TJ", f"/records/{name}/new?branch=TJ"
        yield f"/records/{name}/{row.id}/edit", f"/records/{name}/{row.id}/edit"
        for step in type(row)._meta.workflow.transitions:
            yield f"/records/{name}/{row.id}", f"/records/{name}/{row.id}/do/{step}"
        for act in ("comments", "hand-over", "correct"):
            yield f"/records/{name}/{row.id}", f"/records/{name}/{row.id}/{act}"


def test_who_must_sign_in_again_is_led_back_to_the_form(sign_in, all_may, filled):
    client, asked = sign_in("root", NOW), 0
    people.end_sessions(all_may, NOW)
    before = digest()
    for page, action in forms(filled):
        answer = client.send(action, {"content": "x", "reason": "x"}, headers={"Referer": f"http://localhost{page}"})
        where = urlsplit(answer.location)
        assert (answer.status_code, where.path, parse_qs(where.query)["next"]) == (302, "/sign-in", [page])
        asked += 1
    assert asked > 30 and digest() == before


def test_a_draft_that_is_taken_up_again_undoes_nothing_that_others_saved(sign_in, all_may, filled):
    client = sign_in("root", NOW)
    other = Actor(new_person("other", "HQ", *[name for name in ROLES if name.startswith("all_")]), "web", NOW)
    for name, (row, spare, *_) in filled.items():
        path = f"/records/{name}/{row.id}/edit"
        form = form_of(client.get(path), having=["seen"])
        columns = changeable(row, form)
        theirs = allowed(other, spare, {n: typed(c, "theirs") for n, c in columns.items()})
        theirs, (last, *_) = dict(list(theirs.items())[:-1]) or theirs, list(theirs)[-1:]
        mine = {last: typed(columns[last], "mine")}
        client.send("/drafts", {**form, **mine, "_key": path, "_title": "x"})
        records.change(other, row, theirs, revision=row.revision, reason="x")
        again = form_of(client.get(f"{path}?draft=1"), having=["seen"])
        assert again[last] == mine[last], name
        answer = client.send(f"{path}?draft=1", again)
        assert answer.status_code == 409, (name, answer.status_code)
        done = client.send(path, form_of(answer, having=["seen"]))
        assert done.status_code == 303, name
        stored = type(row).get_by_id(row.id)
        kept = {n: str(stored.__data__[columns[n].name]).lower() for n in theirs if n != last}
        assert kept == {n: text.lower() for n, text in theirs.items() if n != last}, name
        assert str(stored.__data__[columns[last].name]).lower() == mine[last].lower(), name
        assert drafts.find(all_may, path) is None, name


# ---- in a real browser


@pytest.fixture
def page(live, all_may):  # noqa: F811
    """A browser in which root is signed in, who has a password."""
    for login in ("root", "alice"):
        set_password(console(NOW), person_by_login(login), PASSWORD)
    page = live("root", at=NOW)
    page.set_default_timeout(10_000)
    return page


def sign_in_again(page, login="root"):
    page.wait_for_selector("[name=password]")
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.click("form[method=post] .btn-primary")
    page.wait_for_selector("[data-drawer]", state="attached")
    page.wait_for_load_state()


def fill(page, scope):
    """Type into every text input that is shown within `scope`: {name: text}."""
    told = {}
    for control in page.locator(f"{scope} input.form-control, {scope} textarea").all():
        kind, name = control.get_attribute("type") or "text", control.get_attribute("name")
        if kind == "text" and name and control.is_visible() and control.is_enabled():
            told[name] = "77" if control.get_attribute("inputmode") else f"写到一半·{name}"
            control.fill(told[name])
    return told


def shown(page, scope, names):
    """What stands in inputs within `scope`."""
    return {name: page.locator(f"{scope} [name='{name}']").first.input_value() for name in names}


def opened(page):
    """Take the browser's own copy up again, where the page offers it."""
    if page.locator("[data-restore]").is_visible():
        page.click("[data-restore]")


@pytest.mark.browser
def test_after_signing_in_again_the_text_is_there_in_every_form(page, all_may, filled):
    asked = 0
    places = [(f"/records/{name}/new?branch=TJ", ".record-form", "") for name in filled]
    places += [(f"/records/{name}/{row.id}/edit", ".record-form", "") for name, (row, *_) in filled.items()]
    for row, step in wordy_steps(filled, all_may):
        places.append((f"/records/{row._meta.record}/{row.id}", f"#step-{step.event}", f"#step-{step.event} > summary"))
    for path, scope, opens in places:
        page.goto(path)
        if opens:
            page.click(opens)
        for more in page.locator(f"{scope} details.more > summary").all():
            more.click()
        told = fill(page, scope)
        people.end_sessions(all_may, NOW)
        page.locator(f"{scope} form button.btn, form{scope} .form-foot button.btn").last.click()
        sign_in_again(page)
        assert urlsplit(page.url)._replace(scheme="", netloc="", fragment="").geturl() == path
        opened(page)
        assert told and shown(page, scope, told) == told, path
        asked += len(told)
    assert asked > 20


def wordy_steps(filled, owner):
    """Steps that ask for words, with a row for each; the first of each record type, or all of them (make drill)."""
    found = {}
    for row, step in places_to_step(filled, owner):
        if {*step.requires, *step.asks} & {n for n, c in type(row).by_api_name().items() if c.kind == "longtext"}:
            found.setdefault(type(row)._meta.record, []).append((row, step))
    return [each for steps in found.values() for each in (steps if DRILL else steps[:1])]


@pytest.mark.browser
def test_whoever_signs_in_next_at_the_same_window_sees_nothing_of_it(page, filled):
    page.goto("/records/complaint/new?branch=TJ")
    page.fill("[name=content]", "只给自己看的话")
    page.wait_for_selector("text=草稿已保存")
    people.end_sessions(person_by_login("root"), NOW)
    page.click("text=保存")
    sign_in_again(page, "alice")
    assert page.input_value("[name=content]") == "" and not page.is_visible("[data-restore]")
    assert "只给自己看的话" not in page.content() and not page.is_visible("text=尚未提交")


@pytest.mark.browser
def test_a_form_that_outlived_its_session_in_another_window_loses_nothing(page, all_may, filled):
    row = filled["complaint"][0]
    page.goto(f"/records/complaint/{row.id}/edit")
    page.fill("[name=content]", "在旧窗口里写的")
    people.end_sessions(all_may, NOW)
    second = page.context.new_page()
    second.goto("/sign-in")
    sign_in_again(second)
    page.click("text=保存")
    page.wait_for_selector(".error")
    page.go_back()
    page.wait_for_load_state()
    opened(page)
    assert page.input_value("[name=content]") == "在旧窗口里写的"
    page.click(".form-foot .btn-primary")
    page.wait_for_selector("#comments")
    assert type(row).get_by_id(row.id).content == "在旧窗口里写的"
