"""Reading a table from a file: CSV in UTF-8 or GBK, or Excel. Whatever it cannot be read as is said with what to do."""

import csv
import io
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import ParseError  # nosec B405  # only the error; a file with a DOCTYPE is refused unread
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.styles.numbers import is_datetime
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import Fault, Refused
from core.language import Words, say

REASONS = Words("未导入原因", "Why it was left out")  # the column that a file of left-out rows has more
ACTIVE = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a text that begins so for a formula
MOST_UNPACKED = 500 * 1024**2  # bytes of an Excel file once unpacked
MOST_PACKED = 100  # times that honest tables are never packed smaller than ...
SMALL = 10 * 1024**2  # ... looked at only beyond so many bytes
MOST_COLUMNS, MOST_EMPTY = 1_000, 50_000  # columns, and empty rows one after the other, that no honest table has


@dataclass
class Sheet:
    """A table as it was read: `rows` are (number as a spreadsheet counts, cells in the order of `headers`)."""

    path: Path
    kind: str  # csv or xlsx
    headers: list
    rows: list
    encoding: str = ""
    delimiter: str = ","


class Unreadable(str):
    """A cell that no value can be taken from, with the sentence that says why."""

    why = ""

    @classmethod
    def because(cls, text, why):
        cell = cls(text)
        cell.why = why
        return cell


def read(path):
    """The Sheet of a file. Raises Refused where it is missing, empty, of another kind or in another encoding."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refused(path, "读不了这个文件:{why}", "cannot be read: {why}", why=error.strerror) from error
    if not content.strip():
        raise refused(path, "文件是空的,第一行应为列名", "the file is empty; its first row names the columns")
    sheet = _excel(path, content) if content[:4] == b"PK\x03\x04" else _csv(path, content)
    return _with_names(sheet)


def refused(path, zh, en, **values):
    """A Refused about a file."""
    return Refused(Fault(Path(path).name, say(zh, en, **values), "file"))


def _csv(path, content):
    text, encoding = _decoded(path, content)
    delimiter = max(",\t;", key=text.partition("\n")[0].count)
    try:
        read_rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise refused(
            path,
            "不是完整的 CSV:{why}。请检查引号是否成对,或另存为“CSV UTF-8”再导入",
            'not a whole CSV: {why}. See that quotes come in pairs, or save it anew as "CSV UTF-8"',
            why=error,
        ) from error
    rows = [(number, cells) for number, cells in enumerate(read_rows, 1) if any(cells)]
    for _, cells in rows:
        for place, cell in enumerate(cells):
            if cell[:1] == "'" and cell.lstrip("'").startswith(ACTIVE):  # as our own exports write it
                cells[place] = cell[1:]
    return Sheet(path, "csv", rows[0][1] if rows else [], rows[1:], encoding, delimiter)


def _decoded(path, content):
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    elif b"\0" in content:
        raise refused(
            path,
            "这不是 CSV 或 Excel(.xlsx)文件。旧版 .xls 请先用 Excel 另存为 .xlsx",
            "this is neither CSV nor Excel (.xlsx). Save an old .xls as .xlsx first",
        )
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise refused(
        path,
        "文字编码既不是 UTF-8 也不是 GBK,无法读取。请用 Excel 打开后另存为“CSV UTF-8”",
        'the text is neither UTF-8 nor GBK. Open it in Excel and save it as "CSV UTF-8"',
    )


def _excel(path, content):
    try:
        if _is_bomb(content):
            raise refused(
                path,
                "Excel 文件解压后异常庞大,已拒绝读取。请分成几个较小的文件再导入",
                "the Excel file unpacks to far more than a table has, and was not read. Split it into smaller files",
            )
        if _declares(content):
            raise refused(
                path,
                "Excel 文件里有 DOCTYPE 声明,正常的表格没有,已拒绝读取",
                "the Excel file holds a DOCTYPE, which no honest table has, and was not read",
            )
        book = load_workbook(io.BytesIO(content), read_only=True)
        sheet = book.worksheets[0]
        rows = list(_filled(path, sheet))
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError, ParseError) as error:
        raise refused(
            path,
            "Excel 文件已损坏或不是 .xlsx,无法打开。请用 Excel 打开后另存为 .xlsx",
            "the Excel file is damaged or no .xlsx. Open it in Excel and save it as .xlsx",
        ) from error
    headers = [str(cell).strip() for cell in rows[0][1]] if rows else []
    return Sheet(path, "xlsx", headers, rows[1:])


def _is_bomb(content):
    """Whether a packed file says that it unpacks to more than can be meant; no part can give more than it says."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(part.file_size for part in archive.infolist())
    return size > MOST_UNPACKED or (size > SMALL and size > MOST_PACKED * len(content))


def _declares(content):
    """Whether a part of a packed file declares a document type, and so could declare entities; in any encoding."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.infolist():
            if part.filename.lower().endswith((".xml", ".rels")) and _begins_with_doctype(archive, part):
                return True
    return False


def _begins_with_doctype(archive, part):
    found, parser = [], expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: found.append(True)
    parser.StartElementHandler = lambda *_: found.append(False)
    with archive.open(part) as file, suppress(expat.ExpatError):
        while not found and (piece := file.read(4096)):
            parser.Parse(piece)
    return any(found[:1])


def _filled(path, sheet):
    """The rows that hold something, as (number, cells). What the sheet says of its own size is not believed."""
    sheet.reset_dimensions()
    last = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = _cells(row) if row else row
        if number - last > MOST_EMPTY or len(cells) > MOST_COLUMNS:
            raise refused(
                path,
                "第 {number} 行处表格异常庞大:超过 {columns} 列,或连续 {empty} 个空行。请删去远处的单元格和空行再导入",
                "the table is far too large at row {number}: more than {columns} columns, or {empty} empty rows one after "
                "the other. Delete the cells and the empty rows far out",
                columns=MOST_COLUMNS,
                empty=MOST_EMPTY,
                number=number,
            )
        if any(cell != "" for cell in cells):
            last = number
            yield number, cells


def _cells(row):
    cells = [_excel_value(cell) for cell in row]
    while cells and cells[-1] == "":
        cells.pop()
    return cells


def _excel_value(cell):
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        why = say("这是公式,请改为“粘贴为值”", "this is a formula: paste it as a value")
        return Unreadable.because(str(getattr(value, "text", value)), why)
    if cell.data_type == "e":
        return Unreadable.because(str(value), say("这是 Excel 的出错值,请改正", "this is an error of Excel: mend it"))
    if isinstance(value, datetime) and is_datetime(cell.number_format or "") == "date":
        return value.date()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _with_names(sheet):
    """The sheet with clean column names and rows of their length; the column of reasons of an earlier try is dropped."""
    names = [name.strip() for name in sheet.headers]
    while names and not names[-1]:
        names.pop()
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        raise refused(
            sheet.path,
            "列名重复:{names}。每列的名称应各不相同",
            "column names occur twice: {names}. Give each column a name of its own",
            names="、".join(doubled),
        )
    if not any(names) or not sheet.rows:
        raise refused(
            sheet.path,
            "没有数据:第一行应为列名,其下每行一条记录",
            "there is nothing in it: the first row names the columns, each row below is a record",
        )
    keep = [place for place, name in enumerate(names) if name and name not in (REASONS.zh, REASONS.en)]
    whole = keep == list(range(len(names)))
    sheet.headers = names if whole else [names[place] for place in keep]
    rows, width = [], len(names)
    for number, cells in sheet.rows:
        if len(cells) != width:
            cells = _of_width(cells, width)
        rows.append((number, cells if whole else [cells[place] for place in keep]))
    sheet.rows = rows
    return sheet


def _of_width(cells, width):
    if any(cell != "" for cell in cells[width:]):
        why = say(
            "这一行有 {found} 格,表头只有 {width} 列,多出的在 {letter} 列起。含逗号的内容须加引号",
            "this row has {found} cells and the header {width}, from column {letter} on. Quote what has commas in it",
            found=len(cells),
            width=width,
            letter=get_column_letter(width + 1),
        )
        return [Unreadable.because(str(cells[0]), why), *cells[1:width]]
    return [*cells[:width], *[""] * (width - len(cells))]
