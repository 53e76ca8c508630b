"""Steps of a record: who may take them, what they ask for, and from which state they lead on."""

import pytest

from core import Extension, Requirement, records
from core.errors import Denied, Refused
from core.language import speaking
from core.records import State, Transition, Workflow
from core.records.steps import steps_to

MONDAY = "2025-03-03 10:00"


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", MONDAY))


def test_a_step_from_another_state_is_refused_with_those_that_are_possible(actor, complaint):
    with pytest.raises(Refused) as refused:
        records.transition(actor("alice", MONDAY), complaint, "tell_result")
    assert [(f.field, f.code) for f in refused.value.faults] == [("event", "state")]
    assert str(refused.value) == "event: “已接收”状态下不能“反馈结果”,可以:受理(accept)、作废(void)"
    with speaking("en"), pytest.raises(Refused, match=r"fly is not possible in the state Received; possible: .*accept"):
        records.transition(actor("alice", MONDAY), complaint, "fly")


@pytest.mark.parametrize(
    "login, event, who",
    [
        pytest.param("dave", "accept", "客服", id="not by claims"),
        pytest.param("carol", "accept", "客服", id="not by management"),
        pytest.param("amy", "void", "责任人、部门负责人", id="not by somebody beside the owner"),
    ],
)
def test_who_may_not_is_told_who_may(actor, complaint, login, event, who):
    values = {"void_as": "mistake", "void_reason": "误登"} if event == "void" else {}
    with pytest.raises(Denied, match=f"须由以下身份办理:{who}"):
        records.transition(actor(login, MONDAY), complaint, event, values)


def test_a_step_signs_counts_and_stamps(actor, complaint, told_result):
    again = records.transition(actor("alice", "2025-03-05 09:00"), told_result, "follow_up_dissatisfied")
    assert (again.state, again.rounds) == ("handling", 2)


@pytest.fixture
def told_result(actor, complaint):
    for event, values in (
        ("accept", {}),
        ("contact_customer", {"details": "详情", "class": "simple"}),
        ("classify_and_investigate", {}),
        (
            "record_findings_and_measure",
            {"findings": "属实", "measure": "赔付", "result": "已赔", "cause": "timeliness"},
        ),
        ("tell_result", {}),
    ):
        complaint = records.transition(actor("alice", "2025-03-04 09:00"), complaint, event, values)
    return complaint


def test_a_final_state_leads_nowhere(actor, told_result):
    closed = records.transition(actor("alice", "2025-03-05 09:00"), told_result, "follow_up_satisfied")
    with pytest.raises(Refused, match="可以:-"):
        records.transition(actor("alice", "2025-03-05 09:01"), closed, "accept")


WORKFLOW = Workflow(
    State("a", "甲", initial=True),
    State("b", "乙"),
    State("c", "丙", final=True),
    Transition("far", "a", "b", by="owner", requires="x"),
    Transition("on", "b", "c", by="owner", stamps="y"),
    Transition("again", "b", None, by="owner"),
)


@pytest.mark.pure
@pytest.mark.parametrize("state, events", [("a", []), ("b", ["far"]), ("c", ["far", "on"]), ("nowhere", [])])
def test_the_shortest_way_to_a_state(state, events):
    assert [step.event for step in steps_to(WORKFLOW, state)] == events


@pytest.mark.pure
def test_a_workflow_tells_all_that_is_wrong_with_it():
    wrong = Workflow(
        State("a", "甲"),
        Transition("go", ("a", "z"), "y", by="owner", requires=("x", "class"), signs="who", counts="n"),
    )
    assert wrong.faults("record r", {"class": None}) == [
        "record r: no state is initial. Write State(..., initial=True) for the one that a new record has.",
        "record r: transition go names the state 'z', which there is not. States: a.",
        "record r: transition go names the state 'y', which there is not. States: a.",
        "record r: transition go names the field 'x', which there is not.",
        "record r: transition go names the field 'who', which there is not.",
        "record r: transition go names the field 'n', which there is not.",
    ]


@pytest.mark.pure
def test_a_regulation_adds_without_changing_what_it_adds_to():
    added = Extension(
        "r",
        requires=(Requirement("far", ("z",), "X1"),),
        states=(State("d", "丁", reads_as="b"),),
        transitions=(Transition("side", "b", "d", by="owner"),),
    )
    more = WORKFLOW.with_extensions([("x", added)])
    assert more.transitions["far"].requires == ("x", "z") and more.transitions["far"].clauses == ("X1",)
    assert [step.event for step in more.after("b")] == ["on", "again", "side"]
    assert WORKFLOW.transitions["far"].requires == ("x",) and "d" not in WORKFLOW.states
    assert list(more.without(["side"]).transitions) == ["far", "on", "again"]
