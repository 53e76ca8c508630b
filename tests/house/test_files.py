"""A file that is made to harm whoever opens it is refused at the import and the restore, at once and in words."""

import io
import json
import re
import shutil
import tracemalloc
import zipfile

import pytest
from openpyxl import Workbook

from core import backup
from core.errors import Refused
from core.language import speaking
from core.settings import Settings
from core.transfer.reading import read

pytestmark = pytest.mark.pure

MEGABYTE = 1024**2
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


def workbook(change):
    """An Excel file whose sheet is `change(its XML)`."""
    whole, made = io.BytesIO(), io.BytesIO()
    book = Workbook()
    for row in (["number", "content"], ["1", "x"]):
        book.active.append(row)
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith("sheet1.xml") else content)
    return made.getvalue()


def with_cells(*cells):
    """A change that puts rows of raw XML into the sheet."""
    rows = "".join(cells).encode()
    return lambda xml: re.sub(rb"<dimension[^>]*>", b"", xml).replace(b"</sheetData>", rows + b"</sheetData>")


def declaring(encoding):
    """A change that declares a document type, in an encoding that hides it from a search for the letters."""

    def change(xml):
        root = re.sub(r"^<\?xml[^>]*>", "", xml.decode())
        return f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE worksheet>{root}'.encode(encoding)

    return change


def laughing(xml):
    root = re.sub(rb"^<\?xml[^>]*>", b"", xml).replace(
        b"</row>", b'<c t="inlineStr"><is><t>&l11;</t></is></c></row>', 1
    )
    return f'<!DOCTYPE worksheet [<!ENTITY l0 "lol">{LAUGHS}]>'.encode() + root


@pytest.mark.parametrize(
    "change, told",
    [
        pytest.param(lambda xml: xml + b" " * (60 * MEGABYTE), "unpacks to far more", id="a zip bomb"),
        pytest.param(laughing, "holds a DOCTYPE", id="entities within entities"),
        pytest.param(declaring("utf-8"), "holds a DOCTYPE", id="a document type"),
        pytest.param(declaring("utf-16"), "holds a DOCTYPE", id="a document type in UTF-16"),
        pytest.param(
            with_cells('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
            "far too large",
            id="one cell in the far corner",
        ),
        pytest.param(
            with_cells(*(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(3, 3000))),
            "far too large",
            id="a column of cells far to the right",
        ),
        pytest.param(
            with_cells('<row r="999999999999"><c r="A999999999999"><v>1</v></c></row>'),
            "far too large",
            id="a row beyond all",
        ),
        pytest.param(lambda xml: xml[:-20], "damaged or no .xlsx", id="a sheet cut off"),
    ],
)
def test_a_file_that_unpacks_without_end_is_refused_in_words_within_bounded_memory(tmp_path, change, told):
    path = tmp_path / "表.xlsx"
    path.write_bytes(workbook(change))
    tracemalloc.start()
    try:
        with speaking("en"), pytest.raises(Refused, match=told):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 200 * MEGABYTE  # expat ends an expansion at some 130
    finally:
        tracemalloc.stop()


def test_a_table_that_says_it_is_larger_than_it_is_is_read_as_it_is(tmp_path):
    path = tmp_path / "表.xlsx"
    path.write_bytes(workbook(lambda xml: re.sub(rb'ref="[^"]*"', b'ref="A1:XFD1048576"', xml, count=1)))
    assert read(path).rows == [(2, ["1", "x"])]


@pytest.mark.parametrize(
    "content, told",
    [
        pytest.param(b"number,content\n1," + b"x" * 200_000 + b"\n", "not a whole CSV", id="a field without end"),
        pytest.param(b"number,content\n1,a\0b\n", "neither CSV nor Excel", id="a NUL"),
        pytest.param("number,content\n1,a\0b\n".encode("utf-16"), "neither UTF-8 nor GBK", id="a NUL in UTF-16"),
    ],
)
def test_a_csv_that_no_table_is_kept_as_is_refused(tmp_path, content, told):
    path = tmp_path / "表.csv"
    path.write_bytes(content)
    with speaking("en"), pytest.raises(Refused, match=told):
        read(path)


@pytest.fixture
def place(tmp_path):
    """An empty place to restore into."""
    home = tmp_path / "home"
    return Settings(home=home, database=f"sqlite:///{home}/x.db")


def packed(path, **parts):
    """A backup as its manifest says, with more parts in it."""
    manifest = {"format": 1, "version": "1", "database": "sqlite", "tables": {}, "migrations": {}, "files": 0}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"manifest.json": json.dumps(manifest), **parts}.items():
            archive.writestr(name, content)
    return path


def test_a_backup_that_unpacks_to_more_than_the_disk_holds_is_refused_before_a_byte_is_written(
    tmp_path, place, monkeypatch
):
    path = packed(tmp_path / "b.zip", **{"database.sqlite": b"", "files/bomb": b"\0" * 30 * MEGABYTE})
    assert path.stat().st_size < MEGABYTE
    monkeypatch.setattr("core.backup.shutil.disk_usage", lambda home: shutil._ntuple_diskusage(100, 80, 20 * MEGABYTE))
    with speaking("en"), pytest.raises(Refused, match="unpacks to 30 MB"):
        backup.restore(path, place, {})
    assert not list(place.home.iterdir())


def test_a_backup_whose_manifest_is_a_bomb_is_no_backup(tmp_path, place):
    path = packed(tmp_path / "b.zip", **{"manifest.json": b" " * 30 * MEGABYTE})
    with speaking("en"), pytest.raises(Refused, match="no whole backup"):
        backup.restore(path, place, {})


def test_a_backup_writes_no_file_outside_its_folder(tmp_path, place):
    names = ("files/../../out", "../out", "/files/out", "files//" + str(tmp_path / "out").lstrip("/"), "files/../out")
    path = packed(tmp_path / "b.zip", **{"database.sqlite": b"", **dict.fromkeys(names, b"x"), "files/in": b"x"})
    backup.restore(path, place, {})
    written = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert [name for name in written if not name.startswith("home/files/")] == ["b.zip", "home/x.db"]
    assert "home/files/in" in written
