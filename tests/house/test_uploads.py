"""What people attach is judged by name, kind, size and content on every route that takes a file, and is only ever given back."""

import ast
import inspect
import io
import re
import unicodedata
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from itsdangerous import URLSafeTimedSerializer

import core
import plugins
from core.attachments import KINDS, Attachment
from core.plugins import registry
from core.screens.guard import BESIDE, DOWNLOAD
from tests.house.conftest import NOW
from tests.house.routes import addresses

pytestmark = pytest.mark.pure

PDF = b"%PDF-1.7\n"


def office(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", *names):
            archive.writestr(name, "<x/>")
    return buffer.getvalue()


HARMFUL = [  # name, content, why
    ("证据.pdf", b"<html><script>alert(1)</script>", "a web page that says it is a PDF"),
    ("证据.pdf", b"\n<script>1</script>%PDF-1.7", "a web page with a PDF further down"),
    ("照片.jpg", b"MZ\x90\x00\x03", "a program that says it is a picture"),
    ("照片.jpg", b"GIF89a/*\xff\xd8\xff*/=1;alert(1)", "a GIF that is a script too, and says it is a JPEG"),
    ("照片.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "a drawing with a script as a PNG"),
    ("图.svg", b"<svg onload='alert(1)'/>", "a drawing with a script"),
    ("页.html", b"<script>", "a web page"),
    ("页.pdf.html", PDF, "a PDF with the name of a web page"),
    ("程序.exe", b"MZ\x90\x00", "a program"),
    ("程序.pdf\u202efdp.exe", b"MZ\x90\x00", "a program whose name is shown backwards"),
    ("表.xlsx", office("xl/workbook.xml", "xl/vbaProject.bin"), "a workbook with macros that says it has none"),
    ("表.xlsm", office("xl/workbook.xml", "xl/vbaProject.bin"), "a workbook with macros"),
    ("文.docx", office("word/document.xml", "word/VBAPROJECT.BIN"), "a document with macros, spelt otherwise"),
    ("表.xlsx", PDF, "a PDF that says it is a workbook"),
    ("表.xlsx", b"PK\x03\x04 no archive", "a damaged workbook"),
    ("包.zip", office("xl/workbook.xml"), "an archive"),
    ("文.txt", b"a\0b", "something that is no text"),
    ("空.pdf", b"", "nothing"),
    ("", PDF, "a file without a name"),
    ("..", PDF, "a name that is a folder"),
]
NAMES = [  # as sent, as kept
    ("报告 2026(终).pdf", "报告 2026(终).pdf"),
    (unicodedata.normalize("NFD", "Émile-がぎ-한글.pdf"), "Émile-がぎ-한글.pdf"),
    ("𠮷野家😀.pdf", "𠮷野家😀.pdf"),
    ("../../etc/cron.d/任务.pdf", "任务.pdf"),
    ("C:\\\\Users\\\\王\\\\..\\\\证据.pdf", "证据.pdf"),  # a backslash comes doubled in a form
    ("证\u202e据\u200b\u0007.pdf", "证据.pdf"),
    ("CON.pdf", "_CON.pdf"),
    ("aux .b.pdf", "_aux .b.pdf"),
    ("con据.pdf", "con据.pdf"),
    ("a;b='c'd%41.pdf", "a;b='c'd%41.pdf"),
    (" .隐藏.pdf", "隐藏.pdf"),
    ("长" * 400 + ".pdf", "长" * 197 + ".pdf"),
]


def taking_files(app):
    """The endpoints whose view reads a file from its request, whatever it is called."""
    return sorted(name for name, view in app.view_functions.items() if "request.files" in _source(view))


def _source(view):
    view = inspect.unwrap(view)
    return inspect.getsource(view) if inspect.isfunction(view) else ""


def doors(app, filled):
    """(address, row) of every route that takes a file, one row for each record type."""
    endpoints, found = set(taking_files(app)), {}
    for rows in filled.values():
        for rule, method, path in addresses(app, rows[0]):
            if rule.endpoint in endpoints and method == "POST":
                found.setdefault(rule.endpoint, (path, rows[0]))
    assert set(found) == endpoints
    return list(found.values())


def send(client, path, name, content):
    return client.send(path, {"file": (io.BytesIO(content), name)})


@pytest.fixture
def root(sign_in, filled):
    return sign_in("root", NOW)


def attached():
    return Attachment.select().count()


def test_each_record_type_takes_files_and_no_file_is_read_but_in_a_view(app):
    assert {e.split(".")[0] for e in taking_files(app)} >= {f"records_{name}" for name in registry().models}
    seen = {inspect.unwrap(app.view_functions[endpoint]).__code__.co_filename for endpoint in taking_files(app)}
    for package in (core, plugins):
        for path in Path(next(iter(package.__path__))).rglob("*.py"):
            reads = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)]
            reads = [n for n in reads if n.attr == "files" and getattr(n.value, "id", "") == "request"]
            assert not reads or str(path) in seen, f"{path} reads a file where no test looks"


def test_what_is_not_what_its_name_says_or_could_run_is_refused_on_every_route(app, root, filled):
    before, asked, found = attached(), set(), doors(app, filled)
    for n, (path, _) in enumerate(found):
        for each in range(7):  # each route is asked some, and all together every one
            name, content, why = HARMFUL[(7 * n + each) % len(HARMFUL)]
            assert send(root, path, name, content).status_code == 422, (path, why)
            asked.add(why)
    assert attached() == before and len(found) >= len(registry().models) and len(asked) == len(HARMFUL)


def test_a_refused_file_is_told_why(app, root, filled):
    path, _ = doors(app, filled)[0]
    assert "内容不是 pdf 文件" in send(root, path, *HARMFUL[0][:2]).text
    assert "只收这些类型" in send(root, path, "程序.exe", b"MZ").text


def test_a_file_comes_back_as_a_download_that_no_browser_opens_on_every_route(app, root, filled):
    for path, row in doors(app, filled):
        assert send(root, path, "报告.pdf", PDF + b"<script>alert(1)</script>").status_code == 303, path
        kept = Attachment.select().order_by(Attachment.id.desc()).first()
        assert (kept.record, kept.record_id) == (row._meta.record, row.id)
        given = root.get(f"{path}/{kept.id}")
        assert given.data == PDF + b"<script>alert(1)</script>"
        _is_download(given)


def _is_download(given):
    assert given.headers["Content-Disposition"].startswith("attachment;")
    assert given.mimetype == "application/octet-stream"
    assert given.headers["X-Content-Type-Options"] == "nosniff"
    assert given.headers["Content-Security-Policy"] == DOWNLOAD and "sandbox" in DOWNLOAD


def test_names_in_any_script_survive_and_are_safe_on_any_disk(app, root, filled, settings):
    path, _ = doors(app, filled)[0]
    for sent, kept in NAMES:
        assert send(root, path, sent, PDF).status_code == 303, sent
        file = Attachment.select().order_by(Attachment.id.desc()).first()
        assert file.name == kept
        header = root.get(f"{path}/{file.id}").headers["Content-Disposition"]
        assert header.isascii() and _file_name(header) == kept
    assert all(
        re.fullmatch("[0-9a-f]{64}", p.name) for p in settings.files.iterdir()
    )  # by its digest, never by its name
    page = root.get(path.removesuffix("/files")).text
    assert [kept for _, kept in NAMES if kept.replace("'", "&#39;") not in page] == []


def _file_name(header):
    """The name as a browser reads it (RFC 6266): filename* before filename."""
    extended = re.search(r"filename\*=UTF-8''([^;]+)", header)
    return unquote(extended[1]) if extended else re.search(r'filename="?([^"]*)"?$', header)[1]


@pytest.mark.parametrize("more, status", [(0, 303), (1, 422)])
def test_the_size_limit_is_exact_to_the_byte(app, root, filled, settings, more, status):
    path, _ = doors(app, filled)[0]
    largest = settings.upload_megabytes * 1024 * 1024
    answer = send(root, path, "大.pdf", PDF + b"x" * (largest - len(PDF) + more))
    assert answer.status_code == status
    assert status == 303 or f"{settings.upload_megabytes} MB" in answer.text


@pytest.mark.parametrize("is_large, status", [(False, 303), (True, 413)])
def test_a_body_that_does_not_say_its_length_is_measured_as_it_comes(app, root, filled, is_large, status):
    path, _ = doors(app, filled)[0]
    app.config["MAX_CONTENT_LENGTH"] = BESIDE
    before, boundary = attached(), "b"
    with root.session_transaction() as session:
        session["csrf_token"] = "t"
    token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("t")
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'.encode(),
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'.encode(),
        PDF + b"x" * (2 * BESIDE if is_large else 100),
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    answer = root.open(
        path,
        method="POST",
        input_stream=io.BytesIO(b"".join(parts)),
        content_type=f"multipart/form-data; boundary={boundary}",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    assert (answer.status_code, attached() - before) == (status, int(status == 303))


def test_a_file_lies_where_no_route_leads_and_cannot_be_run(app, root, filled, settings):
    path, _ = doors(app, filled)[0]
    send(root, path, "证据.pdf", PDF)
    file = Attachment.select().order_by(Attachment.id.desc()).first()
    lies = settings.files / file.sha256
    assert lies.read_bytes() == PDF and not lies.stat().st_mode & 0o111 and not lies.suffix
    for address in (f"/static/{file.sha256}", f"/files/{file.sha256}", "/static/../files/" + file.sha256):
        assert root.get(address).status_code == 404


def test_every_kind_that_is_taken_has_a_content_of_its_own():
    assert len(KINDS) >= 5
    for kind, judge in KINDS.items():
        assert not judge(b"\0MZ nothing of any kind"), kind
