"""Passwords: what a policy asks of them, and the hash that is kept instead of them."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from core.errors import Fault
from core.language import say

COMMON = Path(__file__).resolve().parent.parent / "config" / "common_passwords.txt"
MOST = 200  # characters: hashing more only keeps the server busy
_hasher = PasswordHasher()


@dataclass(frozen=True)
class Policy:
    """What one standard asks. 0 asks nothing of the kind."""

    least: int  # characters
    classes: int = 0  # of the four: capital letters, small letters, digits, others
    days: int = 0  # a password older than this is changed at the next sign-in
    remembered: int = 0  # so many last ones, the present among them, are not taken again
    refuses_common: bool = False


POLICIES = {
    "mlps": Policy(8, classes=3, days=90, remembered=5),  # GB/T 22239-2019 (MLPS 2.0), level 3, as assessors ask it
    "asvs": Policy(12, refuses_common=True),  # OWASP ASVS 4.0, 2.1: length, no composition, no rotation
}
in_force = {"name": "mlps"}  # set at start from the setting password_policy


def policy():
    """The policy in force."""
    return POLICIES[in_force["name"]]


def hint():
    """The policy in force in a sentence, for whoever chooses a password."""
    asked = policy()
    if asked.classes:
        return say(
            "至少 {n} 个字符,含大写字母、小写字母、数字、其他符号中的 {classes} 类,不含登录名;{days} 天内有效,"
            "不能与最近 {past} 次相同。",
            "At least {n} characters, {classes} of: capital letters, small letters, digits, others; without the login. "
            "Good for {days} days; none of the last {past}.",
            n=asked.least,
            classes=asked.classes,
            days=asked.days,
            past=asked.remembered,
        )
    return say(
        "至少 {n} 个字符,不能是常见密码,不含登录名。",
        "At least {n} characters, not a common one, without the login.",
        n=asked.least,
    )


def faults(login, password, earlier=()):
    """Everything that the policy in force finds wrong with a new password; `earlier` are hashes, newest first."""
    asked, found = policy(), []
    if len(password) < asked.least or len(password) > MOST:
        found.append(
            say(
                "密码长度为 {n} 到 {most} 个字符",
                "a password has {n} to {most} characters",
                n=asked.least,
                most=MOST,
            )
        )
    if _classes(password) < asked.classes:
        found.append(
            say(
                "须含大写字母、小写字母、数字、其他符号中的 {n} 类",
                "it takes {n} of: capital letters, small letters, digits, others",
                n=asked.classes,
            )
        )
    if login.lower() in password.lower():
        found.append(say("密码不能含登录名", "it must not contain the login"))
    if len(set(password)) < 5 or (asked.refuses_common and is_common(password)):
        found.append(say("这个密码太常见或过于简单", "this password is too common or too simple"))
    if len(password) <= MOST and any(verify(each, password) for each in earlier[: asked.remembered]):
        found.append(
            say(
                "不能与最近 {n} 次用过的密码相同",
                "it must not be one of the last {n}",
                n=asked.remembered,
            )
        )
    return [Fault("password", told) for told in found]


def _classes(password):
    kinds = {(c.isupper(), c.islower(), c.isdigit()) for c in password}
    return len(kinds)


def is_common(password):
    """Whether a password is on the shipped list, also with digits or signs put behind it."""
    known = {line for line in COMMON.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}
    low = password.casefold()
    return low in known or low.rstrip("0123456789!@#$%^&*.?_-") in known


def is_too_old(set_at, moment):
    """Whether a password set at `set_at` (None: nobody knows when) had to be changed by `moment`."""
    days = policy().days
    return bool(days) and (set_at is None or moment - set_at > timedelta(days=days))


def hashed(password):
    """What is kept of a password."""
    return _hasher.hash(password)


_NOBODY = _hasher.hash(secrets.token_hex(16))


def verify(password_hash, password):
    """Whether the password is the one; without a hash it takes as long and is not."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password)
    except (Argon2Error, InvalidHashError):
        return False
