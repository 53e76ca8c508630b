"""Pages that plugins add to the side bar: where each shows, and to whom."""

import pytest
from flask_admin import expose

from core.app import create_app
from core.language import Words
from core.screens.page import Page
from core.switches import switch
from core.testing import branch, console, local
from tests.screens.conftest import Visitor

NOON = local("2025-03-03 12:00")


@pytest.fixture
def app(settings, without):
    """A program of this test's own, for pages of its own."""
    made = create_app(settings, without=without)
    made.test_client_class = Visitor
    return made


class Ledger(Page):
    """A page of a plugin."""

    permission, plugin = "timeliness.warning.view", "timeliness"
    title, group = Words("台账", "Ledger"), Words("时效", "Timeliness")

    @expose("/")
    def index(self):
        return self.show("zhixing/account.html", sessions=[], roles=[], home="")


@pytest.fixture
def ledger(app):
    app.extensions["admin"][0].add_view(Ledger())


def test_a_page_shows_only_where_its_plugin_is_on(ledger, sign_in):
    assert "台账" in sign_in("alice", NOON).get("/").text
    assert sign_in("alice", NOON).get("/ledger/").status_code == 200
    switch(console(local("2025-03-03 12:01")), "timeliness", branch(), "off", reason="试点结束")
    alice = sign_in("alice", "2025-03-03 12:02")
    assert "台账" not in alice.get("/").text
    answer = alice.get("/ledger/")
    assert answer.status_code == 409
    assert "天津分公司" in answer.text and "2025-03-03" in answer.text and "试点结束" in answer.text


def test_a_page_shows_only_to_those_who_may(ledger, sign_in):
    admin = sign_in("admin", NOON)
    assert "台账" not in admin.get("/").text
    assert admin.get("/ledger/").status_code == 403


def test_a_page_costs_no_query_for_each_entry_of_the_side_bar(app, sign_in, queries):
    def cost():
        alice = sign_in("alice", NOON)
        alice.get("/account/")
        del queries[:]
        return alice.get("/account/").text.count("台账"), len(queries)

    for number in range(2):
        app.extensions["admin"][0].add_view(type(f"Ledger{number}", (Ledger,), {})())
    entries, few = cost()
    assert entries == 2
    app._got_first_request = False  # the test adds pages late; the program adds all before its first request
    for number in range(2, 40):
        app.extensions["admin"][0].add_view(type(f"Ledger{number}", (Ledger,), {})())
    assert cost() == (40, few)
