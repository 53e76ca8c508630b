"""The rows that an import left out, written as they came with one column more: the reasons."""

import csv
import os
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from core import settings
from core.transfer.cells import guarded, in_excel
from core.transfer.reading import REASONS, refused

RED = PatternFill("solid", fgColor="FFFFC7CE")


def write(sheet, errors):
    """Write the left-out rows beside the file, else in the data folder; returns the path. Nothing is overwritten.

    Raises Refused where neither takes it.
    """
    by_row = {}
    for error in errors:
        by_row.setdefault(error["row"], []).append(error)
    rows = [(cells, by_row[number]) for number, cells in sheet.rows if number in by_row]
    try:
        target = _free_place(sheet.path)
        (_write_excel if sheet.kind == "xlsx" else _write_csv)(target, sheet, rows)
    except OSError as error:
        raise refused(
            sheet.path,
            "无法写出未导入的行({why}),没有导入任何内容。请腾出空间或检查文件夹权限后再试",
            "the rows left out cannot be written ({why}), so nothing was imported. Make room, or see to the folder's rights",
            why=error.strerror,
        ) from error
    return target


def _free_place(path):
    folder = path.parent if os.access(path.parent, os.W_OK) else settings.load().home
    folder.mkdir(parents=True, exist_ok=True)
    for count in range(1, 10_000):
        target = folder / f"{path.stem}.left-out{f'-{count}' if count > 1 else ''}{path.suffix}"
        if not target.exists():
            break
    return Path(target)


def _reasons(errors):
    return "; ".join(
        f"{error['column']}: {error['message']}" if error["column"] else error["message"] for error in errors
    )


def _write_csv(target, sheet, rows):
    encoding = {"utf-8-sig": "utf-8-sig", "gb18030": "gb18030"}.get(sheet.encoding, "utf-8-sig")
    with open(target, "w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=sheet.delimiter)
        writer.writerow([*map(guarded, sheet.headers), str(REASONS)])
        for cells, errors in rows:
            writer.writerow([*map(guarded, cells), guarded(_reasons(errors))])


def _write_excel(target, sheet, rows):
    book = Workbook(write_only=True)
    page = book.create_sheet()
    page.append([in_excel(page, name) for name in (*sheet.headers, str(REASONS))])
    for cells, errors in rows:
        told = {}
        for error in errors:
            told.setdefault(error["column"], []).append(error["message"])
        line = [_marked(page, cell, told.get(name)) for name, cell in zip(sheet.headers, cells, strict=True)]
        page.append([*line, in_excel(page, _reasons(errors))])
    book.save(target)


def _marked(page, value, messages):
    cell = in_excel(page, value)
    if messages:
        cell = cell if isinstance(cell, Cell) else WriteOnlyCell(page, cell)
        cell.fill, cell.comment = RED, Comment("; ".join(messages), "Zhixing")
    return cell
