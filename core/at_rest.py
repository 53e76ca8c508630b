"""What must not be readable in the database is encrypted with a key of the installation (AES-128-CBC with HMAC: Fernet)."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ZhixingError
from core.language import say

in_force = {}  # "keys": a MultiFernet, set at start; its first key encrypts, each decrypts


def use(*secrets):
    """Encrypt with a key derived from the first of these texts, and decrypt what any of them encrypted."""
    in_force["keys"] = MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret):
    derived = HKDF(SHA256(), length=32, salt=None, info=b"zhixing: at rest").derive(secret.encode())
    return base64.urlsafe_b64encode(derived)


def encrypt(text):
    """The text as the database keeps it; twice the same text is kept as two that differ."""
    return in_force["keys"].encrypt(text.encode()).decode()


def decrypt(kept):
    """The text that was encrypted. Raises Unreadable where no key in force made it, or where it was altered."""
    try:
        return in_force["keys"].decrypt(kept).decode()
    except InvalidToken as error:
        raise Unreadable() from error


class Unreadable(ZhixingError):
    """What is kept was encrypted by a key that this installation does not have."""

    def __init__(self):
        super().__init__(
            say(
                "数据是用另一个密钥加密的:数据目录中的 secret.key 不是当时的那个。请恢复原来的 secret.key。",
                "This was encrypted with another key: secret.key in the data folder is not the one of that time. "
                "Put the former secret.key back.",
            )
        )
