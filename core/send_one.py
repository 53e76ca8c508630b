"""Sending one message through apprise, in a process of its own that is ended at its deadline. Run by core.sending.

Reads {url, title, body} as JSON from standard input, so that no secret stands on a command line; writes {why, detail}.
It imports nothing of the core, so that it starts in a fraction of a second.
"""

import json
import logging
import smtplib
import socket
import ssl
import sys
from sys import exception as being_handled

import apprise
import requests

KINDS = (  # the first that fits says what was wrong
    (smtplib.SMTPAuthenticationError, "sign_in"),
    (smtplib.SMTPRecipientsRefused, "recipient"),
    (smtplib.SMTPSenderRefused, "sender"),
    ((ssl.SSLError, requests.exceptions.SSLError), "tls"),
    ((requests.exceptions.ProxyError, requests.exceptions.ConnectTimeout), "unreachable"),
    ((TimeoutError, requests.exceptions.Timeout), "timeout"),
    ((socket.gaierror, ConnectionError, requests.exceptions.ConnectionError), "unreachable"),
    (smtplib.SMTPServerDisconnected, "unreachable"),
    (smtplib.SMTPException, "refused"),
    (OSError, "unreachable"),
)


class Seen(logging.Handler):
    """What apprise came upon and tells only in its log: the exceptions themselves, and the robots' answers."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.errors, self.answers = [], []

    def emit(self, record):
        if being_handled() is not None:
            self.errors.append(being_handled())

    def post(self, *args, **options):
        """requests.post; the answer is kept, because a robot refuses with a code in an answer of status 200."""
        answer = PLAIN_POST(*args, **options)
        self.answers.append(answer)
        return answer

    def outcome(self, is_sent):
        """(why, detail): "sent", or what was wrong with what the other side said of it."""
        for answer in self.answers:
            code, told = _refusal(answer)
            if code:
                return "refused", f"{code} {told}".strip()
        if is_sent:
            return "sent", ""
        for error in self.errors:
            why = next((why for kinds, why in KINDS if isinstance(error, kinds)), None)
            if why:
                return why, _said(error)
        return "failed", ""


PLAIN_POST = requests.post


def _refusal(answer):
    if answer.status_code != 200:
        return f"HTTP {answer.status_code}", ""
    try:
        told = answer.json()
    except ValueError:
        return "", ""
    told = told if isinstance(told, dict) else {}
    code = told.get("errcode", told.get("code", told.get("StatusCode", 0)))
    return ("" if code in (0, "0") else str(code)), str(told.get("errmsg", told.get("msg", "")))[:200]


def _said(error):
    """What the server said, as far as it said something; of a connection only the kind of error, which holds no address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(told)}" for code, told in error.recipients.values())[:200]
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"[:200]
    return type(error).__name__


def _text(told):
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)


def main():
    asked, seen = json.load(sys.stdin), Seen()
    logger = logging.getLogger("apprise")
    logger.addHandler(seen)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    requests.post = seen.post
    place = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if place is None:
        why, detail = "address", ""
    else:
        is_sent = place.notify(body=asked["body"], title=asked["title"], body_format=apprise.NotifyFormat.TEXT)
        why, detail = seen.outcome(is_sent)
    print(json.dumps({"why": why, "detail": detail}))


if __name__ == "__main__":
    main()
