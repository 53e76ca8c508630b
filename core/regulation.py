"""Regulations and their clauses, as plugins ship them, and the ledger of what enforces and proves each clause."""

import tomllib
from dataclasses import dataclass, field
from datetime import date

from core.language import Words


@dataclass(frozen=True)
class Clause:
    """One numbered demand of a regulation. `ours` marks a figure that is our choice, not the regulation's."""

    id: str
    title: Words
    demand: Words
    figures: tuple = ()
    actor: str = ""
    reading: Words | None = None
    ours: bool = False


@dataclass(frozen=True)
class Regulation:
    """A written regulation in the edition that a plugin ships."""

    id: str
    title: Words
    applies_to: Words
    edition: int
    in_force_from: date
    clauses: dict = field(default_factory=dict)
    sections: dict = field(default_factory=dict)
    readings: tuple = ()
    uncovered: tuple = ()  # clauses that nothing enforces yet, as the author declares
    proofs: dict = field(default_factory=dict)  # clause -> enforcers whose removal made a test with its mark fail


class Unreadable(Exception):
    """A TOML file of a plugin that cannot be read: the sentence names the file and what is wrong."""


def read_toml(path):
    """The content of a plugin's TOML file. Raises Unreadable."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unreadable(f"{path.name}: cannot be read: {error}.") from error


def _words(value):
    return Words(value["zh"], value["en"]) if value else None


def read(folder):
    """The regulation that a plugin's folder ships in regulation.toml, or None. proofs.toml beside it is `make prove`'s.

    Raises Unreadable.
    """
    path = folder / "regulation.toml"
    if not path.exists():
        return None
    try:
        return _regulation(read_toml(path), folder)
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{path.name}: has no {error}, or it is of the wrong kind.") from error


def _regulation(data, folder):
    head = data["regulation"]
    proofs = folder / "proofs.toml"
    clauses = {
        item["id"]: Clause(
            item["id"],
            _words(item["title"]),
            _words(item["demand"]),
            tuple(item.get("figures", ())),
            item.get("actor", ""),
            _words(item.get("reading")),
            item.get("ours", False),
        )
        for item in data["clause"]
    }
    return Regulation(
        head["id"],
        _words(head["title"]),
        _words(head["applies_to"]),
        head["edition"],
        head["in_force_from"],
        clauses,
        {item["id"]: _words(item["title"]) for item in data.get("section", ())},
        tuple(_words(item["text"]) for item in data.get("reading", ())),
        tuple(head.get("uncovered", ())),
        read_toml(proofs) if proofs.exists() else {},
    )


def ledger(regulation, enforcers):
    """What holds each clause: [{id, title, enforced_by, proved_by, status}]. `enforcers` are (clause, id) pairs.

    status is "uncovered" (nothing names it), "enforced" (named, not proved) or "proved" (each enforcer was taken away
    once and a test with the clause's mark failed).
    """
    by_clause = {}
    for clause, enforcer in enforcers:
        by_clause.setdefault(clause, []).append(enforcer)
    rows = []
    for clause in regulation.clauses.values():
        enforced = sorted(by_clause.get(clause.id, []))
        proofs = regulation.proofs.get(clause.id, {})
        proved = {enforcer: proofs[enforcer] for enforcer in enforced if enforcer in proofs}
        status = "uncovered" if not enforced else "proved" if len(proved) == len(enforced) else "enforced"
        rows.append(
            {
                "id": clause.id,
                "title": str(clause.title),
                "enforced_by": enforced,
                "proved_by": sorted({test for tests in proved.values() for test in tests}),
                "status": status,
            }
        )
    return rows
