"""A form as a browser would send it, read from the page that shows it."""

import re
from html.parser import HTMLParser

HIDDEN = re.compile(r'<input type="hidden"[^>]*>|<textarea[^>]* hidden>.*?</textarea>', re.DOTALL)


class _Forms(HTMLParser):
    """Every form of a page: [(action, {name: value})]."""

    def __init__(self):
        super().__init__()
        self.forms, self.select, self.textarea = [], None, None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append((given.get("action") or "", {}))
        name, values = given.get("name"), self.forms[-1][1] if self.forms else {}
        if "disabled" in given:
            return
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio", "file") or "checked" in given):
            values[name] = given.get("value") or ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and (self.select not in values or "selected" in given):
            values[self.select] = given.get("value") or ""
        elif tag == "textarea" and name:
            self.textarea, values[name] = name, ""

    def handle_data(self, data):
        if self.textarea:
            self.forms[-1][1][self.textarea] += data

    def handle_endtag(self, tag):
        self.select = None if tag == "select" else self.select
        self.textarea = None if tag == "textarea" else self.textarea


def form_of(page, action="", having=()):
    """The inputs of the form of a page with this action (and with inputs of the names `having`), as {name: value}."""
    reader = _Forms()
    reader.feed(page.text)
    return dict(next(values for at, values in reader.forms if at == action and set(having) <= set(values)))


def shown_in(text):
    """A page without what its forms carry unseen."""
    return HIDDEN.sub("", text)
