"""Column types: how what people type is read, shown and given to programs."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from core import fields
from core.language import Words, speaking

pytestmark = pytest.mark.pure
HERE = SimpleNamespace(zone=ZoneInfo("Asia/Shanghai"))
COLOURS = {"red": "红", "blue": Words("蓝", "Azure")}
WRONG = object()


@pytest.mark.parametrize(
    "column, text, value",
    [
        pytest.param(fields.Text("题"), " 天津 ", "天津", id="text without its margins"),
        pytest.param(fields.Text("题"), "  ", None, id="blanks are nothing"),
        pytest.param(fields.Text("题", max_length=3), "四个字啊", WRONG, id="too long a text"),
        pytest.param(fields.Text("题"), "a\x00b", WRONG, id="a text with NUL, which PostgreSQL does not keep"),
        pytest.param(fields.LongText("题"), "a\ud800b", WRONG, id="half of a character"),
        pytest.param(fields.LongText("题"), "一行\n两行", "一行\n两行", id="several lines"),
        pytest.param(fields.Phone("题"), "+86 (22) 1234-5678", "+86 (22) 1234-5678", id="a telephone number"),
        pytest.param(fields.Phone("题"), "1234", WRONG, id="too few digits"),
        pytest.param(fields.Phone("题"), "12345x", WRONG, id="letters in a telephone number"),
        pytest.param(fields.Integer("题"), "12", 12, id="a whole number"),
        pytest.param(fields.Integer("题"), 12.0, 12, id="a whole number that a spreadsheet made a fraction"),
        pytest.param(fields.Integer("题"), "1.5", WRONG, id="no whole number"),
        pytest.param(fields.Integer("题"), True, WRONG, id="yes is no number"),
        pytest.param(fields.Integer("题"), {"a": 1}, WRONG, id="a structure is no number"),
        pytest.param(fields.Integer("题"), "9" * 19, WRONG, id="a number that no database keeps"),
        pytest.param(fields.Money("题"), "1,200.50", Decimal("1200.50"), id="an amount"),
        pytest.param(fields.Money("题"), "1.234", WRONG, id="thousandths"),
        pytest.param(fields.Money("题"), "NaN", WRONG, id="no amount"),
        pytest.param(fields.Money("题"), "1e30", WRONG, id="an amount that no database keeps"),
        pytest.param(fields.YesNo("题"), "是", True, id="yes"),
        pytest.param(fields.YesNo("题"), "No", False, id="no"),
        pytest.param(fields.YesNo("题"), "maybe", WRONG, id="perhaps"),
        pytest.param(fields.Choice("题", COLOURS), "red", "red", id="a choice by its word"),
        pytest.param(fields.Choice("题", COLOURS), "蓝", "blue", id="by its Chinese label"),
        pytest.param(fields.Choice("题", COLOURS), "Azure", "blue", id="by its English label"),
        pytest.param(fields.Choice("题", COLOURS), "green", WRONG, id="another"),
        pytest.param(fields.Day("题"), "2025-03-05", date(2025, 3, 5), id="a day"),
        pytest.param(fields.Day("题"), datetime(2025, 3, 4, 17, tzinfo=UTC), date(2025, 3, 5), id="the day of a moment, here"),
        pytest.param(fields.Day("题"), "2025-02-30", WRONG, id="a day that there is not"),
        pytest.param(fields.Day("题"), "2025-03-05 and more", WRONG, id="a day and more"),
        pytest.param(fields.Day("题"), "1066-10-14", WRONG, id="a day long past"),
        pytest.param(fields.Moment("题"), "2025-03-05 14:30", datetime(2025, 3, 5, 6, 30, tzinfo=UTC), id="a moment of the branch"),
        pytest.param(fields.Moment("题"), "2025-03-05T14:30:00+02:00", datetime(2025, 3, 5, 12, 30, tzinfo=UTC), id="a moment with its offset"),
        pytest.param(fields.Moment("题"), "2025-03-05", date(2025, 3, 5), id="a day without an hour"),
        pytest.param(fields.Moment("题"), "14:30", WRONG, id="an hour without a day"),
        pytest.param(fields.Moment("题"), "0001-01-01 00:00", WRONG, id="the first of all moments"),
        pytest.param(fields.Moment("题"), 5, WRONG, id="a number is no moment"),
    ],
)  # fmt: skip
def test_what_people_type(column, text, value):
    if value is WRONG:
        with pytest.raises(ValueError, match="."):
            column.parse(text, HERE)
    else:
        assert column.parse(text, HERE) == value


def test_a_moment_without_a_zone_needs_a_branch():
    with pytest.raises(ValueError, match="时区"):
        fields.Moment("题").parse("2025-03-05 14:30")


def test_a_wrong_choice_is_told_with_the_right_ones_in_the_language_that_speaks():
    with pytest.raises(ValueError, match=r"red\(红\)、blue\(蓝\)"):
        fields.Choice("题", COLOURS).parse("green")
    with speaking("en"), pytest.raises(ValueError, match=r"red\(Red\)、blue\(Azure\)"):
        fields.Choice("题", COLOURS).parse("green")


@pytest.mark.parametrize(
    "column, value, json, shown",
    [
        (fields.Money("题"), Decimal("1200.5"), "1200.50", "1200.5"),
        (fields.YesNo("题"), True, True, "是"),
        (fields.Choice("题", COLOURS), "blue", "blue", "蓝"),
        (fields.Choice("题", COLOURS), "gone", "gone", "gone"),
        (fields.Day("题"), date(2025, 3, 5), "2025-03-05", "2025-03-05"),
        (fields.Text("题"), None, None, ""),
    ],
)
def test_what_programs_and_people_see(column, value, json, shown):
    assert (column.as_json(value), column.show(value)) == (json, shown)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2025, 3, 5, 6, 30, tzinfo=UTC),
        datetime(2025, 3, 5, 14, 30, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(2025, 3, 5, 6, 30, 0, 1, tzinfo=UTC),
    ],
)
def test_one_form_of_a_moment_is_stored_so_that_text_sorts_like_time(moment):
    stored = fields.moment_to_db(moment)
    assert len(stored) == 26 and stored.startswith("2025-03-05 06:30:00.") and fields.moment_from_db(stored) == moment


@pytest.mark.parametrize(
    "column, required",
    [(fields.Text("题"), True), (fields.Text("题", null=True), False), (fields.Text("题", default="x"), False)],
)
def test_a_field_is_required_unless_it_may_be_empty_or_has_a_default(column, required):
    assert column.required is required
