"""A stale save: what I typed and what somebody else saved meanwhile, side by side."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Versions:
    """One field in both versions, as texts, theirs with stars where it is masked. `is_mine`: I changed it, so it can be chosen; else they did, to be known."""

    item: object
    mine: str
    theirs: str
    is_mine: bool


def both(mine, theirs):
    """What differs between a form as typed (an Entry that was read) and the record as it is now (a fresh Entry).

    `mine` then carries the stored revision and texts, so that it can be sent again.
    """
    now = {item.name: item for item in theirs.items}
    found = []
    for item in mine.items:
        stored = now[item.name].text if item.name in now else ""
        theirs_told = now[item.name].masked or stored if item.name in now else ""
        before, typed = mine.seen.get(item.name, "").strip(), item.text.strip()
        if typed != before and typed != stored.strip():
            found.append(Versions(item, item.text, theirs_told, True))
        elif stored.strip() != before:
            found.append(Versions(item, "", theirs_told, False))
            item.text = stored
    mine.seen, mine.revision = {name: item.text for name, item in now.items()}, theirs.revision
    return found


def shown(item, text):
    """A text of an input as people read it: the label of a choice in place of its word."""
    return (
        str(dict(item.options).get(text, text))
        if item.options
        else text.replace("T", " ")
        if item.kind == "moment"
        else text
    )
