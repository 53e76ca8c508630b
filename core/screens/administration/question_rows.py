"""Questions as the designer's form holds them: rows of text fields, read from and written to what `forms.publish` takes."""

from core.forms import KINDS

EMPTY = {
    "key": "", "kind": "text", "zh": "", "en": "", "required": "", "shown_if": "", "default": "", "choices": "",
    "retired": "", "published": "",
}  # fmt: skip
MOST = 60  # rows that one form may carry


def rows_of(questions):
    """Stored questions as rows of the form."""
    return [
        {
            "key": data["key"],
            "kind": data["kind"],
            "zh": data["label"]["zh"],
            "en": data["label"].get("en") or "",
            "required": "yes" if data.get("required") else "",
            "shown_if": data.get("shown_if", ""),
            "default": data.get("default", ""),
            "choices": "\n".join(map(_line, data.get("choices", ()))),
            "retired": "yes" if data.get("retired") else "",
            "published": "yes",
        }
        for data in questions
    ]


def _line(choice):
    parts = [choice["word"], choice["zh"], choice.get("en") or ""]
    return ("- " if choice.get("retired") else "") + " | ".join(part for part in parts if part)


def rows_typed(form):
    """The rows that a request typed, in their order."""
    count = min(int(form.get("count") or 0) if (form.get("count") or "0").isdigit() else 0, MOST)
    return [{name: form.get(f"{place}.{name}", "").strip() for name in EMPTY} for place in range(1, count + 1)]


def questions_of(rows):
    """Rows as `forms.publish` takes them."""
    return [
        {
            "key": row["key"],
            "kind": row["kind"],
            "label": {"zh": row["zh"], "en": row["en"]},
            "required": bool(row["required"]),
            "shown_if": row["shown_if"],
            "default": row["default"],
            "choices": choices_of(row["choices"]) if row["kind"] == "choice" else [],
            "retired": bool(row["retired"]),
        }
        for row in rows
    ]


def choices_of(text):
    """The choices that lines of `word | Chinese | English` say; a line that begins with - is a retired one."""
    choices = []
    for line in filter(None, map(str.strip, text.splitlines())):
        retired = line.startswith("-")
        parts = [part.strip() for part in line.removeprefix("-").replace("\uff5c", "|").split("|")]
        word, zh, en = (*parts, "", "")[:3]
        choices.append({"word": word, "zh": zh or word, "en": en, "retired": retired})
    return choices


def arranged(rows, act):
    """The rows after a button was pressed: add, or up, down, retire, restore or remove with a row's place (up.2)."""
    verb, _, place = act.partition(".")
    rows = [dict(row) for row in rows]
    if verb == "add":
        return [*rows, dict(EMPTY)]
    at = int(place) - 1 if place.isdigit() else -1
    if not 0 <= at < len(rows):
        return rows
    if verb in ("retire", "restore"):
        rows[at]["retired"] = "yes" if verb == "retire" else ""
    elif verb == "remove" and not rows[at]["published"]:
        rows.pop(at)
    elif verb in ("up", "down"):
        other = at + (1 if verb == "down" else -1)
        if 0 <= other < len(rows):
            rows[at], rows[other] = rows[other], rows[at]
    return rows


def kind_choices():
    """The kinds of question to choose from: [(kind, words)]."""
    return [(kind, words) for kind, (_, words) in KINDS.items()]
