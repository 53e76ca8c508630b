"""The clocks and the history of one record through the API."""

import pytest

from core import limits, records, switches
from core.audit import AuditEntry, erase
from core.testing import branch, console, work

CLOCKS = {
    "limit", "clauses", "label", "started_at", "due_at", "due_on", "yellow_at", "stopped_at", "state", "provisional",
    "owner", "department", "edition",
}  # fmt: skip


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")


@pytest.mark.clause("T3.2.3a")
def test_a_clock_tells_its_limit_and_its_moments_in_the_branchs_zone(api, complaint):
    contact, result = api("alice").get(f"complaint/{complaint.id}/clocks").json["items"]
    assert set(contact) == CLOCKS
    assert (contact["limit"], contact["clauses"]) == ("timeliness.complaint_contact", ["T3.2.3a"])
    assert contact["label"] == "First contact about a complaint"
    assert (contact["started_at"], contact["due_at"]) == ("2025-03-03T10:00:00+08:00", "2025-03-04T17:30:00+08:00")
    assert (contact["due_on"], contact["provisional"], contact["edition"]) == ("2025-03-04", False, 0)
    assert (contact["owner"], contact["department"], contact["stopped_at"]) == ("alice", "KF", None)
    assert result["limit"] == "timeliness.complaint_simple"  # until the class is known the strictest runs


def test_a_clock_is_as_of_now_though_the_sweep_has_not_come_by(api, complaint):
    assert [clock["state"] for clock in api("alice").get(f"complaint/{complaint.id}/clocks").json["items"]] == [
        "red",
        "red",
    ]


@pytest.mark.parametrize(
    "contacted_at, state",
    [
        pytest.param("2025-03-04 17:30", "met", id="exactly at the limit is in time"),
        pytest.param("2025-03-04 17:31", "late", id="a minute later is late"),
    ],
)
def test_a_stopped_clock_keeps_its_verdict(api, actor, complaint, contacted_at, state):
    accepted = records.transition(actor("alice", "2025-03-03 11:00"), complaint, "accept")
    values = {"details": "已联系", "class": "complex"}
    records.transition(actor("alice", contacted_at), accepted, "contact_customer", values)
    contact = api("alice").get(f"complaint/{complaint.id}/clocks").json["items"][0]
    assert (contact["state"], contact["stopped_at"]) == (state, contacted_at.replace(" ", "T") + ":00+08:00")


def test_the_working_is_shown_day_by_day_when_asked(api, record, actor):
    made = record(
        "complaint", actor("bob", "2025-01-24 10:00")
    )  # Friday; on Sunday 26 people work, then Spring Festival
    clock = api("alice").get(f"complaint/{made.id}/clocks?working=1").json["items"][0]
    steps = [(step["day"], step["what"], step["count"]) for step in clock["working"]]
    assert steps == [("2025-01-24", "start", 0), ("2025-01-25", "off", 0), ("2025-01-26", "due", 1)]
    assert "17:30" in clock["working"][-1]["note"]


def test_the_working_is_that_of_the_edition_that_the_clock_keeps(api, record, actor):
    limits.set_limit(console(), "timeliness.complaint_simple", branch(), "2 business days", reason="更严")
    made = record("complaint", actor("bob", "2025-03-03 10:00"), class_="simple")
    limits.set_limit(actor_at := console(actor("bob", "2025-06-02 10:00").now), "timeliness.complaint_simple", branch(),
                     "1 business day", reason="再严")  # fmt: skip
    result = api("alice").get(f"complaint/{made.id}/clocks?working=1").json["items"][1]
    assert (result["due_on"], result["working"][-1]["day"]) == ("2025-03-05", "2025-03-05")
    assert result["edition"] > 0 and actor_at


def test_clocks_of_a_plugin_that_is_off_are_not_told(api, complaint):
    switches.switch(console(), "timeliness", branch(), "off", reason="停用")
    assert api("alice").get(f"complaint/{complaint.id}/clocks").status_code == 409


def test_the_trail_tells_who_did_what_and_its_seal(api, actor, complaint):
    bob = actor("bob", "2025-03-03 11:00")
    complaint = records.change(bob, complaint, {"class": "simple", "about_department": "LP", "received_by": "amy"})
    records.transition(actor("alice", "2025-03-03 12:00"), complaint, "accept")
    made, changed, accepted = api("alice").get(f"complaint/{complaint.id}/history").json["items"]
    assert set(made) == {"at", "actor", "via", "event", "changes", "reason", "seq", "hash"}
    assert (made["event"], made["actor"], made["via"]) == ("create", "alice", "web")
    assert made["at"] == "2025-03-03T10:00:00+08:00"
    assert (made["changes"]["branch"], made["changes"]["owner"]) == ([None, "TJ"], [None, "alice"])
    assert changed["changes"] == {
        "class": [None, "simple"],
        "about_department": [None, "LP"],
        "received_by": [None, "amy"],
    }
    assert accepted["changes"]["state"] == ["received", "accepted"]
    assert accepted["changes"]["accepted_at"] == [None, "2025-03-03T12:00:00+08:00"]
    entry = AuditEntry.get(AuditEntry.record == "complaint", AuditEntry.verb == "accept")
    assert (accepted["seq"], accepted["hash"]) == (entry.seq, entry.hash)


def test_the_trail_is_paged(api, actor, complaint):
    for n in range(4):
        complaint = records.change(actor("alice", "2025-03-03 11:00"), complaint, {"content": str(n)})
    alice = api("alice")
    first = alice.get(f"complaint/{complaint.id}/history", limit=3).json
    second = alice.get(f"complaint/{complaint.id}/history", limit=3, after=first["next"]).json
    told = [entry["changes"]["content"][1] for entry in first["items"] + second["items"]]
    assert (told, second["next"]) == (["理赔太慢", "0", "1", "2", "3"], None)


def test_what_was_erased_is_told_as_erased(api, complaint):
    erase(console(), [AuditEntry.get(AuditEntry.record == "complaint").id], "客户要求删除")
    assert api("alice").get(f"complaint/{complaint.id}/history").json["items"][0]["changes"] is None


def test_the_trail_takes_no_query_for_each_entry(api, actor, complaint, queries):
    alice = api("alice")
    path = f"complaint/{complaint.id}/history"

    def asked():
        queries.clear()
        assert alice.get(path).status_code == 200
        return len(queries)

    asked()  # what the process keeps (seals) is read with the first
    few = asked()
    for n in range(10):
        complaint = records.change(
            actor("alice", "2025-03-03 11:00"), complaint, {"received_by": ["amy", "bob"][n % 2]}
        )
    assert asked() == few


def test_warnings_and_reports_have_clocks_too(api, complaint):
    work("2025-03-04 17:30:01")
    report = api("bob").get("rectification_report").json["items"][0]
    clocks = api("bob").get(f"rectification_report/{report['id']}/clocks").json["items"]
    assert {"timeliness.red_analysis", "timeliness.rectification_report"} <= {clock["limit"] for clock in clocks}
