"""An import: what is there stays, what is wrong is told by row and column, and history floods nobody."""

import logging
import os
from datetime import date

import pytest
from openpyxl import Workbook, load_workbook

from core import audit, records
from core.clocks import Clock
from core.errors import Denied, Refused, SwitchedOff
from core.findings import Finding
from core.forms import publish
from core.language import speaking
from core.notices import Notice
from core.records.model import Batch
from core.testing import branch, console, local, work
from core.transfer import export, import_file, template
from plugins.cases.models import Complaint
from plugins.customers.models import Customer

NOW = "2025-03-10 10:00"  # a Monday
HEADER = "No,Received,Closed,Why,Kind\n"
MAPPING = """
record = "complaint"
number = "No"
others = "source_row"
gaps = ["accepted_at", "first_contact_at", "details", "findings", "measure", "result"]
[state]
column = "Closed"
filled = "closed"
empty = "received"
[fields]
happened_at = { column = "Received", format = "%m/%d/%Y" }
result_told_at = { column = "Closed", format = "%m/%d/%Y" }
closed_at = { column = "Closed", format = "%m/%d/%Y" }
class = { column = "Why", split = "; ", one = "simple", several = "complex" }
cause = { column = "Why", split = "; ", contains = "Delays", then = "timeliness", otherwise = "other" }
customer = { placeholder = "无名客户" }
owner = { responsible = "customer_service" }
"""
GOOD = "A1,1/6/2025,1/13/2025,Delays,x\nA2,1/6/2025,1/21/2025,Rates; Delays,y\nA3,2/3/2025,,Rates,z\n"


@pytest.fixture
def bring(tmp_path, actor):
    """Import text as a CSV with the mapping: bring(content, login, **options)."""

    def bring(content, login="bob", at=NOW, mapping=MAPPING, name="f.csv", code="TJ", encoding="utf-8", **options):
        path, told = tmp_path / name, tmp_path / "m.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        told.write_text(mapping or "", encoding="utf-8")
        by = actor(login, at) if login else console(local(at))
        with speaking("en"):
            return import_file(by, Complaint, path, branch(code), told if mapping else None, **options)

    return bring


def errors(result):
    return [(e["row"], e["column"], e["value"]) for e in result.errors]


def test_rows_come_in_with_the_state_they_had_reached(bring, actor):
    assert bring(HEADER + GOOD).created == 3
    first, second, third = Complaint.select().order_by(Complaint.number)
    assert (first.state, first.class_, first.cause, first.owner.login) == ("closed", "simple", "timeliness", "bob")
    assert (second.class_, third.state, third.cause) == ("complex", "received", "other")
    assert first.source_row == {"Why": "Delays", "Kind": "x"}
    assert first.customer_id == third.customer_id and first.customer.name == "无名客户"
    assert not audit.verify()


def test_days_without_an_hour_stay_days(bring, actor):
    bring(HEADER + GOOD)
    first = Complaint.get(Complaint.number == "A1")
    assert first.is_day_only("happened_at") and first.is_day_only("result_told_at")
    shown = records.as_json(first, actor("bob", NOW))
    assert (shown["happened_at"], shown["closed_at"]) == ("2025-01-06", "2025-01-13")


def test_clocks_are_judged_where_the_source_has_both_moments_and_not_started_where_it_does_not(bring):
    bring(HEADER + GOOD)
    told = {(c.record_id, c.stop, c.state) for c in Clock.select()}
    ids = {row.number: row.id for row in Complaint.select()}
    assert told == {
        (ids["A1"], "result_told_at", "met"),  # 5 business days from 6 January: the 13th
        (ids["A2"], "result_told_at", "late"),  # 10 business days: the 20th
        (ids["A3"], "result_told_at", "red"),
    }


def test_history_floods_nobody(bring):
    bring(HEADER + GOOD)
    assert work(NOW) == {"yellow": 0, "red": 0}
    assert Finding.select().count() == 0
    [notice] = Notice.select()
    assert notice.person.login == "bob" and "有 1 件客户投诉尚未办结" in notice.text["zh"]


def test_what_is_not_due_yet_is_warned_of_when_it_is(bring):
    bring(HEADER + "A1,3/7/2025,,Delays,x\n")
    assert work("2025-03-14 17:30:01") == {"yellow": 0, "red": 1}  # 5 business days from Friday the 7th


def test_gaps_lift_exactly_what_the_mapping_declares_on_the_rows_that_lack_it(bring, actor):
    bring(HEADER + GOOD)
    first, _, third = Complaint.select().order_by(Complaint.number)
    assert "first_contact_at" in first.gaps and "result_told_at" not in third.gaps
    fewer = MAPPING.replace('"details", ', "")
    result = bring(HEADER + "B1,1/6/2025,1/13/2025,Delays,x\n", mapping=fewer)
    assert errors(result) == [(2, "details", "")] and "is needed" in result.errors[0]["message"]
    told = MAPPING.replace("[fields]", '[fields]\ndetails = { column = "Kind" }')
    bring(HEADER + "B2,1/6/2025,1/13/2025,Delays,what was said\n", mapping=told)
    assert "details" not in Complaint.get(Complaint.number == "B2").gaps


def test_the_same_file_again_changes_nothing(bring):
    bring(HEADER + GOOD)
    before = audit.heads()
    again = bring(HEADER + GOOD)
    assert (again.created, again.unchanged, again.errors) == (0, 3, [])
    assert audit.heads() == before and Complaint.select().count() == 3


def test_a_number_that_is_there_with_other_values_is_an_error(bring):
    bring(HEADER + GOOD)
    result = bring(HEADER + "A1,1/7/2025,1/13/2025,Delays,x\nA4,1/7/2025,,Rates,x\n")
    assert errors(result) == [(2, "No", "A1")] and result.created == 0
    assert "other values: Happened at" in result.errors[0]["message"] or "接到时间" in result.errors[0]["message"]
    assert Complaint.select().count() == 3


def test_within_a_file_the_first_row_of_a_number_wins(bring, tmp_path):
    twice = HEADER + "A1,1/6/2025,,Delays,x\nA1,1/7/2025,,Delays,y\nA2,1/7/2025,,Delays,y\n"
    assert bring(twice).created == 0
    result = bring(twice, skip_errors=True)
    assert (result.created, errors(result)) == (2, [(3, "No", "A1")])
    assert Complaint.get(Complaint.number == "A1").source_row["Kind"] == "x"


BAD = (
    HEADER
    + "A1,2025-01-06,,Delays,x\n,1/6/2025,,Delays,x\nA3,1/6/2025,1/5/2025,Delays,x\n"
    + "A4,1/6/2031,,Delays,x\nA5,1/6/2025,1/7/2025,,x\nA6,1/6/2025,,Delays,x\n"
)
FOUND = [
    (2, "Received", "2025-01-06"),
    (3, "No", ""),
    (4, "Closed", "1/5/2025"),
    (4, "Closed", "1/5/2025"),
    (5, "Received", "1/6/2031"),
    (6, "Why", ""),
    (6, "Why", ""),
]


def test_every_wrong_cell_is_told_by_row_column_and_value_and_one_imports_nothing(bring):
    result = bring(BAD)
    assert errors(result) == FOUND and result.created == 0 and result.left_out_file is None
    assert "write it like 03/25/2026" in result.errors[0]["message"]
    assert Complaint.select().count() == Customer.select().count() == Batch.select().count() == 0


def test_rows_left_out_are_written_with_their_reasons_and_come_in_once_mended(bring, tmp_path):
    result = bring(BAD, skip_errors=True)
    assert (result.created, errors(result)) == (1, FOUND)
    assert result.left_out_file == str(tmp_path / "f.left-out.csv")
    left = (tmp_path / "f.left-out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert left[0] == HEADER.strip() + ",Why it was left out" and len(left) == 6
    assert left[1].startswith("A1,2025-01-06,,Delays,x,") and "write it like" in left[1]
    mended = "\n".join([left[0], left[1].replace("2025-01-06", "1/6/2025")]) + "\n"
    assert bring(mended, name="f.left-out.csv").created == 1
    assert Complaint.get(Complaint.number == "A1").source_row == {"Why": "Delays", "Kind": "x"}


def test_an_earlier_file_of_left_out_rows_is_not_overwritten(bring, tmp_path):
    bring(BAD, skip_errors=True)
    assert bring(BAD, skip_errors=True).left_out_file == str(tmp_path / "f.left-out-2.csv")


def test_rows_left_out_go_to_the_data_folder_where_the_file_lies_read_only(bring, tmp_path, monkeypatch):
    monkeypatch.setenv("ZHIXING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert bring(BAD, skip_errors=True).left_out_file == str(tmp_path / "home" / "f.left-out.csv")


def test_a_dry_run_finds_the_same_and_writes_nothing(bring, tmp_path):
    result = bring(BAD, skip_errors=True, dry_run=True)
    assert (result.created, errors(result), result.left_out_file) == (1, FOUND, None)
    assert Complaint.select().count() == Batch.select().count() == 0
    assert bring(HEADER + GOOD, dry_run=True).created == 3 and Customer.select().count() == 0


# ---- without a mapping, Excel, encodings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("happened_at,channel,content,class,department", id="by the names of the API"),
        pytest.param("接到时间,渠道,投诉内容,类别,部门", id="by Chinese labels"),
        pytest.param("接到时间,Channel,content,Class,DEPARTMENT", id="by English labels"),
    ],
)
def test_columns_are_known_by_their_names(bring, header):
    assert bring(header + "\n2025/3/7 14:30,电话,理赔太慢,复杂,LP\n", mapping=None, encoding="gbk").created == 1
    row = Complaint.get()
    assert row.happened_at == local("2025-03-07 14:30") and not row.is_day_only("happened_at")
    assert (row.channel, row.content, row.class_) == ("phone", "理赔太慢", "complex")
    assert (row.department.code, row.owner.login, row.number) == ("LP", "bob", "TSTJ-2025-00001")


def test_columns_that_are_no_fields_are_named(bring):
    with pytest.raises(Refused) as refused:
        bring("content,color,size\nx,1,2\n", mapping=None)
    assert ['"color"' in f.message or '"size"' in f.message for f in refused.value.faults] == [True, True]


def test_an_unknown_choice_or_person_or_branch_is_told_with_what_there_is(bring):
    result = bring("branch,channel,owner,content\nBJ,phone,amy,x\nTJ,smoke,nobody,x\n", mapping=None)
    assert errors(result) == [(2, "branch", "BJ"), (3, "channel", "smoke"), (3, "owner", "nobody")]
    assert "TJ is imported into" in result.errors[0]["message"] and "phone(" in result.errors[1]["message"]


def test_added_questions_are_imported_like_fields(bring, actor):
    asked = {"key": "plate", "kind": "text", "label": {"zh": "车牌", "en": "Plate"}, "required": True}
    publish(console(local("2025-03-01 09:00")), "complaint", branch(), [asked])
    assert bring("content,车牌\nx,津A12345\n", mapping=None).created == 1
    assert Complaint.get().extra == {"plate": "津A12345"}
    assert errors(bring("content,车牌\ny,\n", mapping=None)) == [(2, "车牌", "")]


def test_excel_comes_in_and_its_wrong_cells_are_marked(bring, tmp_path):
    book = Workbook()
    for row in (["No", "Received", "Closed", "Why", "Kind"], [17, date(2025, 1, 6), None, "Delays", 3],
                [18, "=TODAY()", None, "Delays", "x"], [19, "soon", None, "Delays", "=x"]):  # fmt: skip
        book.active.append(row)
    book.active["E4"].data_type = "s"
    book.save(tmp_path / "in.xlsx")
    result = bring((tmp_path / "in.xlsx").read_bytes(), name="f.xlsx", skip_errors=True)
    assert errors(result) == [(3, "Received", "=TODAY()"), (4, "Received", "soon")]
    assert Complaint.get().number == "17" and Complaint.get().source_row == {"Why": "Delays", "Kind": 3}
    left = load_workbook(result.left_out_file).active
    assert [cell.value for cell in left[1]][-1] == "Why it was left out"
    assert left["B3"].comment.text.startswith("no such day") and left["B3"].fill.fgColor.rgb == "FFFFC7CE"
    assert left["B2"].data_type == left["E3"].data_type == "s"  # no formula comes back to life


def test_a_template_offers_the_choices_and_can_be_filled_in(bring, actor, tmp_path):
    (tmp_path / "t.xlsx").write_bytes(template(actor("bob", NOW), Complaint, branch()))
    book = load_workbook(tmp_path / "t.xlsx")
    page = book["import"]
    headers = {cell.value: cell for cell in page[1]}
    offered = {str(v.sqref).split(":")[0]: v.formula1 for v in page.data_validations.dataValidation}
    channel = headers["渠道"]
    assert offered[f"{channel.column_letter}2"].startswith(f"choices!${channel.column_letter}$1")
    assert "2026-03-05 14:30" in headers["接到时间"].comment.text and "来源数据" not in headers
    page[f"{channel.column_letter}2"] = book["choices"][f"{channel.column_letter}3"].value
    book.save(tmp_path / "t.xlsx")
    assert bring((tmp_path / "t.xlsx").read_bytes(), name="t.xlsx", mapping=None).created == 1
    assert Complaint.get().channel == "wechat"


# ---- who may, and where ----------------------------------------------------------------------------------------------


def test_only_who_may_import_imports(bring):
    with pytest.raises(Denied, match="cases.complaint.import"):
        bring(HEADER + GOOD, login="alice")
    with pytest.raises(Denied):
        bring(HEADER + GOOD, login="bob", code="BJ")


def test_nothing_is_imported_where_the_plugin_is_off(bring):
    with pytest.raises(SwitchedOff):
        bring(HEADER + GOOD, login=None, code="GZ")


def test_the_console_imports_in_the_name_of_the_head_of_the_department(bring):
    bring(HEADER + GOOD, login=None)
    assert {row.owner.login for row in Complaint.select()} == {"bob"}


def test_the_trail_says_who_imported_what(bring):
    bring(HEADER + GOOD)
    batch = Batch.get()
    entries = [(e.actor, e.verb, e.changes) for e in audit.trail("batch", batch.id)]
    counts = {"created": [None, 3], "unchanged": [None, 0], "left_out": [None, 0]}
    assert entries == [("bob", "begin", {"source": [None, "f.csv"]}), ("bob", "finish", counts)]
    assert [e.verb for e in audit.trail("complaint", Complaint.get().id)] == ["create"]


def test_queries_do_not_grow_with_the_rows(bring, caplog):
    def queries(prefix, count):
        rows = "".join(f"{prefix}{n},1/{n % 28 + 1}/2025,,Delays,x\n" for n in range(count))
        with caplog.at_level(logging.DEBUG, "peewee"):
            caplog.clear()
            assert bring(HEADER + rows).created == count
            return len([r for r in caplog.records if r.name == "peewee"])

    queries("w", 1)  # the placeholder is made once
    assert queries("a", 10) == queries("b", 90)


def test_progress_is_told_from_none_to_all(bring):
    told = []
    rows = "".join(f"A{n},1/6/2025,,Delays,x\n" for n in range(450))
    bring(HEADER + rows, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 450) and told[-1] == (450, 450) and len(told) > 2 and told == sorted(told)


def test_what_was_exported_comes_back_unchanged(bring, actor, tmp_path):
    bring(HEADER + GOOD)
    bob = actor("bob", NOW)
    content = b"".join(export(bob, Complaint, None))
    again = bring(content, mapping=None)
    assert (again.created, again.unchanged, again.errors) == (0, 3, [])
