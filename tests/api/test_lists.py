"""Lists through the API: filters, pages by key, totals, and a number of queries that the rows do not move."""

import pytest

from core import forms, organisation, records, switches
from core.testing import branch, console


@pytest.fixture
def three(record, actor):
    """Three complaints of TJ: simple, complex and without a class; the ids, oldest first."""
    simple = record("complaint", actor("bob", "2025-03-03 10:00"), content="一", class_="simple", owner="alice")
    complex_ = record("complaint", actor("bob", "2025-03-04 23:30"), content="二", class_="complex", cause="attitude")
    records.transition(actor("alice", "2025-03-05 09:30"), complex_, "accept")
    dave = record("complaint", actor("bob", "2025-03-05 00:00"), content="三", owner="dave", department="LP")
    return [simple.id, complex_.id, dave.id]


FILTERS = [
    pytest.param("", "012", id="nothing asked: all of them"),
    pytest.param("state=accepted", "1", id="a state"),
    pytest.param("state=received&class=simple", "0", id="two fields hold together"),
    pytest.param("class=simple&class=complex", "01", id="one field given twice holds either way"),
    pytest.param("class=", "2", id="empty is without a value"),
    pytest.param("class=简单", "0", id="a choice in words"),
    pytest.param("owner=alice", "0", id="a person by login"),
    pytest.param("department=LP", "2", id="a department by code"),
    pytest.param("cause=attitude&cause=", "012", id="a value or none"),
    pytest.param("content=二", "1", id="a text"),
    pytest.param("rounds=1", "012", id="a whole number"),
    pytest.param("rounds.from=2", "", id="a whole number at least"),
    pytest.param("happened_at=2025-03-04", "1", id="a day takes all its moments, in the branch's zone"),
    pytest.param("happened_at=2025-03-03T02:00:00Z", "0", id="a moment in another offset"),
    pytest.param("happened_at.from=2025-03-04", "12", id="from a day on"),
    pytest.param("happened_at.to=2025-03-04", "01", id="up to the end of a day"),
    pytest.param("happened_at.from=2025-03-04&happened_at.to=2025-03-04", "1", id="a day from beginning to end"),
    pytest.param("happened_at.to=2025-03-04T23:30:00%2B08:00", "01", id="up to a moment, itself too"),
    pytest.param("first_contact_at=", "012", id="a moment that there is not yet"),
    pytest.param("branch=TJ", "012", id="a branch"),
    pytest.param("timeliness__late_item=", "012", id="what a plugin adds"),
]


@pytest.mark.parametrize("query, wanted", FILTERS)
def test_a_list_is_filtered_by_any_field(api, three, query, wanted):
    response = api("alice").get(f"complaint?{query}")
    assert response.status_code == 200, response.text
    assert [row["id"] for row in response.json["items"]] == [three[int(n)] for n in reversed(wanted)]


@pytest.mark.parametrize(
    "query, fields",
    [
        pytest.param("colour=red", {"colour": "unknown"}, id="a field that there is not"),
        pytest.param("x_policy=1", {"x_policy": "unknown"}, id="a question that nobody asks"),
        pytest.param("stamps=1&source_row=2&gaps=", dict.fromkeys(("stamps", "source_row", "gaps"), "unknown"),
                     id="what has no value of its own"),
        pytest.param("class.from=a", {"class.from": "unknown"}, id="a range of choices"),
        pytest.param("happened_at.after=2025-01-01", {"happened_at.after": "unknown"}, id="an unknown end"),
        pytest.param("class=huge&state=flying&owner=zoe&department=ZZ&customer=x",
                     dict.fromkeys(("class", "state", "owner", "department", "customer"), "invalid"),
                     id="values that there are not, all at once"),
        pytest.param("happened_at.from=&happened_at.to=soon", dict.fromkeys(("happened_at.from", "happened_at.to"), "invalid"),
                     id="ends that are none"),
        pytest.param("rounds=many", {"rounds": "invalid"}, id="a number that is none"),
        pytest.param("rounds=" + "9" * 30, {"rounds": "invalid"}, id="a number beyond all numbers"),
        pytest.param("content=%00", {"content": "invalid"}, id="a NUL"),
        pytest.param("limit=0", {"limit": "invalid"}, id="a page of nothing"),
        pytest.param("limit=201", {"limit": "invalid"}, id="a page that is too long"),
        pytest.param("limit=²", {"limit": "invalid"}, id="a page of an odd digit"),
        pytest.param("after=abc", {"after": "invalid"}, id="a cursor of one's own making"),
        pytest.param("after=WzFd", {"after": "invalid"}, id="a cursor of another list"),
        pytest.param("branch=XX", {"branch": "choice"}, id="no such branch"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_named(api, three, query, fields, at_fault):
    response = api("alice").get(f"complaint?{query}")
    assert (response.status_code, at_fault(response)) == (400, fields), response.text


def test_a_list_is_paged_by_key_and_misses_or_repeats_nothing(api, record, actor):
    bob = actor("bob", "2025-03-03 10:00")
    made = [record("complaint", bob, content=str(n)).id for n in range(7)]  # all of one moment
    alice, seen, following, pages = api("alice"), [], "", 0
    while following is not None:
        page = alice.get("complaint", limit=3, after=following).json
        seen, following, pages = seen + [row["id"] for row in page["items"]], page["next"], pages + 1
        assert "total" not in page
        record("complaint", actor("bob", "2025-03-04 10:00"), content="中途登记")  # newer: before the first page
    assert (seen, pages) == (sorted(made, reverse=True), 3)


def test_the_total_is_told_only_when_asked(api, three):
    page = api("alice").get("complaint", total=1, limit=1, **{"class": "simple"}).json
    assert (page["total"], len(page["items"]), page["next"]) == (1, 1, None)


def test_a_branch_is_listed_with_what_lies_below_it(api, group, record, actor):
    below = organisation.add_branch(console(), "TJ1", "天津一部", branch())
    records.create(
        actor("bob", "2025-03-03 10:00"), group.registry().models["complaint"], {"owner": "bob"}, branch=below
    )
    record("complaint", actor("grace", "2025-03-03 10:00"), code="BJ")
    assert [row["branch"] for row in api("alice").get("complaint?branch=TJ").json["items"]] == ["TJ1"]
    auditor = api("auditor")
    assert {row["branch"] for row in auditor.get("complaint").json["items"]} == {"TJ1", "BJ"}
    assert [row["branch"] for row in auditor.get("complaint?branch=BJ").json["items"]] == ["BJ"]
    assert {row["branch"] for row in auditor.get("complaint?branch=HQ").json["items"]} == {"TJ1", "BJ"}


@pytest.mark.parametrize(
    "who, query, status",
    [
        pytest.param("alice", "branch=BJ", 403, id="another branch"),
        pytest.param("alice", "branch=GZ", 403, id="another branch, where it is off"),
        pytest.param("auditor", "branch=GZ", 409, id="where it is off"),
        pytest.param("admin", "", 403, id="somebody without a right to see any"),
    ],
)
def test_a_list_that_is_closed_says_why(api, who, query, status):
    assert api(who).get(f"complaint?{query}").status_code == status


def test_a_list_is_off_where_the_plugin_is_off_and_says_since_when(api, three):
    switches.switch(console(), "timeliness", branch(), "off", reason="试行结束")
    response = api("alice").get("complaint?branch=TJ")
    assert (response.status_code, response.json["type"]) == (409, "urn:zhixing:problem:switched-off")
    assert api("frank").get("complaint").status_code == 200


def test_personal_data_is_no_oracle_for_those_who_may_not_see_it(api, record, actor):
    record("customer", actor("alice", "2025-03-03 10:00"), name="王小明", phone="13800138000")
    assert len(api("alice").get("customer?phone=13800138000").json["items"]) == 1
    response = api("carol").get("customer?phone=13800138000")
    assert (response.status_code, response.json["type"]) == (403, "urn:zhixing:problem:denied")
    assert len(api("carol").get("customer?group=individual").json["items"]) == 1


QUESTIONS = [
    {"key": "policy", "kind": "text", "label": {"zh": "保单号"}},
    {"key": "count", "kind": "integer", "label": {"zh": "件数"}},
    {"key": "amount", "kind": "money", "label": {"zh": "金额"}},
    {"key": "urgent", "kind": "yesno", "label": {"zh": "紧急"}},
    {"key": "promised", "kind": "day", "label": {"zh": "承诺日"}},
    {"key": "kind", "kind": "choice", "label": {"zh": "险种"}, "choices": [{"word": "auto", "zh": "车险"}]},
]


@pytest.mark.parametrize(
    "query, wanted",
    [
        pytest.param("x_policy=P-9", "0", id="a text"),
        pytest.param("x_count=9", "0", id="a whole number"),
        pytest.param("x_count.from=10", "1", id="10 is more than 9, as numbers go"),
        pytest.param("x_amount=900", "0", id="an amount, however it is written"),
        pytest.param("x_amount.from=900.01&x_amount.to=1200.50", "1", id="an amount in a range"),
        pytest.param("x_urgent=是", "1", id="yes"),
        pytest.param("x_urgent=no", "0", id="no"),
        pytest.param("x_promised.to=2025-03-09", "0", id="up to a day"),
        pytest.param("x_kind=车险", "0", id="a choice in words"),
        pytest.param("x_kind=", "12", id="not answered, or not asked"),
    ],
)
def test_a_list_is_filtered_by_added_questions(api, record, actor, query, wanted):
    older = record("complaint", actor("bob", "2025-03-06 10:00"))
    forms.publish(console(), "complaint", branch(), QUESTIONS)
    bob, answers = (
        actor("bob", "2025-03-03 10:00"),
        {"x_policy": "P-9", "x_count": 9, "x_amount": "900", "x_urgent": "否"},
    )
    nine = record("complaint", bob, **answers, x_promised="2025-03-09", x_kind="auto")
    ten = record("complaint", bob, x_count=10, x_amount="1200.50", x_urgent="是", x_promised="2025-03-10")
    rows = [nine.id, ten.id, older.id]
    response = api("alice").get(f"complaint?{query}")
    assert response.status_code == 200, response.text
    assert {row["id"] for row in response.json["items"]} == {rows[int(n)] for n in wanted}


def test_questions_of_another_branch_are_unknown_here(api, group):
    forms.publish(console(), "complaint", branch("BJ"), QUESTIONS)
    assert api("alice").get("complaint?x_policy=1").status_code == 400
    assert api("frank").get("complaint?x_policy=1").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_rows(api, record, actor, queries):
    alice, by = api("alice"), actor("alice", "2025-03-03 10:00")

    def asked(rows):
        for _ in range(rows):
            customer = record("customer", by, name="王小明")
            record("complaint", by, customer=customer.id, received_by="amy", about_employee="dave")
        queries.clear()
        assert len(alice.get("complaint?limit=200&total=1").json["items"]) == counted
        return len(queries)

    counted = 2
    few = asked(2)
    counted = 50
    many = asked(48)
    assert many == few <= 12, queries
