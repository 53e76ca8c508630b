"""Questions added without programming: asked where and from when they were published, kept as they were answered."""

import pytest

from core import forms, records
from core.errors import Refused
from core.forms import form_of, questions_of
from core.records.visibility import answer_sql, as_json
from core.testing import branch, console, local
from plugins.cases.models import Complaint

NOW = "2025-03-03 10:00"


def asked(key, kind="text", zh="问题", **more):
    return {"key": key, "kind": kind, "label": {"zh": zh}, **more}


def publish(*questions, code="TJ", record="complaint"):
    return forms.publish(console(local(NOW)), record, branch(code) if code else None, list(questions))


def faults(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return {fault.field: fault.code for fault in refused.value.faults}


COLOURS = [{"word": "red", "zh": "红"}, {"word": "blue", "zh": "蓝", "en": "Azure"}]


@pytest.fixture
def alice(actor):
    return actor("alice", NOW)


def test_a_question_of_one_branch_is_asked_there_and_not_elsewhere(record, actor, alice):
    publish(asked("policy_number", required=True, zh="保单号"))
    assert faults(record, "complaint", alice) == {"x_policy_number": "required"}
    made = record("complaint", alice, x_policy_number="P-1")
    frank = actor("frank", NOW)
    assert "x_policy_number" not in as_json(record("complaint", frank, code="BJ"), frank)
    assert faults(record, "complaint", frank, code="BJ", x_policy_number="P-1") == {"x_policy_number": "unknown"}
    assert as_json(made, alice)["x_policy_number"] == "P-1"


def test_a_question_of_the_group_is_asked_everywhere_beside_the_branchs_own(record, actor, alice):
    publish(asked("group_wide"), code=None)
    publish(asked("local"))
    assert [q.key for q in form_of("complaint", branch("TJ").id).questions] == ["group_wide", "local"]
    assert [q.key for q in form_of("complaint", branch("BJ").id).questions] == ["group_wide"]
    assert set(questions_of("complaint")) == {"x_group_wide", "x_local"}


def test_the_answer_is_kept_with_the_version_of_the_form(record, alice):
    version = publish(asked("weight", "integer"))
    made = record("complaint", alice, x_weight="12")
    assert (made.form_version, Complaint.get().extra) == (version.id, {"weight": 12})


def test_an_older_record_was_not_asked_then_and_goes_on_without_it(record, alice):
    old = record("complaint", alice)
    publish(asked("policy_number", required=True))
    assert "x_policy_number" not in as_json(old, alice)
    stepped = records.transition(alice, old, "accept")
    changed = records.change(alice, stepped, {"content": "x"})
    assert (changed.state, changed.form_version) == ("accepted", 0)
    assert faults(records.change, alice, changed, {"x_policy_number": "P-1"}) == {"x_policy_number": "unknown"}


def test_what_was_required_cannot_be_blanked_and_what_is_not_sent_stays(record, alice):
    publish(asked("policy_number", required=True))
    made = record("complaint", alice, x_policy_number="P-1")
    assert faults(records.change, alice, made, {"x_policy_number": " "}) == {"x_policy_number": "required"}
    assert records.change(alice, made, {"content": "x"}).extra == {"policy_number": "P-1"}


@pytest.mark.parametrize(
    "kind, text, stored",
    [
        ("integer", "12", 12),
        ("money", "1,200.5", "1200.50"),
        ("yesno", "是", True),
        ("day", "2025-03-05", "2025-03-05"),
        ("choice", "红", "red"),
        ("text", " 天津 ", "天津"),
        ("integer", "many", None),
        ("money", "1.234", None),
        ("yesno", "perhaps", None),
        ("day", "2025-02-30", None),
        ("choice", "green", None),
        ("text", "x" * 256, None),
    ],
)
def test_an_answer_is_read_like_any_other_field(record, alice, kind, text, stored):
    publish(asked("it", kind, **({"choices": COLOURS} if kind == "choice" else {})))
    if stored is None:
        assert faults(record, "complaint", alice, x_it=text) == {"x_it": "invalid"}
    else:
        assert Complaint.get_by_id(record("complaint", alice, x_it=text).id).extra == {"it": stored}


@pytest.mark.parametrize(
    "kind, default, stored",
    [
        ("integer", "3", 3),
        ("yesno", "否", False),
        ("money", "1", "1.00"),
        ("text", "无", "无"),
        ("choice", "red", "red"),
    ],
)
def test_a_default_is_stored_as_an_answer_would_be(record, alice, kind, default, stored):
    publish(asked("it", kind, default=default, **({"choices": COLOURS} if kind == "choice" else {})))
    assert record("complaint", alice).extra == {"it": stored}
    assert record("complaint", alice, x_it="").extra in ({"it": None}, {"it": stored}, {})


def test_a_question_is_asked_only_where_its_condition_holds(record, alice):
    publish(asked("regulator_file", required=True, shown_if="channel is regulator", default=""))
    publish(
        asked("how_often", "integer", shown_if="channel is regulator", default="1"),
        asked("regulator_file", required=True, shown_if="channel is regulator"),
    )
    assert record("complaint", alice).extra == {}
    assert faults(record, "complaint", alice, channel="regulator") == {"x_regulator_file": "required"}
    assert record("complaint", alice, channel="regulator", x_regulator_file="R-1").extra == {
        "regulator_file": "R-1",
        "how_often": 1,
    }


def test_a_question_that_a_step_brings_up_is_asked_by_the_next_step_at_the_latest(record, alice):
    publish(asked("expert", required=True, shown_if="class is complex"))
    complaint = records.transition(alice, record("complaint", alice), "accept")
    given = {"details": "详情", "class": "complex"}
    assert faults(records.transition, alice, complaint, "contact_customer", given) == {"x_expert": "required"}
    assert records.transition(alice, complaint, "contact_customer", {**given, "x_expert": "王"}).extra == {
        "expert": "王"
    }


def test_a_choice_is_retired_and_not_deleted(record, alice):
    publish(asked("colour", "choice", choices=COLOURS))
    red = record("complaint", alice, x_colour="red")
    publish(asked("colour", "choice", choices=COLOURS[1:]))
    assert faults(record, "complaint", alice, x_colour="red") == {"x_colour": "choice"}
    question = form_of("complaint", branch().id)["x_colour"]
    assert [(word, retired) for word, _, retired in question.choices] == [("blue", False), ("red", True)]
    assert question.column.show("red") == "红" and as_json(red, alice)["x_colour"] == "red"
    assert records.change(alice, red, {"x_colour": "red", "content": "x"}).extra == {"colour": "red"}


def test_a_question_left_out_is_retired_and_its_answers_stay(record, alice):
    publish(asked("colour"), asked("size", required=True))
    old = record("complaint", alice, x_colour="红", x_size="大")
    publish(asked("colour"))
    assert faults(record, "complaint", alice, x_size="小") == {"x_size": "choice"}
    assert record("complaint", alice).extra == {}
    assert as_json(old, alice)["x_size"] == "大"


@pytest.mark.parametrize(
    "questions, told",
    [
        ([asked("Size")], {"questions.1.key": "invalid"}),
        ([asked("1st")], {"questions.1.key": "invalid"}),
        ([asked("")], {"questions.1.key": "invalid"}),
        ([asked("尺寸")], {"questions.1.key": "invalid"}),
        ([asked("size"), asked("size")], {"questions.2.key": "duplicate"}),
        ([asked("theirs")], {"questions.1.key": "duplicate"}),
        ([asked("mine", "integer")], {"questions.1.kind": "invalid"}),
        ([asked("size", "colour")], {"questions.1.kind": "choice"}),
        ([asked("size", zh="")], {"questions.1.label": "required"}),
        ([asked("size", "choice")], {"questions.1.choices": "required"}),
        ([asked("size", "choice", choices=[COLOURS[0], COLOURS[0]])], {"questions.1.choices": "invalid"}),
        ([asked("size", "integer", default="big")], {"questions.1.default": "invalid"}),
        ([asked("size", shown_if="klass is complex")], {"questions.1.shown_if": "invalid"}),
        ([asked("size", shown_if="when complex")], {"questions.1.shown_if": "invalid"}),
        ([asked("A"), asked("b", "x"), asked("c", zh="")], {"questions.1.key": "invalid", "questions.2.kind": "choice", "questions.3.label": "required"}),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_an_edition_is_told_at_once(group, questions, told):
    publish(asked("theirs"), code="BJ")
    publish(asked("mine"))
    assert faults(publish, *questions) == told


def test_editions_are_added_and_never_changed(group):
    for edition in (1, 2, 3):
        assert publish(asked("colour", zh=f"第{edition}版")).edition == edition
    rows = forms.FormVersion.select().order_by(forms.FormVersion.id)
    assert [row.questions[0]["label"]["zh"] for row in rows] == ["第1版", "第2版", "第3版"]


@pytest.mark.parametrize(
    "kind, answers, wanted",
    [
        pytest.param("text", ["红", "蓝", None], ["红"], id="a text"),
        pytest.param("integer", ["10", "9", "100"], ["10"], id="a number"),
        pytest.param("yesno", ["是", "否", None], ["true", "1"], id="a yes, which SQLite gives as 1"),
        pytest.param("day", ["2025-03-05", "2025-03-06", None], ["2025-03-05"], id="a day"),
    ],
)
def test_records_are_found_by_an_answer(record, alice, kind, answers, wanted):
    publish(asked("it", kind))
    first, *_ = [record("complaint", alice, **({"x_it": answer} if answer else {})) for answer in answers]
    rows = records.visible_to(alice, Complaint).where(answer_sql(Complaint, "it").cast("text").in_(wanted))
    assert [row.id for row in rows] == [first.id]


def test_a_key_that_is_no_key_never_reaches_the_database(group):
    for wrong in ("a' OR 1=1 --", "a.b", "", "a b"):
        with pytest.raises(ValueError):
            answer_sql(Complaint, wrong)
