"""A file that cannot be read is refused with what to do; one that can is read in whatever form offices keep it."""

import io
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from core.errors import Refused
from core.language import speaking
from core.transfer.reading import read

pytestmark = pytest.mark.pure


def excel(*rows):
    book, buffer = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def put(folder, content, name="file.csv"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content, told",
    [
        pytest.param(b"", "the file is empty", id="an empty file"),
        pytest.param(b"\xef\xbb\xbf \r\n", "the file is empty|there is nothing in it", id="nothing but blanks"),
        pytest.param(b"number,content\n", "there is nothing in it", id="a header without rows"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither CSV nor Excel", id="a picture"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "Save an old .xls as .xlsx", id="an old Excel file"),
        pytest.param(b"PK\x03\x04 no workbook", "damaged or no .xlsx", id="a damaged Excel file"),
        pytest.param("number,content\n1,café,\n".encode("latin-1"), "neither UTF-8 nor GBK", id="a Western encoding"),
        pytest.param(b'number,content\n1,"open\n', "not a whole CSV", id="a quote that is never closed"),
        pytest.param(b"number,number\n1,2\n", "column names occur twice: number", id="the same column twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(tmp_path, content, told):
    with speaking("en"), pytest.raises(Refused) as refused:
        read(put(tmp_path, content))
    fault = refused.value.faults[0]
    assert fault.field == "file.csv" and any(part in fault.message for part in told.split("|"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Refused, match="none.csv"):
        read(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("编号,内容\n1,理赔太慢\n".encode(), id="UTF-8"),
        pytest.param("编号,内容\n1,理赔太慢\n".encode("utf-8-sig"), id="UTF-8 with a mark, as Excel saves it"),
        pytest.param("编号,内容\r\n1,理赔太慢\r\n".encode("gbk"), id="GBK"),
        pytest.param("编号\t内容\n1\t理赔太慢\n".encode("utf-16"), id="Unicode text with tabs, as Excel saves it"),
        pytest.param("编号;内容\n\n1;理赔太慢\n;\n".encode(), id="semicolons, with empty rows between"),
        pytest.param(excel(["编号", "内容"], [1, "理赔太慢"], [None, None]), id="Excel"),
    ],
)
def test_the_forms_in_which_offices_keep_tables_are_read_alike(tmp_path, content):
    sheet = read(put(tmp_path, content))
    assert sheet.headers == ["编号", "内容"]
    assert [[str(cell) for cell in cells] for _, cells in sheet.rows] == [["1", "理赔太慢"]]


def test_rows_are_numbered_as_a_spreadsheet_counts_them(tmp_path):
    sheet = read(put(tmp_path, b'number,content\n1,"two\nlines"\n\n2,x\n'))
    assert [number for number, _ in sheet.rows] == [2, 4]


def test_cells_of_excel_keep_their_kind(tmp_path):
    book = Workbook()
    book.active.append(["day", "moment", "number", "formula", "wrong"])
    book.active.append([date(2026, 3, 5), datetime(2026, 3, 5, 14, 30), 7.0, "=1+1", "#N/A"])
    book.active["E2"].data_type = "e"
    book.save(tmp_path / "file.xlsx")
    with speaking("en"):
        [(_, cells)] = read(tmp_path / "file.xlsx").rows
    assert cells[:3] == [date(2026, 3, 5), datetime(2026, 3, 5, 14, 30), 7]
    assert "paste it as a value" in cells[3].why and "error of Excel" in cells[4].why


def test_a_row_with_more_cells_than_columns_says_so(tmp_path):
    with speaking("en"):
        [(_, cells)] = read(put(tmp_path, b"number,content\n1,slow, very slow\n")).rows
    assert "3 cells and the header 2, from column C" in cells[0].why
