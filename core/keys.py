"""The keys that personal values are sealed with: a file of several, the first in use, the others for what they sealed.

A sealed value is one text: "z1.", the id of its key, a letter for its kind, marks to find it by, and what AES-256-GCM made of
the value. The marks are keyed hashes: of the whole value as it is compared, and of its last four characters. So equality is
asked of the database without a value standing there, and nothing of the text can be changed unnoticed.
"""

import base64
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import StartError, Unsealable
from core.language import say

SIGN = "z1."
ID, WHOLE, END = 8, 24, 8  # characters of a key's id, of the mark of a value, of the mark of its last four characters
HEAD = len(SIGN) + ID + 1
NONCE = 12  # bytes
PHONE, IDENTITY, TEXT, HIDDEN = "p", "i", "t", "h"  # kinds: how values are compared; HIDDEN: not looked for at all
SEALED = re.compile(rf"z1\.[0-9a-f]{{{ID}}}[pith][A-Za-z0-9_-]+=*")
LAST = 4
SHORTEST = 8  # a shorter value is not found by its end: four of so few characters would give it away
LOOK_SECONDS = 1.0  # how often the file is looked at for a new key


def _phone(text):
    digits = "".join(filter(str.isdigit, text))
    return digits.removeprefix("00").removeprefix("86") if len(digits) in (13, 15) else digits


NORMAL = {
    PHONE: _phone,
    IDENTITY: lambda text: "".join(filter(str.isalnum, text)).upper(),
    TEXT: lambda text: " ".join(text.split()).casefold(),
}


@dataclass(frozen=True)
class Key:
    """One key: its id, the day on which it was made, and 32 secret bytes that two keys are derived from."""

    id: str
    made_on: str
    secret: bytes

    @classmethod
    def new(cls, day):
        return cls(secrets.token_hex(ID // 2), day.isoformat(), secrets.token_bytes(32))

    @cached_property
    def _cipher(self):
        return AESGCM(self._derived(b"seal"))

    @cached_property
    def _finding(self):
        return self._derived(b"find")

    def _derived(self, purpose):
        return hmac.digest(self.secret, b"zhixing " + purpose, "sha256")

    @property
    def check(self):
        """What the database keeps to know this key by; it tells nothing of it."""
        return self._derived(b"check").hex()[:32]

    def mark(self, kind, part, text, length):
        """A keyed hash of a text as `length` characters."""
        digest = hmac.digest(self._finding, f"{kind}{part}{text}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode()[:length]

    def whole(self, kind, text):
        """The mark by which a value of a kind is found."""
        return self.mark(kind, "=", NORMAL[kind](text), WHOLE)

    def end(self, kind, text):
        """The mark by which a value is found by its last four characters."""
        return self.mark(kind, "$", NORMAL[kind](text)[-LAST:], END)

    def seal(self, text, kind):
        head = f"{SIGN}{self.id}{kind}"
        if kind != HIDDEN:
            long = len(NORMAL[kind](text)) >= SHORTEST
            head += self.whole(kind, text) + (self.end(kind, text) if long else "-" * END)
        nonce = os.urandom(NONCE)
        made = nonce + self._cipher.encrypt(nonce, text.encode(), head.encode())
        return head + base64.urlsafe_b64encode(made).decode()

    def unseal(self, sealed):
        begin = HEAD + (0 if sealed[HEAD - 1] == HIDDEN else WHOLE + END)
        made = base64.urlsafe_b64decode(sealed[begin:])
        if base64.urlsafe_b64encode(made) != sealed[begin:].encode():  # the last letter has bits that stand for nothing
            raise ValueError(sealed[begin:])
        return self._cipher.decrypt(made[:NONCE], made[NONCE:], sealed[:begin].encode()).decode()


class Ring:
    """The keys of an installation, the current one first."""

    def __init__(self, keys):
        self.keys = {key.id: key for key in keys}
        self.current = keys[0]

    def line(self, key):
        return f"{key.id} {key.made_on} {base64.b64encode(key.secret).decode()}\n"

    def text(self):
        return "".join(map(self.line, self.keys.values()))


class _Place:
    path, ring, stamp, looked = None, None, None, 0.0


def use(path):
    """Take the keys of this process from a file. Raises StartError where it cannot be read or others may read it."""
    _Place.path, _Place.ring = Path(path), None
    ring()


def make(path, day):
    """Make the file with a first key, readable by its owner only, where it is not there yet."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(Ring([Key.new(day)]).text())
    except FileExistsError:
        pass


def write(keys, path=None):
    """Put these keys, the current one first, into a file (the one in use), whole or not at all, and use it."""
    path = path or _Place.path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(Ring(list(keys)).text())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    use(path)


def ring():
    """The Ring in use; a key that another process has added to the file is known within a second."""
    now = monotonic()
    if _Place.ring is None or now - _Place.looked > LOOK_SECONDS:
        if _Place.path is None:
            raise Unsealable(say("尚未载入加密密钥。", "No keys have been opened in this process."))
        stamp = _stamp(_Place.path)
        if _Place.ring is None or stamp != _Place.stamp:
            _Place.ring, _Place.stamp = read(_Place.path), stamp
        _Place.looked = now
    return _Place.ring


def _stamp(path):
    try:
        found = path.stat()
    except OSError:
        return _Place.stamp  # taken away while we run: what was read stays good until the next start
    return found.st_mtime_ns, found.st_ino


def read(path):
    """The Ring of a file. Raises StartError where it cannot be read, is not whole, or others may read it."""
    try:
        found = path.stat()
        lines = [line.split() for line in path.read_text().splitlines() if line.strip() and line[0] != "#"]
        keys = [Key(name, day, base64.b64decode(secret, validate=True)) for name, day, secret in lines]
        if not keys or not all(re.fullmatch(rf"[0-9a-f]{{{ID}}}", k.id) and len(k.secret) == 32 for k in keys):
            raise ValueError(path)
    except OSError as error:
        told = say(
            "{path}:读不了密钥文件({why})。", "{path}: the keys cannot be read ({why}).", path=path, why=error.strerror
        )
        raise StartError([f"{told} {mend()}"]) from error
    except ValueError as error:
        told = say("{path}:不是完整的密钥文件。", "{path}: this is no whole file of keys.", path=path)
        raise StartError([f"{told} {mend()}"]) from error
    if os.name == "posix" and found.st_mode & 0o077:
        told = say(
            "{path}:其他用户也能读取密钥。请运行 chmod 600 {path}。",
            "{path}: others can read the keys. Run: chmod 600 {path}",
            path=path,
        )
        raise StartError([told])
    return Ring(keys)


def missing(ring, proofs, path):
    """The sentences about keys, {id: check}, that a ring lacks or has otherwise."""
    faults = []
    for name, proof in proofs.items():
        if name not in ring.keys:
            told = (
                "{path}:缺少密钥 {name},数据库里有用它加密的内容。",
                "{path}: the key {name} is missing, and the database was written with it.",
            )
        elif ring.keys[name].check != proof:
            told = (
                "{path}:密钥 {name} 与数据库所用的不同。",
                "{path}: the key {name} is another than the database was written with.",
            )
        else:
            continue
        faults.append(say(*told, path=path, name=name))
    return faults


def mend():
    """What to do where keys are missing."""
    return say(
        "请把另行保管的 personal.keys 放回原处(或用 personal_keys 设置指明位置)后再启动;数据没有改动。",
        "Put back the personal.keys that you keep elsewhere (or say where it is: setting personal_keys) and start again; "
        "no data was changed.",
    )


def is_sealed(value):
    """Whether a stored text is a sealed one."""
    return isinstance(value, str) and value.startswith(SIGN) and SEALED.fullmatch(value) is not None


def seal(text, kind):
    """The text sealed by the current key."""
    return ring().current.seal(text, kind)


def unseal(sealed):
    """What was sealed. Raises Unsealable where its key is missing or it was changed."""
    key = ring().keys.get(sealed[len(SIGN) : len(SIGN) + ID])
    if key is None:
        name = sealed[len(SIGN) : len(SIGN) + ID]
        told = say("缺少加密密钥 {name}。", "The key {name} is missing.", name=name)
        raise Unsealable(f"{told} {mend()}")
    try:
        return key.unseal(sealed)
    except (InvalidTag, ValueError) as error:
        raise Unsealable(
            say("加密的内容已被改动,无法读取。", "What was sealed was changed and cannot be read.")
        ) from error


def sealed_anew(text):
    """A stored text with every sealed value in it under the current key; what none of our keys has sealed stays."""
    return SEALED.sub(_anew, text)


def _anew(match):
    sealed, keys = match[0], ring()
    key = keys.keys.get(sealed[len(SIGN) : len(SIGN) + ID])
    if key is None or key is keys.current:
        return sealed
    try:
        return keys.current.seal(key.unseal(sealed), sealed[HEAD - 1])
    except (InvalidTag, ValueError):
        return sealed


def wholes(kind, text):
    """The marks that a value may be stored under, one for each key."""
    return [key.whole(kind, text) for key in ring().keys.values()]


def ends(kind, text):
    """The marks of the last four characters that values may be stored under, one for each key."""
    return [key.end(kind, text) for key in ring().keys.values()]
