"""Messages leave by real servers: what each kind of channel sends, and what is said where it cannot be sent."""

import pytest

from core import sending
from core.channel_kinds import KINDS, address_of
from core.channels import Channel, url_to
from tests.house.posts import mail_server, robots

pytestmark = pytest.mark.pure
SECRET = "5f3c9a1e77bd40d2"
WEBHOOKS = {
    "wecom": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={SECRET}",
    "dingtalk": f"https://oapi.dingtalk.com/robot/send?access_token={SECRET}",
    "feishu": f"https://open.feishu.cn/open-apis/bot/v2/hook/{SECRET}",
}
TITLE, BODY = "【制行】红色预警", "查看:https://example.cn/records/complaint/1"


@pytest.fixture
def post():
    with mail_server().open() as opened:
        yield opened


@pytest.fixture
def room(tmp_path, monkeypatch):
    with robots(tmp_path).open() as opened:
        for name, value in opened.environment.items():
            monkeypatch.setenv(name, value)
        yield opened


def mail(post, **typed):
    """The address of a letter to Bob by way of a mail server."""
    values = {
        "kind": "email",
        "server": "127.0.0.1",
        "port": str(post.port),
        "security": "insecure",
        "sender": "zx@example.cn",
    }
    url, faults = address_of({**values, **typed})
    assert faults == []
    return url_to(Channel(kind="email", sealed_address=url), "bob@example.cn")


def robot(kind, **typed):
    url, faults = address_of({"kind": kind, "address": WEBHOOKS[kind], **typed})
    assert faults == []
    return url


def test_a_letter_arrives_with_its_title_and_text(post):
    assert sending.send(mail(post), TITLE, BODY, 10).is_sent
    assert [(letter["to"], letter["title"]) for letter in post.letters] == [("bob@example.cn", TITLE)]
    assert BODY in post.letters[0]["body"]


@pytest.mark.parametrize("kind", sorted(WEBHOOKS))
def test_a_robot_is_told_title_and_text(room, kind):
    assert sending.send(robot(kind), TITLE, BODY, 10).is_sent
    (told,) = room.letters
    assert told["path"].startswith(WEBHOOKS[kind].split(told["host"])[1].rstrip("/"))
    text = str(told["letter"])
    assert TITLE in text and BODY in text


def test_a_robot_of_dingtalk_is_signed_for(room):
    assert sending.send(robot("dingtalk", secret="SECabc123"), TITLE, BODY, 10).is_sent
    assert "timestamp=" in room.letters[0]["path"] and "sign=" in room.letters[0]["path"]


@pytest.mark.parametrize("kind", sorted(WEBHOOKS))
def test_a_robot_that_refuses_with_status_200_has_not_been_told(room, kind):
    room.says = (200, {"errcode": 93000, "errmsg": f"invalid key {SECRET}", "code": 93000, "msg": f"bad {SECRET}"})
    outcome = sending.send(robot(kind), TITLE, BODY, 10)
    assert outcome.why == "refused" and "93000" in outcome.told
    assert SECRET not in outcome.told and sending.HIDDEN in outcome.told


def test_every_kind_of_robot_was_tried():
    assert set(WEBHOOKS) == {name for name, kind in KINDS.items() if kind.robot}


@pytest.mark.parametrize(
    "says, why",
    [
        ({"RCPT": "550 5.1.1 <bob@example.cn> unknown"}, "recipient"),
        ({"MAIL": "553 sender rejected"}, "sender"),
        ({"DATA": "554 spam"}, "refused"),
    ],
)
def test_what_a_mail_server_refuses_is_said(post, says, why):
    post.says = says
    outcome = sending.send(mail(post), TITLE, BODY, 10)
    assert outcome.why == why and post.letters == []
    assert "bob@" not in outcome.told


def test_a_wrong_password_is_said_without_the_password(post):
    post.says = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 wrong password hunter22 for zx"}
    outcome = sending.send(mail(post, user="zx", password="hunter22"), TITLE, BODY, 10)
    assert outcome.why == "sign_in" and "535" in outcome.told and "hunter22" not in outcome.told


def test_a_server_that_is_not_there_is_said(post, room):
    url = mail(post)
    post.shutdown(), post.server_close(), room.shutdown(), room.server_close()
    assert sending.send(url, TITLE, BODY, 10).why == "unreachable"
    assert sending.send(robot("wecom"), TITLE, BODY, 10).why == "unreachable"


def test_a_server_that_says_nothing_is_left_at_the_deadline(post):
    post.waits = 5
    outcome = sending.send(mail(post), TITLE, BODY, 2)
    assert outcome.why == "timeout" and outcome.is_unsure


def test_a_certificate_that_nobody_knows_is_refused(room, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert sending.send(robot("feishu"), TITLE, BODY, 10).why == "tls"
    assert room.letters == []
