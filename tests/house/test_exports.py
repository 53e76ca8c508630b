"""No text that leaves in a table is a formula there, on any path out, and each comes back as it was."""

import csv
import io

import pytest
from openpyxl import Workbook, load_workbook

from core.forms import publish
from core.language import speaking
from core.plugins import registry
from core.testing import branch, console
from core.transfer import export, left_out
from core.transfer.cells import guarded, in_excel
from core.transfer.reading import read
from core.transfer.templates import template
from tests.house.conftest import NOW
from tests.house.filling import Filling
from tests.house.routes import addresses

ACTIVE = "=+-@\t\r"  # said here anew: the list, not the program's
TEXTS = [
    *(sign + "1+1" for sign in ACTIVE),
    '=cmd|"/C calc"!A0',
    "'=1+1",
    "''=1+1",
    "'普通",
    "＝全角",
    "a=b",
    "-",
    "=",
    "'",
    "中文,“引号”\n换行",
]


def active(text):
    """Whether a spreadsheet would take the text of a CSV cell for a formula. A number is none."""
    try:
        float(text)
    except ValueError:
        return text[:1] != "" and text[0] in ACTIVE
    return False


class Formulas(Filling):
    """Rows all of whose texts begin like a formula, each sign in its turn."""

    def text(self, column, branch, n):
        plain = super().text(column, branch, n)
        return plain if column.kind == "phone" else (ACTIVE[n % 4] + plain)[: getattr(column, "max_length", None) or 60]


@pytest.fixture
def formulas(all_may):
    """Rows of every record type, full of formulas: {record name: [row]}."""
    filling = Formulas(NOW)
    rows = {name: [filling.record(model, branch()) for _ in range(4)] for name, model in registry().models.items()}
    assert len(rows) == len(registry().models) > 0
    return rows


def csv_cells(content):
    return [cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) for cell in row]


def excel_cells(content):
    book = load_workbook(io.BytesIO(content))
    return [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


def test_no_cell_of_any_route_that_gives_a_table_is_a_formula(app, sign_in, formulas):
    root, given, asked, guards = sign_in("root", NOW), set(), set(), 0
    for rows in formulas.values():
        for kind in ("csv", "xlsx"):
            for rule, method, path in addresses(app, rows[0], {"kind": kind}):
                way = (rule.endpoint, kind if "kind" in rule.arguments else "")
                if method != "GET" or way in asked:
                    continue
                asked.add(way)
                answer = root.get(path, buffered=True)
                name = answer.headers.get("Content-Disposition", "")
                if answer.status_code != 200 or not name.startswith("attachment"):
                    continue
                if answer.mimetype == "text/csv":
                    cells = csv_cells(answer.data)
                    assert cells and not list(filter(active, cells)), path
                    guards += sum(cell[:1] == "'" for cell in cells)
                    given.add(way)
                elif answer.data[:2] == b"PK":
                    assert not [cell for cell in excel_cells(answer.data) if cell.data_type == "f"], path
                    given.add(way)
    views = {endpoint.split(".")[0] for endpoint, _ in given}
    assert {f"records_{name}" for name in registry().models} <= views and guards > 0
    assert len({endpoint for endpoint, _ in given}) > len(registry().models)  # figures, heads of the trail ... too


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_text_of_every_record_type_leaves_as_text_and_comes_back_as_it_was(formulas, actor, tmp_path, kind):
    root, seen = actor("root", NOW), 0
    for name, rows in formulas.items():
        model = registry().models[name]
        with speaking("en"):
            content = b"".join(export(root, model, None, kind))
        if kind == "csv":
            assert not list(filter(active, csv_cells(content))), name
        else:
            assert not [cell for cell in excel_cells(content) if cell.data_type == "f"], name
        path = tmp_path / f"{name}.{kind}"
        path.write_bytes(content)
        back = {cell for _, cells in read(path).rows for cell in cells}
        texts = {row.__data__[c.name] for row in rows for c in model._meta.sorted_fields if _is_open_text(c)} - {None}
        assert texts <= back, name
        seen += len(texts)
    assert seen > len(formulas)


def _is_open_text(column):
    return (
        getattr(column, "kind", "") in ("text", "longtext")
        and column.name not in ("number", "state")
        and _shown(column)
    )


def _shown(column):
    return not getattr(column, "personal", None) and column.name not in ("stamps", "extra", "gaps")


def test_every_text_comes_back_from_csv_and_excel_as_it_was(tmp_path):
    book = Workbook(write_only=True)
    page, buffer = book.create_sheet(), io.StringIO()
    writer = csv.writer(buffer)
    for row in (["编号", "内容"], *([str(n), text] for n, text in enumerate(TEXTS))):
        page.append([in_excel(page, cell) for cell in row])
        writer.writerow(map(guarded, row))
    book.save(tmp_path / "表.xlsx")
    (tmp_path / "表.csv").write_bytes(buffer.getvalue().encode("utf-8-sig"))
    assert not list(filter(active, csv_cells((tmp_path / "表.csv").read_bytes())))
    assert [cells[1] for _, cells in read(tmp_path / "表.csv").rows] == TEXTS
    assert [cells[1] for _, cells in read(tmp_path / "表.xlsx").rows] == TEXTS


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_rows_left_out_are_written_without_formulas_and_read_again_as_they_were(tmp_path, kind):
    path = tmp_path / f"表.{kind}"
    headers, rows = ["=编号", "-内容"], [[f"{n}号", text] for n, text in enumerate(TEXTS)]
    if kind == "csv":
        buffer = io.StringIO()
        csv.writer(buffer).writerows([map(guarded, row) for row in (headers, *rows)])
        path.write_bytes(buffer.getvalue().encode("utf-8-sig"))
    else:
        book = Workbook(write_only=True)
        page = book.create_sheet()
        for row in (headers, *rows):
            page.append([in_excel(page, cell) for cell in row])
        book.save(path)
    sheet = read(path)
    errors = [{"row": number, "column": "-内容", "message": "=1+1"} for number, _ in sheet.rows]
    written = left_out.write(sheet, errors)
    if kind == "csv":
        assert not list(filter(active, csv_cells(written.read_bytes())))
    else:
        assert not [cell for cell in excel_cells(written.read_bytes()) if cell.data_type == "f"]
    again = read(written)
    assert (again.headers, [cells for _, cells in again.rows]) == (headers, rows)


def test_a_template_to_fill_in_holds_no_formula(actor, all_may):
    label = {"zh": "=1+1", "en": "=1+1"}
    asked = {"key": "k", "kind": "choice", "label": label, "choices": [{"word": "a", **label}]}
    publish(console(NOW), "complaint", branch(), [asked])
    for model in registry().models.values():
        cells = excel_cells(template(actor("root", NOW), model, branch()))
        assert cells and not [cell for cell in cells if cell.data_type == "f"], model
        if model._meta.record == "complaint":
            assert sum(cell.value == "=1+1" for cell in cells) == 2
