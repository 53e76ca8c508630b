"""zhixing import and export: files of records in and out."""

import csv
from pathlib import Path

import pytest

from core.audit import AuditEntry
from core.plugins import registry

MAPPING = Path("config/imports/tdi_complaints.toml").resolve()
HEAD = "编号,接到时间,投诉内容,责任人\n"
RIGHT = "A-1,2025-03-03 10:00,太慢,alice\nA-2,2025-03-04,没人回电,amy\n"
WRONG = "A-3,2025-13-40,日期不对,alice\nA-4,2025-03-05,没有此人,nobody\n"


@pytest.fixture
def file(tmp_path):
    def written(text, encoding="utf-8"):
        path = tmp_path / "complaints.csv"
        path.write_text(HEAD + text, encoding=encoding)
        return path

    return written


def _count():
    return registry().models["complaint"].select().count()


def test_a_file_comes_in_and_the_second_time_is_unchanged(zhixing, file):
    path = file(RIGHT, "gb18030")
    answer = zhixing("import", "complaint", path, "--branch", "TJ", "--json")
    assert answer.status == 0
    done = {"created": 2, "unchanged": 0, "refused": 0, "errors": [], "left_out_file": None, "dry_run": False}
    assert answer.rows == [done]
    again = zhixing("import", "complaint", path, "--branch", "TJ")
    assert (again.status, again.out.strip()) == (0, "新建 0,未变 2,拒绝 0")
    assert AuditEntry.select().where(AuditEntry.actor.startswith("console:"), AuditEntry.verb == "create").count() >= 2


def test_one_error_imports_nothing_and_every_error_is_told(zhixing, file):
    answer = zhixing("import", "complaint", file(RIGHT + WRONG), "--branch", "TJ")
    assert answer.status == 1
    assert [line.partition(",")[0] for line in answer.err.splitlines()] == ["第 4 行", "第 5 行"]
    assert "--skip-errors" in answer.out
    assert _count() == 0


def test_skipping_errors_leaves_them_in_a_file(zhixing, file):
    answer = zhixing("import", "complaint", file(RIGHT + WRONG), "--branch", "TJ", "--skip-errors", "--json")
    assert (answer.status, answer.rows[0]["created"], answer.rows[0]["refused"]) == (0, 2, 2)
    with open(answer.rows[0]["left_out_file"], encoding="utf-8-sig", newline="") as left:
        assert [row[0] for row in csv.reader(left)] == ["编号", "A-3", "A-4"]


def test_a_dry_run_writes_nothing(zhixing, file):
    answer = zhixing("import", "complaint", file(RIGHT), "--branch", "TJ", "--dry-run")
    assert (answer.status, "没有写入" in answer.out, _count()) == (0, True, 0)


@pytest.mark.parametrize(
    "words, told",
    [
        pytest.param(("nonsense", "{file}", "--branch", "TJ"), "现有:complaint, customer", id="an unknown record"),
        pytest.param(("complaint", "nowhere.csv", "--branch", "TJ"), "没有这个文件", id="no file"),
        pytest.param(
            ("complaint", "{file}", "--branch", "TJ", "--mapping", "nowhere.toml"), "没有这个文件", id="no mapping"
        ),
        pytest.param(("complaint", "{file}", "--branch", "XX"), "现有:BJ, GZ, HQ, TJ", id="an unknown branch"),
        pytest.param(("complaint", "{file}", "--branch", "GZ"), "未启用", id="a branch where it is off"),
        pytest.param(
            ("complaint", "{file}", "--branch", "TJ", "--as", "alice"), "cases.complaint.import", id="no permission"
        ),
        pytest.param(
            ("complaint", "{file}", "--branch", "TJ", "--mapping", str(MAPPING)),
            "Complaint number",
            id="no such column",
        ),
    ],
)
def test_what_cannot_be_imported_is_told(zhixing, file, words, told):
    path = file(RIGHT)
    answer = zhixing("import", *[str(path) if word == "{file}" else word for word in words])
    assert (answer.status, told in answer.err) == (1, True), answer.err


def test_what_was_imported_goes_out_again(zhixing, file, tmp_path):
    zhixing("import", "complaint", file(RIGHT), "--branch", "TJ")
    target = tmp_path / "out.csv"
    assert zhixing("export", "complaint", "--branch", "HQ", "--to", target).status == 0
    with target.open(encoding="utf-8-sig", newline="") as out:
        rows = list(csv.DictReader(out))
    assert [(row["机构"], row["编号"], row["责任人"]) for row in rows] == [("TJ", "A-1", "alice"), ("TJ", "A-2", "amy")]
    assert zhixing("export", "complaint", "--branch", "BJ", "--to", tmp_path / "none.csv").status == 0
    assert len((tmp_path / "none.csv").read_text(encoding="utf-8-sig").splitlines()) == 1
    assert zhixing("export", "complaint", "--branch", "HQ", "--to", tmp_path / "out.xlsx").status == 0
    assert (tmp_path / "out.xlsx").read_bytes()[:2] == b"PK"


def test_an_export_overwrites_nothing_and_knows_its_kinds(zhixing, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    assert zhixing("export", "complaint", "--branch", "TJ", "--to", tmp_path / "out.csv").status == 1
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert "csv, xlsx" in zhixing("export", "complaint", "--branch", "TJ", "--to", tmp_path / "out.pdf").err
    assert "现有:complaint" in zhixing("export", "nonsense", "--branch", "TJ").err
    assert zhixing("export", "complaint", "--branch", "TJ", "--as", "admin").status == 1
