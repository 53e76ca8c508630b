"""An empty Excel file to fill in for an import: a column for each field, hints on the headers, choices to pick from."""

import io

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from core.language import say
from core.organisation import Department, organisation
from core.people import Person
from core.records.context import open_context
from core.records.entering import TYPED_BASE
from core.transfer.cells import written

ROWS = 10_000  # rows down to which the choices are offered
TEXT = "@"  # so that a number or a telephone keeps its leading zeros


def template(actor, model, branch):
    """The template of a record type in a branch, as the bytes of an .xlsx. Raises Denied and SwitchedOff."""
    context = open_context(actor, model, branch, "import", history=True)
    book = Workbook()
    page, lists = book.active, book.create_sheet("choices")
    page.title, lists.sheet_state = "import", "hidden"
    page.freeze_panes = "A2"
    for place, (name, column, required) in enumerate(_columns(context), 1):
        letter = get_column_letter(place)
        cell = written(page.cell(1, place), str(column.label))
        cell.font = Font(bold=True, color="FFC00000" if required else "FF000000")
        cell.comment = Comment(_hint(column, required), "Zhixing")
        page.column_dimensions[letter].width = 18
        page.column_dimensions[letter].number_format = _format(column)
        _offer(page, lists, letter, place, _choices(context, name, column))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _columns(context):
    """(name, column, required) of every field that may be filled in, the number and the state first."""
    for name in ("number", "state", *TYPED_BASE):
        yield name, context.columns[name], False
    for name, column in context.columns.items():
        base = name in ("number", "state", "recorded_by", "recorded_at", "stamps", "extra", "gaps", *TYPED_BASE)
        if not base and not column.read_only:
            yield name, column, column.required
    for name, question in context.form.by_name.items():
        if not question.retired:
            yield name, question.column, question.required


def _hint(column, required):
    lines = [say("必填", "required") if required else say("可不填", "may be left empty")]
    if column.kind == "moment":
        lines.append(
            say("时间,如 2026-03-05 14:30;不知时刻可只写日期", "a moment, as 2026-03-05 14:30, or a day alone")
        )
    elif column.kind == "day":
        lines.append(say("日期,如 2026-03-05", "a day, as 2026-03-05"))
    elif column.kind == "ref" and column.rel_model is Person:
        lines.append(say("填登录名", "a login"))
    elif column.kind == "ref":
        lines.append(say("填代码或编号", "a code or number"))
    if column.hint:
        lines.append(str(column.hint))
    return "\n".join(lines)


def _format(column):
    return {"moment": "yyyy-mm-dd hh:mm", "day": "yyyy-mm-dd", "money": "0.00", "integer": "0"}.get(column.kind, TEXT)


def _choices(context, name, column):
    if name == "state":
        return [str(state.label) for state in context.workflow.states.values()]
    if column.kind == "choice":
        return [str(label) for label in column.options.values()]
    if column.kind == "yesno":
        return [say("是", "Yes"), say("否", "No")]
    if column.kind == "ref" and column.rel_model is Department:
        return [d.code for b in organisation().path(context.branch_id) for d in organisation().departments_of(b)]
    return []


def _offer(page, lists, letter, place, choices):
    if not choices:
        return
    for row, choice in enumerate(choices, 1):
        written(lists.cell(row, place), choice)
    validation = DataValidation("list", formula1=f"choices!${letter}$1:${letter}${len(choices)}", allow_blank=True)
    validation.error = say("请从列表中选择", "Pick one of the list")
    validation.add(f"{letter}2:{letter}{ROWS}")
    page.add_data_validation(validation)
