"""Whether the chains of the sealed trail hold: every row walked, the first broken one of each chain named.

A chain that was rewritten as a whole, hashes and all, holds in itself. The heads that are written out daily, and those
that somebody kept elsewhere, show it.
"""

import csv
import json
from contextlib import contextmanager

from core import keys
from core.database import db, is_sqlite
from core.errors import Fault, Refused, Unsealable
from core.fields import moment_from_db, moment_to_db
from core.language import say
from core.seal import ERASE, SEALED, START, TRAIL, AuditEntry, digest_of, heads, link_of

BROKEN = object()  # a value that cannot be unsealed
COLUMNS = ("id", "changes", "salt", "previous", "hash", *SEALED)


def verify(branch_ids=None, kept=()):
    """Walk the chains (of these branches, or all); the faults, as (branch_id, seq, sentence), first of each chain only.

    Empty: all is whole. `kept` are heads written out before, as `kept_heads` gives them.
    """
    ends = {head["branch_id"]: head for head in heads()}
    begun = {branch_id for (branch_id,) in AuditEntry.select(AuditEntry.branch_id).distinct().tuples()}
    faults = []
    for branch_id in sorted({*ends, *begun, *(each["branch_id"] for each in kept)}):
        if branch_ids is not None and branch_id not in branch_ids:
            continue
        known = {}
        for each in kept:
            if each["branch_id"] == branch_id:
                known.setdefault(each["seq"], []).append(each)
        fault = _fault_of_chain(branch_id, ends.get(branch_id), known)
        faults += [(branch_id, *fault)] if fault else []
    return faults


def _fault_of_chain(branch_id, end, kept):
    if end is None:
        return 1, say("这条链没有链首", "the chain has no head")
    erased, seq, last = _erased(branch_id), 0, {"hash": START, "id": 0, "has_id": False}
    for seq, row in enumerate(_rows(branch_id), 1):
        fault = _fault(row, seq, last, erased) or _not_as_kept(row, kept.get(seq, ()))
        if fault:
            return seq, fault
        last = row
    if end["seq"] != seq:
        told = say("链止于第 {seq} 笔,链首说有 {head} 笔", "the chain ends at {seq}, its head says {head}", seq=seq, head=end["seq"])  # fmt: skip
        return min(seq, end["seq"]) + 1, told
    if end["hash"] != last["hash"]:
        return max(seq, 1), say("链首与最后一笔不符", "the head is not that of the last entry")
    beyond = [number for number in kept if number > seq]
    return (seq + 1, _rewritten(kept[min(beyond)][0])) if beyond else None


def _rows(branch_id, *conditions):
    """The rows of a chain as they are stored, read by nothing that could make two forms of a value look alike."""
    query = AuditEntry.select(*(AuditEntry._meta.fields[name] for name in COLUMNS))
    query = query.where(AuditEntry.branch_id == branch_id, *conditions).order_by(AuditEntry.seq)
    with _any_bytes():
        for values in db.execute(query):
            row = dict(zip(COLUMNS, values, strict=True))
            yield {**row, "changes": _unsealed(row["changes"]), "salt": _unsealed(row["salt"])}


def _unsealed(value):
    """What was sealed in the database; BROKEN where it is not sealed, or not as it was sealed."""
    try:
        return None if value is None else keys.unseal(value) if keys.is_sealed(value) else BROKEN
    except Unsealable:
        return BROKEN


@contextmanager
def _any_bytes():
    """Read text of SQLite also where its bytes are no text any more, so that such a row can be named."""
    if not is_sqlite():
        yield
        return
    connection = db.connection()
    before, connection.text_factory = connection.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = before


def _erased(branch_id):
    """The numbers of the entries whose values were erased, as the chain itself says; None where it cannot be told.

    It cannot where an entry about an erasure is broken itself: then that one is named, not those that it spoke of.
    """
    found = set()
    for row in _rows(branch_id, (AuditEntry.verb == ERASE) | (AuditEntry.record == TRAIL)):
        if _changed_values(row):
            return None
        found.update(json.loads(row["changes"] or "{}").get("entries", ()))
    return found


def _changed_values(row):
    """Whether the values of a row are not those that were sealed, to the byte."""
    if BROKEN in (row["changes"], row["salt"]):
        return True
    try:
        changes = None if row["changes"] is None else json.loads(row["changes"])
        text = None if changes is None else json.dumps(changes, ensure_ascii=False, separators=(",", ":"))
        return text != row["changes"] or digest_of(row["salt"], changes) != row["digest"]
    except (ValueError, TypeError):
        return True


def _fault(row, seq, last, erased):
    if row["seq"] != seq:
        return say(
            "缺第 {seq} 笔,见到的是第 {found} 笔", "entry {seq} is missing, found {found}", seq=seq, found=row["seq"]
        )
    if row["previous"] != last["hash"]:
        return say("与前一笔不相接", "does not follow the entry before it")
    is_empty = row["changes"] is None and row["salt"] == ""
    if not (is_empty and (erased is None or seq in erased)) and _changed_values(row):
        return say("内容被改动", "its values were changed")
    if not _is_sealed(row, last):
        return say("加封后被改动", "was changed after it was sealed")
    return None


def _is_sealed(row, last):
    """Whether the hash is that of the row. One without its id in the seal may only precede those with it, ids ascending."""
    try:
        at = moment_from_db(row["at"])
        if isinstance(row["at"], str) and moment_to_db(at) != row["at"]:
            return False
        values = {**row, "at": at}
        row["has_id"] = link_of(values) == row["hash"]
        if row["has_id"]:
            return True
        return not last["has_id"] and row["id"] > last["id"] and link_of(values, with_id=False) == row["hash"]
    except (ValueError, TypeError, AttributeError):
        return False


def _not_as_kept(row, kept):
    return next((_rewritten(each) for each in kept if each["hash"] != row["hash"]), None)


def _rewritten(head):
    return say(
        "{file} 记下的第 {seq} 笔的封签不在链中:链在其后被重写或截断",
        "the chain no longer holds the seal that {file} has of entry {seq}: it was written anew or cut off since",
        file=head["file"],
        seq=head["seq"],
    )


def export_heads(folder, day, now):
    """Write the heads of all chains into `folder` as DAY.json, whole or not at all; returns the path.

    Kept elsewhere, the files show a chain that was rewritten as a whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{day}.json"
    text = json.dumps({"at": now.isoformat(timespec="seconds"), "heads": heads()}, indent=1)
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path


def kept_heads(folder, files=()):
    """The heads in the daily files of `folder` and in further `files`, by day: [{branch_id, seq, hash, file}].

    A file is as `export_heads`, `zhixing audit head --json` or the page of the trail write it. Raises Refused, naming
    every file that cannot be read: one that was spoilt may have been spoilt to hide something.
    """
    found, faults = [], []
    for path in [*sorted(folder.glob("*.json")), *files]:
        try:
            for head in _heads_in(path.read_text(encoding="utf-8-sig")):
                kept = {"branch_id": int(head["branch_id"]), "seq": int(head["seq"]), "hash": str(head["hash"])}
                found += [{**kept, "file": path.name}] if kept["seq"] else []
        except (OSError, ValueError, TypeError, KeyError):
            told = say(
                "{file} 不是链首文件,或已损坏", "{file} holds no heads of the trail, or is damaged", file=path.name
            )
            faults.append(Fault("", told, "unreadable"))
    if faults:
        raise Refused(*faults)
    return found


def _heads_in(text):
    if not text.lstrip().startswith("{"):
        rows = list(csv.DictReader(text.splitlines()))
        return rows if rows else _none()
    try:
        return json.loads(text)["heads"]
    except (json.JSONDecodeError, KeyError):
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _none():
    raise ValueError("no heads")
