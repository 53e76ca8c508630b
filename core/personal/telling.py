"""What is held about a person, line by line, as they are told it: each value with its purpose and where it came from."""

from core.language import Words, say
from core.organisation import organisation
from core.records.showing import personal_of
from core.records.visibility import columns, in_clear, masked

HEADERS = {
    "branch": Words("机构", "Branch"),
    "record": Words("记录", "Record"),
    "number": Words("编号", "Number"),
    "field": Words("项", "Field"),
    "value": Words("内容", "Value"),
    "purpose": Words("用途", "Purpose"),
    "source": Words("来源", "Source"),
    "because": Words("关系", "How it is about you"),
}


def held(actor, found):
    """The lines about one record that was found, each as the values of HEADERS; what is sealed is only named."""
    row = found.row
    known = [organisation().branches[row.branch_id].name, str(row._meta.label), row.number]
    because = found.because.number if found.because is not None else say("含有该号码", "holds the number")
    if found.is_sealed:
        return [[*known, "", say("已封存", "sealed"), "", "", because]]
    lines = [
        [*known, str(column.label), value_of(actor, row, column), column.personal, source_of(row), because]
        for column in personal_of(type(row)).values()
        if row.__data__.get(column.name) not in (None, "")
        and column.api_name in columns(type(row), row.branch_id, actor.now)
    ]
    return lines or [[*known, "", "", "", source_of(row), because]]


def opened_lines(actor, row):
    """The personal values of a record whose seal was opened: [(label, value)]."""
    columns = [c for c in personal_of(type(row)).values() if row.__data__.get(c.name) not in (None, "")]
    return [(str(column.label), value_of(actor, row, column)) for column in columns]


def value_of(actor, row, column):
    """One personal value as it stands for the actor now."""
    value = row.__data__[column.name]
    return column.show(value) if in_clear(actor, row, column) else masked(value)


def source_of(row):
    """Where a record came from: the file that it was imported from, or who recorded it and when."""
    if row.batch_id:
        return say("导入文件 {name}", "imported from {name}", name=row.batch.source)
    who = row.recorded_by.name if row.recorded_by_id else say("系统", "the system")
    return say("{who} 于 {day:%Y-%m-%d} 登记", "recorded by {who} on {day:%Y-%m-%d}", who=who, day=row.recorded_at)
