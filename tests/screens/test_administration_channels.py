"""Message channels on their page, and one's own address: set up, tried out, taken away; no secret is ever shown again."""

import pytest

from core import channels
from core.access import grant
from core.audit import AuditEntry
from core.channels import Channel, MessageAddress
from core.database import db
from core.people import add_person, change_person, person_by_login
from core.testing import branch, console
from tests.house.mailing import MAIL, ROOM, SECRET, mail_channel, room_channel
from tests.house.posts import mail_server

NOON = "2025-03-05 12:00"


@pytest.fixture
def tim(app):
    """The administrator of TJ alone."""
    person = add_person(console(), "tim", "天津管理员", branch("TJ"))
    grant(console(), person, "system_admin", branch("TJ"))
    return person


def test_a_channel_is_added_and_its_secret_is_nowhere_to_be_read(sign_in, app):
    admin = sign_in("admin", NOON)
    for form in ({**MAIL, "name": "集团邮件", "branch": "HQ"}, {**ROOM, "name": "客服群", "branch": "TJ"}):
        assert admin.send("/channels/add", form).status_code == 303
    page = admin.get("/channels/").text
    assert "集团邮件" in page and "zx@example.cn" in page and "客服群" in page
    kept = [tuple(map(str, row)) for row in db.execute_sql("SELECT * FROM channel").fetchall()]
    trail = [str(entry.changes) for entry in AuditEntry.select().where(AuditEntry.record == "channel")]
    assert len(kept) == len(trail) == 2 and "集团邮件" in "".join(trail)
    for place in (page, str(kept), str(trail), str(MessageAddress.select().count())):
        assert SECRET not in place
    assert SECRET in Channel.get(Channel.name == "客服群").sealed_address


def test_what_is_wrong_is_told_at_once_and_no_secret_comes_back(sign_in):
    admin = sign_in("admin", NOON)
    answer = admin.send(
        "/channels/add", {"kind": "email", "branch": "HQ", "port": "x", "password": SECRET, "carries": "all"}
    )
    assert answer.status_code == 422 and SECRET not in answer.text
    for words in ("请填写名称", "请填写邮件服务器", "端口是", "请填写发件地址", "用户名和密码须一并填写"):
        assert words in answer.text
    wrong = admin.send(
        "/channels/add", {**ROOM, "name": "群", "branch": "HQ", "address": f"https://evil.example/{SECRET}"}
    )
    assert wrong.status_code == 422 and SECRET not in wrong.text and "Webhook" in wrong.text
    assert Channel.select().count() == 0


def test_a_test_message_says_in_words_what_came_of_it(sign_in, app):
    admin = sign_in("admin", NOON)
    with mail_server().open() as server:
        channel = mail_channel(server="127.0.0.1", port=str(server.port), security="insecure", user="", password="")
        answer = admin.send(f"/channels/{channel.id}/test", {"to": "me@example.cn"}, follow_redirects=True)
        assert "已发送" in answer.text and server.letters[0]["to"] == "me@example.cn"
        server.says = {"MAIL": "550 not from here"}
        answer = admin.send(f"/channels/{channel.id}/test", {"to": "me@example.cn"}, follow_redirects=True)
        assert "服务器不接受发件地址" in answer.text and "550" in answer.text
    answer = admin.send(f"/channels/{channel.id}/test", {"to": "me@example.cn"}, follow_redirects=True)
    assert "连不上服务器" in answer.text
    assert "请填写收件地址" in admin.send(f"/channels/{channel.id}/test", {"to": "x"}, follow_redirects=True).text
    assert AuditEntry.select().where(AuditEntry.record == "channel_health", AuditEntry.verb == "test").count() == 3


def test_an_administrator_of_a_branch_has_its_channels_and_no_other(sign_in, tim):
    mine, other = room_channel("TJ", name="津群"), room_channel("BJ", name="京群")
    visitor = sign_in("tim", NOON)
    page = visitor.get("/channels/").text
    assert "津群" in page and "京群" not in page
    for act in ("test", "resume", "remove"):
        assert visitor.send(f"/channels/{other.id}/{act}").status_code == 404
    assert visitor.send("/channels/add", {**MAIL, "name": "总", "branch": "HQ"}).status_code in (403, 404)
    assert visitor.send(f"/channels/{mine.id}/remove").status_code == 303
    assert [channel.name for channel in channels.live_channels().values()] == ["京群"]
    assert Channel.get_by_id(mine.id).sealed_address == ""


@pytest.mark.parametrize("login", ["alice", "carol", "security", "auditor"])
def test_the_page_is_closed_to_others(sign_in, login):
    assert sign_in(login, NOON).get("/channels/").status_code == 403


def test_a_person_keeps_their_own_address_encrypted(sign_in, app):
    alice = sign_in("alice", NOON)
    alice.send("/account/messages", {"address": "alice@example.cn", "wanted": "1"})
    assert 'value="alice@example.cn"' in alice.get("/account/").text
    assert "alice@example.cn" not in str(db.execute_sql("SELECT * FROM message_address").fetchall())
    assert "alice@" not in str(
        [entry.changes for entry in AuditEntry.select().where(AuditEntry.record == "message_address")]
    )
    alice.send("/account/messages", {"address": "no address", "wanted": "1"})
    assert channels.address_kept(MessageAddress.get().person).sealed_address == "alice@example.cn"
    alice.send("/account/messages", {"address": "alice@example.cn"})
    assert not MessageAddress.get().is_wanted


def test_both_pages_read_in_english(sign_in, app):
    admin = sign_in("admin", NOON)
    change_person(console(), person_by_login("admin"), {"language": "en"})
    mail_channel(), room_channel()
    for kind in ("email", "wecom", "dingtalk", "feishu"):
        page = admin.get(f"/channels/?kind={kind}").text
        assert "Send a test message" in page and "Message channels" in page
    assert "Send my notices there too" in admin.get("/account/").text
