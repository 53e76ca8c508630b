"""An export shows what its reader may see, as people read it, and never as a formula."""

import csv
import io

import pytest
from openpyxl import Workbook, load_workbook

from core.errors import NoActor, NotFound, Refused
from core.forms import publish
from core.language import speaking
from core.testing import branch, console, local
from core.transfer import export
from core.transfer.cells import guarded, in_excel
from plugins.cases.models import Complaint
from plugins.customers.models import Customer

NOON = "2025-03-10 12:00"


@pytest.fixture
def rows(actor):
    """Export for a login and read it back: rows(login, model, query, kind) is [{header: text}]."""

    def rows(login, model=Complaint, query=None, kind="csv", language="en", purpose=""):
        with speaking(language):
            content = b"".join(export(actor(login, NOON), model, query, kind, purpose))
        if kind == "csv":
            return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        header, *lines = load_workbook(io.BytesIO(content)).active.iter_rows()
        return [dict(zip([cell.value for cell in header], line, strict=True)) for line in lines]

    return rows


@pytest.fixture
def complaint(record, actor):
    alice = actor("alice", "2025-03-10 10:00")
    customer = record("customer", alice, name="王小明", phone="+86 13812345678")
    return record("complaint", alice, customer=customer.id, channel="email", class_="simple", content='=cmd|"x"!A0')


def test_values_stand_as_people_read_them(rows, complaint):
    [row] = rows("bob")
    assert (row["Branch"], row["State"], row["Channel"], row["Owner"]) == ("TJ", "Received", "Email", "alice")
    assert (row["Department"], row["Customer"]) == ("KF", complaint.customer.number)
    assert row["Happened at" if "Happened at" in row else "接到时间"] == "2025-03-10 10:00:00"
    [row] = rows("bob", language="zh")
    assert (row["状态"], row["渠道"], row["类别"], row["投诉内容"][:2]) == ("已接收", "邮件", "简单", "'=")


@pytest.mark.pure
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_text_comes_out_as_a_formula(text):
    page = Workbook(write_only=True).create_sheet()
    assert guarded(text) == "'" + text
    assert in_excel(page, text).data_type == "s"
    assert (guarded(-1), in_excel(page, -1)) == ("-1", -1)  # a number is one


def test_a_formula_that_somebody_typed_stays_text_in_excel(rows, complaint):
    [row] = rows("bob", kind="xlsx")
    assert (row["Content"].value, row["Content"].data_type) == ('=cmd|"x"!A0', "s")
    assert row["Number"].value == complaint.number


def test_added_questions_are_exported(rows, record, actor, complaint):
    asked = {"key": "plate", "kind": "text", "label": {"zh": "车牌", "en": "Plate"}}
    publish(console(local("2025-03-10 11:00")), "complaint", branch(), [asked])
    record("complaint", actor("alice", NOON), x_plate="津A12345")
    assert [row["Plate"] for row in rows("bob")] == ["", "津A12345"]


def test_personal_values_are_masked_unless_the_reader_may_see_them_and_says_why(rows, complaint):
    assert rows("bob", Customer, purpose="回访")[0]["Name"] == "王小明"
    for login, purpose in (("bob", ""), ("carol", ""), ("carol", "回访")):
        masked = rows(login, Customer, purpose=purpose)[0]
        assert (masked["Name"], masked["Phone"]) == ("王**", "'+86**********78")


def test_rows_of_other_branches_do_not_come_out(rows, record, actor, complaint):
    record("complaint", actor("frank", NOON), code="BJ", content="北京")
    assert [row["Branch"] for row in rows("bob", query=Complaint.select())] == ["TJ"]
    assert {row["Branch"] for row in rows("grace")} == {"BJ"}


def test_who_may_not_export_gets_nothing(rows, complaint):
    with pytest.raises(NotFound, match="may export"):
        rows("alice")
    with pytest.raises(NoActor):
        export(None, Complaint)
    with pytest.raises(Refused, match="csv, xlsx"):
        rows("bob", kind="pdf")


def test_a_long_export_comes_page_by_page(rows, record, actor, monkeypatch):
    monkeypatch.setattr("core.transfer.exporting.PAGE", 2)
    numbers = [record("complaint", actor("alice", NOON)).number for _ in range(5)]
    assert [row["Number"] for row in rows("bob")] == numbers
