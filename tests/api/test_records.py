"""One record through the API: made, read, changed, taken a step further, handed over."""

import pytest

from core import forms, records, switches
from core.testing import branch, console
from plugins.cases.models import Complaint


@pytest.fixture
def alice(api):
    return api("alice")


@pytest.fixture
def complaint(alice):
    return alice.post("complaint", {"branch": "TJ", "content": "理赔太慢"}).json


def path_of(row, *more):
    return "/".join(("complaint", str(row["id"]), *more))


def test_a_record_is_made_where_its_address_says(alice):
    made = alice.post("complaint", {"branch": "TJ", "content": "理赔太慢", "class": "simple"})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert (made.json["branch"], made.json["state"], made.json["class"]) == ("TJ", "received", "simple")
    read = alice.get(made.headers["Location"])
    assert (read.status_code, read.json, read.headers["ETag"]) == (200, made.json, '"1"')


def test_without_a_branch_it_is_made_in_ones_own(api):
    assert api("frank").post("complaint", {"content": "慢"}).json["branch"] == "BJ"


def test_people_are_logins_departments_codes_references_ids_and_moments_have_the_branchs_offset(alice):
    customer = alice.post("customer", {"name": "王小明", "phone": "13800138000"}).json
    values = {"customer": customer["id"], "about_employee": "dave", "about_department": "LP", "owner": "amy"}
    made = alice.post("complaint", values).json
    assert {name: made[name] for name in values} == values
    assert made["department"] == "KF"
    assert made["happened_at"].endswith("+08:00")


def test_a_day_without_an_hour_stays_a_day(api):
    today = api("alice").post("complaint", {"content": "慢"}).json["happened_at"][:10]
    assert api("alice").post("complaint", {"happened_at": today}).json["happened_at"] == today


def test_every_fault_is_told_at_once_by_its_field(alice, at_fault):
    response = alice.post(
        "complaint",
        {
            "class": "huge", "colour": "red", "state": "closed", "number": "1", "rounds": 7, "owner": 7,
            "customer": "99", "happened_at": "tomorrow", "content": ["a"], "id": 5,
        },
    )  # fmt: skip
    wrong = dict.fromkeys(("class", "owner", "customer", "happened_at"), "invalid")
    assert (response.status_code, at_fault(response)) == (422, {**wrong, "content": "type"})
    response = alice.post(
        "complaint",
        {
            "class": "complex", "colour": "red", "state": "closed", "number": "1", "rounds": 7, "owner": "nobody",
            "customer": 99, "happened_at": "1789-07-14", "id": 5, "extra": "{}", "gaps": "x", "source_row": "x",
        },
    )  # fmt: skip
    unknown = dict.fromkeys(("colour", "state", "number", "rounds", "id", "extra", "gaps", "source_row"), "unknown")
    wrong = dict.fromkeys(("owner", "customer", "happened_at"), "invalid")
    assert (response.status_code, at_fault(response)) == (422, unknown | wrong)
    assert Complaint.select().count() == 0


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"content": "\x00"}, id="a NUL"),
        pytest.param({"content": "\ud800"}, id="half a character"),
        pytest.param({"class_reason": "长" * 300}, id="a text that is too long"),
        pytest.param({"happened_at": "9999-12-31T23:59:59-14:00"}, id="the end of time"),
        pytest.param({"happened_at": "0001-01-01T00:00:00+14:00"}, id="the beginning of time"),
        pytest.param({"happened_at": 20250303}, id="a number as a moment"),
        pytest.param({"happened_at": True}, id="yes as a moment"),
        pytest.param({"satisfied": "perhaps"}, id="neither yes nor no"),
        pytest.param({"customer": "9" * 30}, id="an id beyond all ids"),
        pytest.param({"customer": 10**30}, id="a number beyond all numbers"),
        pytest.param({"customer": -1}, id="an id below all ids"),
        pytest.param({"customer": 1.5}, id="half an id"),
        pytest.param({"owner": 10**30}, id="a person beyond all numbers"),
    ],
)
def test_what_no_database_keeps_is_refused_by_its_field(alice, values, at_fault):
    response = alice.post("complaint", values)
    assert (response.status_code, list(at_fault(response))) == (422, list(values)), response.text


def test_a_change_needs_the_revision_that_was_seen(alice, complaint):
    response = alice.patch(path_of(complaint), {"content": "很慢"})
    assert (response.status_code, response.json["type"]) == (428, "urn:zhixing:problem:no-revision")
    assert alice.ask("PATCH", path_of(complaint), {"content": "很慢"}, {"If-Match": "*"}).status_code == 428
    changed = alice.patch(path_of(complaint), {"content": "很慢"}, complaint["revision"])
    assert (changed.status_code, changed.headers["ETag"], changed.json["content"]) == (200, '"2"', "很慢")
    assert alice.get(path_of(complaint)).json == changed.json


def test_whoever_saves_second_gets_both_versions(api, alice, complaint):
    assert api("amy").patch(path_of(complaint), {"content": "艾米的"}, 1).status_code == 200
    response = alice.patch(path_of(complaint), {"content": "艾丽的"}, 1)
    assert (response.status_code, response.json["type"]) == (409, "urn:zhixing:problem:stale")
    assert (response.json["theirs"]["content"], response.json["theirs"]["revision"]) == ("艾米的", 2)
    assert (response.json["yours"], response.headers["ETag"]) == ({"content": "艾丽的"}, '"2"')
    assert alice.get(path_of(complaint)).json["content"] == "艾米的"


@pytest.mark.parametrize("name", ["colour", "state", "number", "revision", "branch", "id", "rounds", "recorded_at"])
def test_what_is_unknown_or_only_read_is_refused_by_its_name(alice, complaint, name, at_fault):
    response = alice.patch(path_of(complaint), {name: complaint.get(name, "red"), "content": "x"}, 1)
    assert (response.status_code, at_fault(response)) == (422, {name: "unknown"})
    assert alice.get(path_of(complaint)).json["content"] == "理赔太慢"


def test_a_moment_is_corrected_with_a_reason(alice, complaint, at_fault):
    day = complaint["happened_at"][:10]
    assert at_fault(alice.patch(path_of(complaint), {"happened_at": day}, 1)) == {"reason": "required"}
    corrected = alice.patch(path_of(complaint), {"happened_at": day, "reason": "记错了"}, 1)
    assert (corrected.status_code, corrected.json["happened_at"]) == (200, day)
    entry = alice.get(path_of(complaint, "history")).json["items"][-1]
    assert (entry["event"], entry["reason"]) == ("correct", "记错了")
    assert entry["changes"]["happened_at"][0][:19] == complaint["happened_at"][:19]


def test_a_record_goes_its_way_step_by_step(alice, complaint, at_fault):
    steps = path_of(complaint, "transitions")
    accepted = alice.post(steps, {"event": "accept"})
    assert (accepted.status_code, accepted.json["state"], accepted.headers["ETag"]) == (200, "accepted", '"2"')
    refused = alice.post(steps, {"event": "contact_customer"})
    assert (refused.status_code, at_fault(refused)) == (422, {"details": "required", "class": "required"})
    values = {"details": "已联系", "class": "simple"}
    contacted = alice.post(steps, {"event": "contact_customer", "values": values}, revision=2)
    assert (contacted.status_code, contacted.json["state"]) == (200, "contacted")
    assert contacted.json["first_contact_at"].endswith("+08:00")
    assert alice.post(steps, {"event": "classify_and_investigate"}, revision=2).status_code == 409


@pytest.mark.parametrize(
    "who, body, status, fields",
    [
        pytest.param("alice", {}, 422, {"event": "required"}, id="no event"),
        pytest.param("alice", {"event": "fly"}, 422, {"event": "state"}, id="an event that there is not"),
        pytest.param("alice", {"event": "tell_result"}, 422, {"event": "state"}, id="an event of another state"),
        pytest.param("alice", {"event": "accept", "values": {"x": 1}}, 422, {"x": "unknown"}, id="an unknown field"),
        pytest.param("alice", {"event": "accept", "values": {"rounds": 9}}, 422, {"rounds": "unknown"}, id="read only"),
        pytest.param("alice", {"event": "accept", "values": []}, 200, {}, id="an empty list is nothing"),
        pytest.param("alice", {"event": "accept", "values": [1]}, 400, {"values": "type"}, id="a list of values"),
        pytest.param("alice", {"event": 5}, 422, {"event": "type"}, id="a number as event"),
        pytest.param("alice", {"event": "accept", "by": "bob"}, 422, {"by": "unknown"}, id="a member unheard of"),
        pytest.param("dave", {"event": "accept"}, 403, {}, id="another function than customer service"),
    ],
)
def test_a_step_is_refused_where_it_cannot_be_taken(api, complaint, who, body, status, fields, at_fault):
    response = api(who).post(path_of(complaint, "transitions"), body)
    assert response.status_code == status, response.text
    assert status == 200 or at_fault(response) == fields


def test_a_mistake_is_voided_with_its_reason(alice, complaint, at_fault):
    steps = path_of(complaint, "transitions")
    assert set(at_fault(alice.post(steps, {"event": "void"}))) == {"void_as", "void_reason"}
    voided = alice.post(steps, {"event": "void", "values": {"void_as": "mistake", "void_reason": "误登"}})
    assert voided.json["state"] == "voided"


def test_a_record_is_handed_over_with_a_reason(alice, complaint, at_fault):
    path = path_of(complaint, "hand-over")
    assert at_fault(alice.post(path, {"owner": "amy"})) == {"reason": "required"}
    assert at_fault(alice.post(path, {"reason": "x"})) == {"owner": "required"}
    unknown = alice.post(path, {"owner": "zoe", "department": "ZZ", "reason": "x"})
    assert (unknown.status_code, at_fault(unknown)) == (422, {"owner": "choice", "department": "choice"})
    assert alice.post(path, {"owner": "amy", "reason": "x"}, revision=7).status_code == 409
    given = alice.post(path, {"owner": "dave", "department": "LP", "reason": "属理赔"}, revision=1)
    assert (given.status_code, given.json["owner"], given.json["department"]) == (200, "dave", "LP")


def test_what_is_handed_to_another_branch_is_out_of_sight(api, alice, complaint):
    given = alice.post(path_of(complaint, "hand-over"), {"branch": "BJ", "owner": "frank", "reason": "属北京"})
    assert (given.status_code, given.data) == (204, b"")
    assert alice.get(path_of(complaint)).status_code == 404
    assert api("frank").get(path_of(complaint)).json["owner"] == "frank"
    entry = api("frank").get(path_of(complaint, "history")).json["items"][-1]
    assert (entry["event"], entry["changes"]["branch"], entry["reason"]) == ("hand_over", ["TJ", "BJ"], "属北京")


def test_whoever_may_only_look_changes_nothing(api, complaint):
    carol = api("carol")
    assert carol.get(path_of(complaint)).status_code == 200
    assert carol.patch(path_of(complaint), {"content": "x"}, 1).status_code == 403
    assert carol.post("complaint", {"content": "x"}).status_code == 403
    assert carol.post(path_of(complaint, "hand-over"), {"owner": "amy", "reason": "x"}).status_code == 403


def test_personal_data_is_masked_where_the_person_may_not_see_it(api):
    made = api("alice").post("customer", {"name": "王小明", "phone": "13800138000"}).json
    assert (made["name"], made["phone"]) == ("王**", "138****8000")
    seen = api("carol").get(f"customer/{made['id']}").json
    assert (seen["name"], seen["phone"]) == ("王**", "138****8000")
    changes = api("carol").get(f"customer/{made['id']}/history").json["items"][0]["changes"]
    assert (changes["name"], changes["phone"]) == ([None, "王**"], [None, "138****8000"])
    assert "13800138000" not in api("carol").get("customer").text


def test_added_questions_are_asked_and_answered(alice, at_fault):
    before = alice.post("complaint", {"content": "早先的"}).json
    asked = [
        {"key": "policy", "kind": "text", "label": {"zh": "保单号"}, "required": True},
        {"key": "amount", "kind": "money", "label": {"zh": "金额"}},
    ]
    forms.publish(console(), "complaint", branch(), asked)
    assert at_fault(alice.post("complaint", {"content": "x"})) == {"x_policy": "required"}
    made = alice.post("complaint", {"x_policy": "P-1", "x_amount": "1200.5"}).json
    assert (made["x_policy"], made["x_amount"]) == ("P-1", "1200.50")
    changed = alice.patch(path_of(made), {"x_policy": "P-2"}, 1).json
    assert (changed["x_policy"], changed["revision"]) == ("P-2", 2)
    assert alice.get(path_of(made, "history")).json["items"][-1]["changes"] == {"x_policy": ["P-1", "P-2"]}
    assert "x_policy" not in alice.get(path_of(before)).json


def test_where_the_plugin_is_off_the_answer_says_since_when(alice, complaint):
    switches.switch(console(), "timeliness", branch(), "off", reason="试行结束")
    for path in (path_of(complaint), path_of(complaint, "clocks"), path_of(complaint, "history"), "complaint"):
        response = alice.get(path)
        assert (response.status_code, response.json["type"]) == (409, "urn:zhixing:problem:switched-off"), path
    assert "2025-01-06" in alice.get("warning").json["detail"]
    assert "试行结束" in alice.get("warning").json["detail"]
    assert alice.patch(path_of(complaint), {"content": "x"}, 1).status_code == 409
    assert alice.post(path_of(complaint, "transitions"), {"event": "accept"}).status_code == 409
    assert Complaint.get().revision == 1


def test_what_screens_write_the_api_reads(alice, record, actor):
    made = record("complaint", actor("bob", "2025-03-03 10:00"), content="旧的")
    records.transition(actor("alice", "2025-03-03 11:00"), made, "accept")
    read = alice.get(f"complaint/{made.id}").json
    assert (read["happened_at"], read["accepted_at"]) == ("2025-03-03T10:00:00+08:00", "2025-03-03T11:00:00+08:00")
