"""A mapping says how somebody's columns become fields; whatever is wrong with it is told at once."""

from datetime import date

import pytest

from core.errors import Refused
from core.language import speaking
from core.transfer import import_file, sources
from plugins.cases.models import Complaint

WRONG = """
record = "claim"
numbre = "No"
others = "content"
gaps = ["first_contact_at", "first_contact"]
[state]
column = "Closed"
filled = "finished"
[fields]
contents = { column = "What" }
happened_at = { column = "When", format = "%Q" }
channel = { colum = "Via" }
content = { placeholder = "nobody" }
department = { responsible = "claims" }
cause = { column = "Why", values = "x" }
"""


def bring(tmp_path, mapping, content, actor):
    (tmp_path / "m.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "f.csv").write_text(content, encoding="utf-8")
    bob = actor("bob", "2025-03-10 10:00")
    with speaking("en"):
        return import_file(bob, Complaint, tmp_path / "f.csv", bob.person.branch, tmp_path / "m.toml")


def test_every_fault_of_a_mapping_is_told_at_once(tmp_path, actor):
    with pytest.raises(Refused) as refused:
        bring(tmp_path, WRONG, "No\n1\n", actor)
    told = {fault.field.removeprefix("m.toml: "): fault.message for fault in refused.value.faults}
    assert set(told) == {
        "numbre", "record", "others", "gaps", "state.filled", "fields.contents", "fields.happened_at.format",
        "fields.channel", "fields.content", "fields.department", "fields.cause.values",
    }  # fmt: skip
    assert '"complaint" is imported' in told["record"] and "first_contact" in told["gaps"]
    assert "closed" in told["state.filled"] and "column, format" in told["fields.channel"]


def test_a_mapping_that_is_no_toml_says_where(tmp_path, actor):
    with pytest.raises(Refused, match="this is no TOML: Unterminated string"):
        bring(tmp_path, 'record = "complaint', "No\n1\n", actor)


def test_each_column_that_the_file_lacks_is_named(tmp_path, actor):
    mapping = 'record = "complaint"\nnumber = "No"\n[fields]\ncontent = { column = "What" }\n'
    with pytest.raises(Refused, match="columns are missing: No、What. The file has: Nr, Text".replace(", ", "、")):
        bring(tmp_path, mapping, "Nr,Text\n1,x\n", actor)


REASONS = {"split": "; ", "one": "simple", "several": "complex"}
TIMELY = {"split": "; ", "contains": "Delays", "then": "timeliness", "otherwise": "other"}


@pytest.mark.pure
@pytest.mark.parametrize(
    "source, cell, value",
    [
        pytest.param(sources.counted("f", "c", **REASONS), "Delays", "simple", id="one reason is simple"),
        pytest.param(sources.counted("f", "c", **REASONS), "Delays; Rates", "complex", id="two reasons are complex"),
        pytest.param(sources.counted("f", "c", **REASONS), "Delays;", "simple", id="a trailing mark lists nothing"),
        pytest.param(sources.counted("f", "c", **REASONS), "", "", id="no reason is no class"),
        pytest.param(sources.containing("f", "c", **TIMELY), "Rates; Delays", "timeliness", id="among several reasons"),
        pytest.param(
            sources.containing("f", "c", **TIMELY), "Delays in pay", "other", id="a reason that only begins so"
        ),
        pytest.param(sources.dated("f", "c", "%m/%d/%Y"), "3/8/2025", date(2025, 3, 8), id="a day as Texas writes it"),
        pytest.param(sources.dated("f", "c", "%m/%d/%Y"), "", "", id="no day"),
        pytest.param(sources.dated("f", "c", "%m/%d/%Y"), date(2025, 3, 8), date(2025, 3, 8), id="a day of Excel"),
        pytest.param(sources.mapped("f", "c", {"tel": "phone"}), "tel", "phone", id="by the table"),
        pytest.param(sources.mapped("f", "c", {"tel": "phone"}, "other"), "fax", "other", id="else the rest"),
        pytest.param(sources.moment("f", "c"), "2025年3月8日 9:05", "2025-03-08T09:05:00", id="a Chinese moment"),
        pytest.param(sources.moment("f", "c"), "2025/3/8", "2025-03-08", id="a day with slashes"),
        pytest.param(sources.moment("f", "c"), "soon", "soon", id="what is no day is left to be refused"),
    ],
)
def test_forms_of_a_field(source, cell, value):
    assert source.take(cell) == value


@pytest.mark.pure
@pytest.mark.parametrize(
    "source, cell, told",
    [
        pytest.param(sources.dated("f", "c", "%m/%d/%Y"), "31/12/2025", "write it like 03/25/2026", id="no month 31"),
        pytest.param(sources.mapped("f", "c", {"tel": "phone"}), "fax", "there are: tel", id="not in the table"),
    ],
)
def test_a_cell_that_fits_no_form_says_what_to_write(source, cell, told):
    with speaking("en"), pytest.raises(ValueError, match=told):
        source.take(cell)
