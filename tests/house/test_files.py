"""A file that is made to harm whoever opens it is refused at the import, at once and in words."""

import io
import re
import tracemalloc
import zipfile

import pytest
from openpyxl import Workbook

from core.errors import Refused
from core.language import speaking
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


def laughing(xml):
    root = re.sub(rb"^<\?xml[^>]*>", b"", xml).replace(
        b"</row>", b'<c t="inlineStr"><is><t>&l11;</t></is></c></row>', 1
    )
    return f'<!DOCTYPE worksheet [<!ENTITY l0 "lol">{LAUGHS}]>'.encode() + root


@pytest.mark.parametrize(
    "change, told",
    [
        pytest.param(lambda xml: xml + b" " * (60 * MEGABYTE), "unpacks to far more", id="a zip bomb"),
        pytest.param(laughing, "damaged or no .xlsx", id="entities within entities"),
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
