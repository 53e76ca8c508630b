"""One-time codes of an authenticator app (TOTP, RFC 6238): SHA-1, six digits, a new one every 30 seconds."""

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DRIFT = 1  # steps that a phone's clock may be off, either way
ISSUER = "Zhixing"


def new_secret():
    """A new secret of 160 bits, as apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret, step):
    """The code of a step of 30 seconds since 1970."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def step_of(moment):
    """The step that a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def matching_step(secret, code, now):
    """The step whose code this is, of those that a clock slightly off may show now; None where it is none of them."""
    typed = "".join(code.split()).encode()
    steps = range(step_of(now) - DRIFT, step_of(now) + DRIFT + 1)
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), typed)]
    return found[-1] if found else None


def address(secret, login):
    """The otpauth: address that an app reads from a QR code."""
    options = urlencode({"secret": secret, "issuer": ISSUER})
    return f"otpauth://totp/{ISSUER}:{quote(login)}?{options}"
