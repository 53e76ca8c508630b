"""Conditions as limits and questions state them."""

import pytest

from core.conditions import Condition
from core.errors import Refused

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "text, values, holds, is_open",
    [
        pytest.param("", {}, True, False, id="no condition holds always"),
        pytest.param("class is simple", {"class": "simple"}, True, False, id="is"),
        pytest.param("class is simple", {"class": "complex"}, False, False, id="is another"),
        pytest.param("class is simple", {}, False, True, id="not known yet"),
        pytest.param("class is simple", {"class": ""}, False, True, id="an empty text is not known yet"),
        pytest.param("class is not simple", {"class": "complex"}, True, False, id="is not"),
        pytest.param("class is not simple", {}, True, True, id="is not, and not known yet"),
        pytest.param("class is simple or complex", {"class": "complex"}, True, False, id="one of several"),
        pytest.param("class is not simple or complex", {"class": "other"}, True, False, id="none of several"),
        pytest.param("class is empty", {}, True, False, id="empty can be told at once"),
        pytest.param("class is not empty", {"class": "simple"}, True, False, id="filled in"),
        pytest.param("large is yes", {"large": True}, True, False, id="yes"),
        pytest.param("large is no", {"large": False}, True, False, id="no is not empty"),
        pytest.param("rounds is 2", {"rounds": 2}, True, False, id="a number"),
        pytest.param("a is x and b is y", {"a": "x", "b": "y"}, True, False, id="both hold"),
        pytest.param("a is x and b is y", {"a": "x", "b": "z"}, False, False, id="one does not"),
        pytest.param("a is x and b is y", {"a": "x"}, False, True, id="one is not known yet"),
    ],
)
def test_a_condition(text, values, holds, is_open):
    condition = Condition.parse(text)
    assert (condition.holds(values), condition.is_open(values)) == (holds, is_open)


@pytest.mark.parametrize(
    "text", ["simple", "class = simple", "class is", "is simple", "class is simple or ", "a;b is x", "class is not "]
)
def test_what_is_no_condition_is_told_with_an_example(text):
    with pytest.raises(Refused, match="class is complex"):
        Condition.parse(text)


def test_a_condition_names_its_fields():
    assert Condition.parse("a is x and b is not y or z").fields == ("a", "b")
