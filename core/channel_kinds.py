"""The kinds of channels, and the apprise URL that follows from what an administrator types for one."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from core.errors import Fault
from core.language import Words, say

EMAIL = re.compile(r"[^\s@<>,;:\"'/?&]+@[^\s@<>,;:\"'/?&]+\.[^\s@<>,;:\"'/?&]+")
SECURITY = {
    "starttls": Words("STARTTLS(常用端口 587)", "STARTTLS (usually port 587)"),
    "ssl": Words("SSL/TLS(常用端口 465)", "SSL/TLS (usually port 465)"),
    "insecure": Words("不加密(仅限内网)", "Not encrypted (inside one's own network only)"),
}


@dataclass(frozen=True)
class Kind:
    """A kind of channel: its name, the longest text it takes in bytes and, of a robot, how its address is known."""

    label: Words
    longest: int
    robot: object = None  # a pattern whose group is the robot's token
    scheme: str = ""
    example: str = ""


KINDS = {
    "email": Kind(Words("电子邮件", "E-mail"), 20000),
    "wecom": Kind(
        Words("企业微信群机器人", "WeCom group robot"),
        1900,
        re.compile(r"(?:https://qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=|wecombot://)([A-Za-z0-9_-]+)/?"),
        "wecombot",
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…",
    ),
    "dingtalk": Kind(
        Words("钉钉群机器人", "DingTalk group robot"),
        15000,
        re.compile(r"https://oapi\.dingtalk\.com/robot/send\?access_token=([A-Za-z0-9]+)"),
        "dingtalk",
        "https://oapi.dingtalk.com/robot/send?access_token=…",
    ),
    "feishu": Kind(
        Words("飞书群机器人", "Feishu group robot"),
        15000,
        re.compile(r"(?:https://open\.feishu\.cn/open-apis/bot/v2/hook/|feishu://)([A-Za-z0-9_-]+)/?"),
        "feishu",
        "https://open.feishu.cn/open-apis/bot/v2/hook/…",
    ),
}


def address_of(values):
    """The apprise URL of what was typed, and the faults in it: (url, [Fault])."""
    kind = KINDS.get(values.get("kind"))
    if kind is None:
        return "", []
    return _robot(kind, values) if kind.robot else _mail(values)


def _robot(kind, values):
    found = kind.robot.fullmatch((values.get("address") or "").strip())
    secret = (values.get("secret") or "").strip()
    if found is None:
        told = say(
            "请粘贴机器人的 Webhook 地址:{example}",
            "paste the robot's webhook address: {example}",
            example=kind.example,
        )
        return "", [Fault("address", told)]
    if secret and kind.scheme != "dingtalk":
        return "", [Fault("secret", say("只有钉钉机器人可加签", "only a robot of DingTalk takes a signing secret"))]
    if secret and not re.fullmatch("[A-Za-z0-9]+", secret):
        return "", [Fault("secret", say("加签密钥由字母和数字组成", "a signing secret has letters and digits only"))]
    return f"{kind.scheme}://{secret + '@' if secret else ''}{found[1]}", []


def _mail(values):
    typed = {
        name: (values.get(name) or "").strip() for name in ("server", "port", "security", "user", "password", "sender")
    }
    faults = []
    if not re.fullmatch(r"[A-Za-z0-9.-]+", typed["server"]):
        faults.append(
            Fault("server", say("请填写邮件服务器,例如 smtp.example.cn", "name the mail server, as smtp.example.cn"))
        )
    if not (typed["port"].isdigit() and 0 < int(typed["port"]) < 65536):
        faults.append(
            Fault("port", say("端口是 1 到 65535 的整数,例如 587", "a port is a whole number, for example 587"))
        )
    if typed["security"] not in SECURITY:
        known = ", ".join(SECURITY)
        faults.append(Fault("security", say("请从中选择:{known}", "choose one of: {known}", known=known), "choice"))
    if not EMAIL.fullmatch(typed["sender"]):
        faults.append(Fault("sender", say("请填写发件地址", "an address to send from is needed")))
    if bool(typed["user"]) != bool(typed["password"]):
        faults.append(Fault("password", say("用户名和密码须一并填写", "user name and password go together")))
    if faults:
        return "", faults
    user = f"{quote(typed['user'], safe='')}:{quote(typed['password'], safe='')}@" if typed["user"] else ""
    more = urlencode({"mode": typed["security"], "smtp": typed["server"], "from": typed["sender"]})
    return f"mailto://{user}{typed['server']}:{typed['port']}?{more}", []
