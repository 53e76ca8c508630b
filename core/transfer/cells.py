"""What stands in one cell of an exported file: as people read it, and never as a formula."""

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from core.organisation import Department, zone_of
from core.people import Person
from core.records.visibility import day_of, masked
from core.transfer.reading import ACTIVE


def value_of(record, column, may_see):
    """The value of a column as an export has it: text, a number, a day or a moment without a zone; masked if need be."""
    value = record.__data__.get(column.name)
    if value is None:
        return ""
    if not may_see:
        return masked(value)
    if column.kind == "ref":
        return _named(record.__rel__.get(column.name), value)
    if column.kind == "moment":
        if record.is_day_only(column.name):
            return day_of(record, column.name)
        return value.astimezone(zone_of(record.branch_id)).replace(tzinfo=None, microsecond=0)
    return value if column.kind in ("integer", "money", "day") else column.show(value)


def _named(target, value):
    if isinstance(target, Person):
        return target.login
    if isinstance(target, Department):
        return target.code
    return getattr(target, "number", value)


def guarded(value):
    """A value for CSV: a text that a spreadsheet would take for a formula has an apostrophe before it.

    One that has apostrophes before it already has one more, so that each comes back as it was.
    """
    if isinstance(value, str):
        return "'" + value if value.lstrip("'").startswith(ACTIVE) else value
    return value.isoformat(sep=" ") if hasattr(value, "hour") else str(value)


def written(cell, text):
    """A cell of an ordinary sheet with a text in it that is none of a formula."""
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type = "s"
    return cell


def in_excel(page, value):
    """A value for a write-only sheet: text that begins like a formula stays text."""
    if not isinstance(value, str):
        return value
    value = ILLEGAL_CHARACTERS_RE.sub("", value)
    if not value.startswith(ACTIVE):
        return value
    cell = WriteOnlyCell(page, value)
    cell.data_type = "s"
    return cell
