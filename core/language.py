"""The two languages of the product, and which of them speaks now. Both texts stand side by side where they are used."""

from contextlib import contextmanager
from contextvars import ContextVar

from markupsafe import escape

LANGUAGES = {"zh": "中文", "en": "English"}

_current = ContextVar("language", default="zh")


def current():
    """The language that speaks now: "zh" or "en"."""
    return _current.get()


def set_language(language):
    """Let `language` speak from now on in this thread or request; an unknown one leaves Chinese."""
    _current.set(language if language in LANGUAGES else "zh")


@contextmanager
def speaking(language):
    """Let `language` speak inside the block."""
    token = _current.set(language if language in LANGUAGES else "zh")
    try:
        yield
    finally:
        _current.reset(token)


def say(zh, en, **values):
    """The sentence in the language that speaks now, with `{name}` filled in from `values`."""
    text = en if current() == "en" else zh
    return text.format(**values) if values else text


class Words:
    """A sentence in both languages, chosen when it is shown: for declarations made once at start-up.

    Where `en` is left out, English follows from `name`: `result_told_at` reads "Result told at".
    """

    __slots__ = ("zh", "en")

    def __init__(self, zh, en=None, name=""):
        self.zh = zh
        self.en = en or (name.strip("_").replace("_", " ").capitalize() if name else zh)

    def __str__(self):
        return self.en if current() == "en" else self.zh

    def __repr__(self):
        return f"Words({self.zh!r}, {self.en!r})"

    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash((self.zh, self.en))

    def __html__(self):
        return escape(str(self))
