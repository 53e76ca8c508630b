"""The archive of a plugin: what lies where it is off, read-only, under a permission of its own; and on again."""

import io

import pytest

from core import switches
from core.audit import AuditEntry

OFF = "2025-03-03 11:00"


@pytest.fixture
def complaint(record, actor, branch, sign_in):
    """A complaint of TJ with a file, after which timeliness, and so all of cases, was switched off there."""
    customer = record("customer", actor("alice", "2025-03-03 09:00"), name="王小明", phone="13800001234")
    made = record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢", customer=customer.id)
    record("complaint", actor("frank", "2025-03-03 10:00"), code="BJ", content="北京的投诉")
    sign_in("alice", "2025-03-03 10:10").send(
        f"/records/complaint/{made.id}/files", {"file": (io.BytesIO(b"%PDF-1"), "证据.pdf")}
    )
    switches.switch(actor("admin", "2025-03-03 10:30"), "timeliness", branch("TJ"), "off", reason="系统切换")
    return made


def test_the_archive_lists_shows_and_exports_what_lies_where_it_is_off(sign_in, complaint):
    client = sign_in("bob", OFF)
    assert "/archive/cases/complaint" in client.get("/archive/").text
    listed = client.get("/archive/cases/complaint")
    assert complaint.number in listed.text and "系统切换" in listed.text
    assert "北京的投诉" not in listed.text and "TSBJ" not in listed.text, "on there, so not archived"
    page = client.get(f"/archive/cases/complaint/{complaint.id}")
    assert "理赔太慢" in page.text and "只读" in page.text and "证据.pdf" in page.text
    export = client.get("/archive/cases/complaint/export.csv").get_data(as_text=True)
    assert complaint.number in export and "理赔太慢" in export and "北京" not in export
    assert client.get(f"/archive/cases/complaint/{complaint.id}/files/1").data == b"%PDF-1"


def test_nothing_is_done_in_the_archive(sign_in, complaint):
    page = sign_in("bob", OFF).get(f"/archive/cases/complaint/{complaint.id}").text.split('id="content"')[1]
    assert "<form" not in page.split("<dialog")[0]
    before = AuditEntry.select().count()
    client = sign_in("bob", OFF)
    for act in ("do/accept", "comments", "files", "edit", "hand-over", "correct"):
        assert client.send(f"/records/complaint/{complaint.id}/{act}", {"reason": "x"}).status_code == 404
    assert AuditEntry.select().count() == before


def test_the_archive_has_a_permission_of_its_own(sign_in, complaint):
    client = sign_in("alice", OFF)
    for path in (
        "/archive/",
        "/archive/cases/",
        "/archive/cases/complaint",
        f"/archive/cases/complaint/{complaint.id}",
    ):
        assert client.get(path).status_code == 403, path
    assert sign_in("grace", OFF).get(f"/archive/cases/complaint/{complaint.id}").status_code == 404, "of another branch"


def test_on_again_it_is_there_as_it_was(sign_in, actor, branch, complaint):
    switches.switch(actor("admin", "2025-03-03 11:30"), "timeliness", branch("TJ"), "on")
    client = sign_in("bob", "2025-03-03 12:00")
    assert "理赔太慢" in client.get(f"/records/complaint/{complaint.id}").text
    assert client.get(f"/archive/cases/complaint/{complaint.id}").status_code == 404
