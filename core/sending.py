"""Sending one message to one address, ended at a deadline; what was wrong comes back in words, never with a secret."""

import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from core.language import Words, say

log = logging.getLogger("zhixing.sending")
PROGRAM = Path(__file__).with_name("send_one.py")
WHY = {
    "sent": Words("已发送", "Sent"),
    "timeout": Words("对方在限定时间内没有答复", "The other side gave no answer in time"),
    "unreachable": Words(
        "连不上服务器:请检查地址、端口、网络和代理",
        "The server cannot be reached: see to address, port, network and proxy",
    ),
    "tls": Words(
        "加密连接失败:请检查证书和加密方式",
        "The encrypted connection failed: see to certificate and kind of encryption",
    ),
    "sign_in": Words(
        "服务器不接受用户名或密码(授权码)",
        "The server does not take the user name or the password (authorisation code)",
    ),
    "recipient": Words("服务器不接受收件地址", "The server does not take the recipient's address"),
    "sender": Words("服务器不接受发件地址", "The server does not take the sender's address"),
    "refused": Words("对方拒收", "The other side refused it"),
    "address": Words(
        "通道地址不对或已读不出,请重新填写", "The channel's address is wrong or cannot be read: enter it again"
    ),
    "failed": Words("发送失败", "It was not sent"),
}
UNSURE = ("timeout", "failed")  # it may have arrived all the same
HIDDEN = "…"
ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")


@dataclass(frozen=True)
class Outcome:
    """What came of a message: `why` is a key of WHY, `detail` what the other side said of it, without secrets."""

    why: str
    detail: str = ""

    @property
    def is_sent(self):
        return self.why == "sent"

    @property
    def is_unsure(self):
        """Whether it may have arrived although nobody said so."""
        return self.why in UNSURE

    @property
    def told(self):
        """The outcome in the language that speaks now."""
        return f"{WHY[self.why]}{say('({detail})', ' ({detail})', detail=self.detail) if self.detail else ''}"


def send(url, title, body, seconds):
    """Send one message to an apprise URL within so many seconds. Returns the Outcome; nothing is raised, nothing logged."""
    asked = json.dumps({"url": url, "title": title, "body": body})
    command = [sys.executable, "-P", str(PROGRAM)]
    try:
        run = subprocess.run(command, input=asked, capture_output=True, text=True, encoding="utf-8", timeout=seconds)
        answer = json.loads(run.stdout)
        return Outcome(answer["why"], _without_secrets(answer["detail"], url))
    except subprocess.TimeoutExpired:
        return Outcome("timeout")
    except (OSError, ValueError, KeyError) as error:  # the child broke: its own words might hold the address
        log.error("the child that sends broke: %s", type(error).__name__)
        return Outcome("failed")


def _without_secrets(text, url):
    """A text of the other side without anything that the address holds, and without any e-mail address."""
    parts = urlsplit(url)
    named = [part for values in parse_qs(parts.query).values() for part in values]
    secrets = [unquote(part) for part in re.split(r"[:@/]", f"{parts.netloc}/{parts.path}") if part] + named
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, HIDDEN)
    return ADDRESS.sub(HIDDEN, text)
