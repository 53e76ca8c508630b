"""Channels, people who want messages, and a post that keeps what it is given, for tests of messages out."""

from dataclasses import dataclass, field
from datetime import timedelta

from core import channels, notices
from core.people import person_by_login
from core.sending import Outcome
from core.testing import actor, branch, console, department_of, local

WORK = local("2025-03-05 10:00")  # a Wednesday
SECRET = "hunter22secret"
MAIL = {
    "kind": "email", "carries": "all", "language": "zh", "server": "smtp.example.cn", "port": "587",
    "security": "starttls", "user": "zx", "password": SECRET, "sender": "zx@example.cn",
}  # fmt: skip
ROOM = {
    "kind": "wecom", "carries": "all", "language": "zh",
    "address": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={SECRET}",
}  # fmt: skip
BEFORE = WORK - timedelta(days=30)


@dataclass
class Post:
    """Takes messages in place of the network; `outcome` is what it answers, `letters` what it took as (to, title, body)."""

    outcome: Outcome = field(default_factory=lambda: Outcome("sent"))
    letters: list = field(default_factory=list)

    def __call__(self, url, title, body, seconds):
        if self.outcome.is_sent:
            self.letters.append((url.partition("&to=")[2].replace("%40", "@"), title, body))
        return self.outcome

    @property
    def to(self):
        """Who was told, in order; empty for a room."""
        return [to for to, _, _ in self.letters]


def mail_channel(code="HQ", name="邮件", at=BEFORE, **typed):
    """A mail channel of a branch."""
    return channels.add_channel(console(at), {**MAIL, "name": name, **typed}, branch(code))


def room_channel(code="TJ", department=None, name="群", at=BEFORE, **typed):
    """A robot in the room of a branch or department."""
    place = department_of(code, department) if department else None
    return channels.add_channel(console(at), {**ROOM, "name": name, **typed}, branch(code), place)


def wanting(*logins, at=BEFORE):
    """Let people want messages."""
    for login in logins:
        channels.keep_address(actor(login, at), f"{login}@example.cn", True)


def told(*logins, n=1, at=WORK, code="TJ", **more):
    """Tell people in the program of step `n`."""
    people = [person_by_login(login) for login in logins]
    more = {"occasion": f"work:{n}:step", "zh": "某人做了某事", "en": "somebody did something", **more}
    notices.tell(people, at, branch_id=branch(code).id, **more)
