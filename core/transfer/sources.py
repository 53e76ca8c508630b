"""Where the value of a field comes from: the forms in which a mapping may say it, each a small function of one cell."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from core.language import say
from core.transfer.reading import Unreadable

WRITTEN_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


@dataclass(frozen=True)
class Source:
    """One field from one column: `take(cell)` gives the raw value, or raises ValueError with what to write.

    `holds` says that the field keeps what stands in the column, so that it is not kept a second time.
    """

    field: str
    column: str
    take: object
    holds: bool = True


def plain(field, column):
    """The cell as it stands."""
    return Source(field, column, lambda cell: cell)


def moment(field, column):
    """A day or moment in any of the usual ways of writing it with the year first."""
    return Source(field, column, tidy_moment)


def dated(field, column, format):
    """A day, or a moment where the format has hours, written as `format` (of strptime) says."""
    is_day = not re.search(r"%[HIpMScX]", format)

    @lru_cache(maxsize=20_000)
    def read(text):
        try:
            found = datetime.strptime(text, format)
        except ValueError as error:
            example = datetime(2026, 3, 25, 14, 30).strftime(format)
            raise ValueError(
                say("不是有效的日期,应写成 {example}", "no such day; write it like {example}", example=example)
            ) from error
        return found.date() if is_day else found

    return Source(field, column, lambda cell: read(cell) if isinstance(cell, str) and cell else cell)


def mapped(field, column, values, otherwise=None):
    """What the table `values` gives for the cell; another cell gives `otherwise`, or is a fault without it."""

    def read(cell):
        found = values.get(str(cell), otherwise)
        if found is None and cell != "":
            known = "、".join(values)
            raise ValueError(say("没有这个选项,可写:{known}", "no such choice; there are: {known}", known=known))
        return found

    return Source(field, column, read, holds=False)


def counted(field, column, split, one, several):
    """`several` where the cell lists more than one part, `one` where it has one, nothing where it is empty."""
    return Source(field, column, lambda cell: cell and (several if len(_parts(cell, split)) > 1 else one), holds=False)


def containing(field, column, split, contains, then, otherwise=None):
    """`then` where one of the parts of the cell is `contains`, else `otherwise`."""
    return Source(
        field, column, lambda cell: then if contains in _parts(cell, split) else cell and otherwise, holds=False
    )


def _parts(cell, split):
    return [part for part in map(str.strip, str(cell).split(split.strip() or split)) if part]


def filled(field, column, filled, empty=None):
    """`filled` where the cell has something in it, else `empty`: for the state reached."""
    return Source(field, column, lambda cell: empty if cell == "" else filled, holds=False)


def tidy_moment(cell):
    """A written day or moment in ISO form; what is not understood is left for the field to refuse."""
    if not isinstance(cell, str) or isinstance(cell, Unreadable):
        return cell
    match = WRITTEN_DAY.fullmatch(cell.strip())
    if not match:
        return cell
    year, month, day, hour, minute, second = match.groups()
    text = f"{year}-{int(month):02d}-{int(day):02d}"
    return text if hour is None else f"{text}T{int(hour):02d}:{minute}:{second or '00'}"


def as_kept(cell):
    """A cell as `source_row` keeps it."""
    return cell.isoformat() if isinstance(cell, date | datetime) else cell
