"""The page of a record: its steps, clocks, trail, comments and files, corrections, and handing over."""

import io
import re
import zipfile

import pytest

from core import attachments, records
from core.attachments import Attachment
from core.comments import Comment
from core.notices import Notice
from core.records import change, transition
from core.testing import department_of, work
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationMeasure, RectificationReport, Warning

MONDAY = "2025-03-03 10:00"


@pytest.fixture
def complaint(record, actor):
    return record("complaint", actor("alice", MONDAY), content="理赔太慢", contact_means="13800001234")


def page_of(row):
    return f"/records/{row._meta.record}/{row.id}"


def test_the_next_steps_are_offered_and_those_of_others_say_whose_they_are(sign_in, complaint):
    page = sign_in("alice", "2025-03-03 11:00").get(page_of(complaint))
    assert 'id="step-accept"' in page.text and 'id="step-void"' in page.text
    assert 'id="step-tell_result"' not in page.text, "not from this state"
    page = sign_in("erin").get(page_of(complaint))
    assert 'id="step-accept"' not in page.text
    assert re.search(r"disabled[^>]*>受理</button> <span[^>]*>须由以下身份办理:客服", page.text)


def test_a_step_asks_for_what_it_requires_and_tells_all_that_is_wrong(sign_in, actor, complaint):
    transition(actor("alice", "2025-03-03 10:10"), complaint, "accept")
    client = sign_in("alice", "2025-03-03 11:00")
    contact = page_of(complaint) + "/do/contact_customer"
    refused = client.send(contact, {"revision": "2", "details": "已致电<客户>", "first_contact_at": "2025-03-03T12:00"})
    assert refused.status_code == 422
    assert re.search(r'id="step-contact_customer" open', refused.text), "its form is open again"
    assert "请填写“类别”" in refused.text and "不能晚于现在" in refused.text and "已致电&lt;客户&gt;" in refused.text
    assert "T3.2.3b" in refused.text, "the clause that asks for the details"
    done = client.send(
        contact, {"revision": "2", "details": "已致电", "class": "simple", "first_contact_at": "2025-03-03T10:30"}
    )
    kept = Complaint.get_by_id(complaint.id)
    assert (done.status_code, kept.state, f"{kept.first_contact_at:%H:%M}") == (303, "contacted", "02:30")


def test_a_moment_that_is_left_as_it_was_shown_is_the_moment_of_sending(sign_in, app, actor, complaint):
    client = sign_in("alice", "2025-03-03 10:05")
    page = client.get(page_of(complaint))
    seen = re.search(r'do/accept".*?name="seen" value="([^"]*)"', page.text, re.S)[1].replace("&#34;", '"')
    client = sign_in("alice", "2025-03-03 10:40:30")
    client.send(page_of(complaint) + "/do/accept", {"accepted_at": "2025-03-03T10:05", "seen": seen})
    assert f"{Complaint.get_by_id(complaint.id).accepted_at:%H:%M:%S}" == "02:40:30"


def test_a_step_that_somebody_took_meanwhile_is_told_and_nothing_typed_is_lost(sign_in, actor, complaint):
    transition(actor("amy", "2025-03-03 10:10"), complaint, "accept")
    client = sign_in("alice", "2025-03-03 11:00")
    gone = client.send(page_of(complaint) + "/do/accept", {"revision": "1", "reason": "补录说明文字"})
    assert gone.status_code == 422 and "状态已是“已受理”" in gone.text and "补录说明文字" in gone.text
    change(actor("amy", "2025-03-03 10:20"), complaint, {"content": "改过"})
    stale = client.send(
        page_of(complaint) + "/do/contact_customer", {"revision": "2", "details": "我写的", "class": "simple"}
    )
    assert stale.status_code == 409 and "我写的" in stale.text and Complaint.get().state == "accepted"
    assert 'name="revision" value="3"' in stale.text, "sent again, it goes through"


def test_a_step_of_another_capacity_is_denied_also_by_hand(sign_in, complaint):
    assert sign_in("erin", "2025-03-03 11:00").send(page_of(complaint) + "/do/accept").status_code == 403
    assert Complaint.get().state == "received"


def test_clocks_stand_with_their_clauses_and_the_working_day_by_day(sign_in, record, actor):
    friday = record("complaint", actor("alice", "2025-01-24 10:00"))
    page = sign_in("alice", "2025-01-26 11:00").get(page_of(friday))
    clocks = page.text.split('id="clocks"')[1].split('id="trail"')[0]
    assert "投诉首次联系" in clocks and "T3.2.3a" in clocks and "1 个工作日" in clocks
    assert "2025-01-26" in clocks and "调休" in clocks, "the Sunday before Spring Festival is worked"
    assert "截止 2025-01-26 17:30" in clocks and "还有 6 小时" in clocks
    assert "春节" in clocks, "the longer limit runs over the festival"


def test_a_red_finding_and_the_late_work_behind_a_warning_are_told(sign_in, complaint):
    work("2025-03-04 17:30:01")
    page = sign_in("bob", "2025-03-05 09:00").get(page_of(complaint))
    assert "dot dot-red" in page.text.split('id="findings"')[1]
    warning = sign_in("bob").get(page_of(Warning.get()))
    assert f'<a href="{page_of(complaint)}">{complaint.number}</a>' in warning.text, "the clock leads to its record"
    assert "投诉首次联系" in warning.text


def test_records_that_refer_to_this_one_are_listed_with_a_way_to_add(sign_in, actor, complaint):
    work("2025-03-04 17:30:01")
    report = RectificationReport.get()
    bob = actor("bob", "2025-03-05 09:00")
    measure = records.create(
        bob,
        RectificationMeasure,
        {"report": report.id, "measure": "增加坐席", "due_on": "2025-03-10"},
        branch=report.branch_id,
    )
    page = sign_in("bob", "2025-03-05 09:30").get(page_of(report))
    assert measure.number in page.text and "增加坐席" in page.text
    assert f"/records/rectification_measure/new?report={report.id}&amp;branch=TJ" in page.text
    assert "rectification_measure/new" not in sign_in("carol").get(page_of(report)).text


def test_the_trail_tells_in_sentences_who_changed_what_and_why(sign_in, actor, complaint):
    bob = actor("bob", "2025-03-03 10:20")
    change(bob, complaint, {"content": "理赔太慢了", "about_employee": "dave"})
    change(bob, complaint, {"happened_at": "2025-03-03T09:00"}, reason="电话记录为 9 点")
    trail = sign_in("bob", "2025-03-03 11:00").get(page_of(complaint)).text.split('id="trail"')[1]
    assert "<b>鲍博(bob)</b> 更正" in trail
    assert "接到时间:由“2025-03-03 10:00”改为“2025-03-03 09:00”" in trail
    assert "原因:电话记录为 9 点" in trail
    assert "投诉内容:由“理赔太慢”改为“理赔太慢了”" in trail
    assert "被投诉员工:由“空”改为“戴维(dave)”" in trail
    assert "<b>艾丽(alice)</b> 登记" in trail


def test_personal_values_are_masked_on_the_page_and_in_its_trail(sign_in, actor, complaint):
    change(actor("alice", "2025-03-03 10:20"), complaint, {"contact_means": "微信 wangxiaoming"})
    page = sign_in("carol", "2025-03-03 11:00").get(page_of(complaint)).text
    assert "13800001234" not in page and "wangxiaoming" not in page
    assert "138****1234" in page
    assert "13800001234" not in sign_in("alice").get(page_of(complaint)).text


def test_the_english_page_is_english(sign_in, complaint):
    client = sign_in("alice", "2025-03-03 11:00")
    client.send("/language", {"language": "en"})
    page = client.get(page_of(complaint)).text
    main = re.sub(r"<[^>]+>", " ", page.split('id="content"')[1].split("<dialog")[0])
    for word in ("Next steps", "Received", "Accept", "How it is counted", "History", "recorded it", "Hand over"):
        assert word in main
    names = {"理赔太慢", "艾丽", "天津分公司", "北京分公司", "客服部", "理赔部", "销售部", "管理层"}
    assert set(re.findall(r"[\u4e00-\u9fff]+", main)) <= names


def test_a_stamp_is_corrected_only_with_a_reason(sign_in, complaint):
    client = sign_in("bob", "2025-03-03 11:00")
    sent = {"field": "happened_at", "value": "2025-03-03T09:15", "revision": "1"}
    refused = client.send(page_of(complaint) + "/correct", sent)
    assert (
        refused.status_code == 422
        and "更正时间须写明原因" in refused.text
        and 'value="2025-03-03T09:15"' in refused.text
    )
    assert client.send(page_of(complaint) + "/correct", {**sent, "reason": "听错"}).status_code == 303
    assert f"{Complaint.get().happened_at:%H:%M}" == "01:15"
    for name in ("owner", "closed_at", "number", "nonsense"):
        assert (
            client.send(page_of(complaint) + "/correct", {"field": name, "value": "x", "reason": "y"}).status_code
            == 422
        )


def test_a_record_is_handed_to_a_department_and_its_head_takes_it(sign_in, complaint):
    client = sign_in("bob", "2025-03-03 11:00")
    claims = department_of("TJ", "LP")
    assert "移交须写明原因" in client.send(page_of(complaint) + "/hand-over", {"department": claims.id}).text
    assert client.send(page_of(complaint) + "/hand-over", {"reason": "x"}).status_code == 422, "to nobody"
    assert (
        client.send(page_of(complaint) + "/hand-over", {"department": claims.id, "reason": "属理赔"}).status_code == 303
    )
    kept = Complaint.get()
    assert (kept.department.code, kept.owner.login) == ("LP", "erin")


def test_a_record_is_handed_to_another_branch_and_leaves_the_sight_of_this_one(sign_in, complaint):
    client = sign_in("bob", "2025-03-03 11:00")
    service = department_of("BJ", "KF")
    answer = client.send(
        page_of(complaint) + "/hand-over", {"branch": "BJ", "department": service.id, "reason": "客户在北京"}
    )
    assert answer.location == "/records/complaint/"
    kept = Complaint.get()
    assert (kept.branch.code, kept.owner.login) == ("BJ", "grace")
    assert client.get(page_of(complaint)).status_code == 404
    assert "由“天津分公司”改为“北京分公司”" in sign_in("grace").get(page_of(complaint)).text


def test_a_comment_is_kept_and_its_owner_told(sign_in, complaint):
    client = sign_in("carol", "2025-03-03 11:00")
    assert client.send(page_of(complaint) + "/comments", {"comment": "  "}).status_code == 422
    assert client.send(page_of(complaint) + "/comments", {"comment": "请<尽快>联系"}).status_code == 303
    assert "请&lt;尽快&gt;联系" in client.get(page_of(complaint)).text
    assert [n.person.login for n in Notice.select()] == ["alice"]
    sign_in("alice").send(page_of(complaint) + "/comments", {"comment": "好的"})
    assert (Comment.select().count(), Notice.select().count()) == (2, 1), "nobody is told of their own words"
    assert sign_in("auditor").send(page_of(complaint) + "/comments", {"comment": "x"}).status_code == 403


def office(folder):
    """A file as Word and Excel write it, as far as its first look goes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/document.xml", "<x/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name, content, is_taken",
    [
        pytest.param("报告.txt", "整改说明".encode("gb18030"), True, id="a text in GBK with a Chinese name"),
        pytest.param("证据.pdf", b"%PDF-1.7 ...", True, id="a PDF"),
        pytest.param("照片.PNG", b"\x89PNG\r\n\x1a\n...", True, id="a picture"),
        pytest.param("表.xlsx", office("xl"), True, id="an Excel file"),
        pytest.param("文.docx", office("word"), True, id="a Word file"),
        pytest.param("文.docx", office("xl"), False, id="an Excel file that says it is Word"),
        pytest.param("证据.pdf", b"MZ\x90\x00", False, id="a program that says it is a PDF"),
        pytest.param("页.html", b"<script>", False, id="a web page"),
        pytest.param("图.svg", b"<svg/>", False, id="a picture with scripts"),
        pytest.param("无名", b"x", False, id="a name without an ending"),
        pytest.param(".txt", b"x", False, id="an ending without a name"),
        pytest.param("空.txt", b"", False, id="an empty file"),
    ],
)
def test_files_are_judged_by_name_and_content(sign_in, complaint, name, content, is_taken):
    client = sign_in("alice", "2025-03-03 11:00")
    answer = client.send(page_of(complaint) + "/files", {"file": (io.BytesIO(content), name)})
    assert answer.status_code == (303 if is_taken else 422)
    assert Attachment.select().count() == is_taken
    if is_taken:
        given = client.get(f"{page_of(complaint)}/files/{Attachment.get().id}")
        assert given.data == content
        assert given.headers["X-Content-Type-Options"] == "nosniff"
        assert given.headers["Content-Disposition"].startswith("attachment")
        assert given.mimetype == "application/octet-stream"
        assert name in client.get(page_of(complaint)).text


def test_a_file_is_removed_with_a_reason_and_too_large_a_one_refused(sign_in, app, complaint, actor, settings):
    client = sign_in("alice", "2025-03-03 11:00")
    files = page_of(complaint) + "/files"
    client.send(files, {"file": (io.BytesIO(b"%PDF-1"), "C:/Users/王/../证据.pdf")})
    kept = Attachment.get()
    assert kept.name == "证据.pdf"
    assert client.send(f"{files}/{kept.id}/remove", {}).status_code == 422
    assert client.send(f"{files}/{kept.id}/remove", {"reason": "传错"}).status_code == 303
    assert client.get(f"{files}/{kept.id}").status_code == 404
    large = b"%PDF-" + b"x" * (settings.upload_megabytes * 1024 * 1024)
    with pytest.raises(attachments.Refused, match="20 MB"):
        attachments.attach(actor("alice", "2025-03-03 11:00"), complaint, "大.pdf", large, settings)
    answer = client.send(files, {"file": (io.BytesIO(large), "大.pdf")})
    assert answer.status_code == 422 and "20 MB" in answer.text
    assert client.send(files, {"file": (io.BytesIO(large + large), "大.pdf")}).status_code == 413


def test_a_full_disk_is_told_and_nothing_is_kept(sign_in, complaint, settings, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.attachments.os.replace", full)
    client = sign_in("alice", "2025-03-03 11:00")
    answer = client.send(page_of(complaint) + "/files", {"file": (io.BytesIO(b"%PDF-1"), "证据.pdf")})
    assert answer.status_code == 507 and "磁盘已满" in answer.text
    assert not Attachment.select().exists() and not list(settings.files.iterdir())


def test_the_person_who_reads_only_is_offered_nothing_to_do(sign_in, complaint):
    page = sign_in("auditor", "2025-03-03 11:00").get(page_of(complaint))
    assert page.status_code == 200
    for act in ("hand-over", "/correct", "/comments", '/files"', "/edit"):
        assert page_of(complaint) + act not in page.text
