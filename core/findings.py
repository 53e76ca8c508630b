"""Findings: what the sweep and the checks found. One opens once for its cause, and closes when the cause is gone."""

import peewee

from core import outbox
from core.audit import note
from core.database import Kept, door, insert_rows, is_sqlite
from core.fields import MomentColumn
from core.language import Words
from core.plugins import registry
from core.switches import is_on

STATES = {
    "open": Words("未解决", "Open"),
    "waived": Words("已豁免", "Waived"),
    "closed": Words("已消除", "Closed"),
    "withdrawn": Words("已撤回", "Withdrawn"),
}
STANDING = ("open", "waived")  # its cause is still there


class Finding(Kept):
    """One finding: `source` is "limit:plugin.name" or "check:plugin.name"; identity is (source, colour, subject, episode).

    `colour` is yellow or red for limits, "" for checks. `subject` is the record it speaks of.
    """

    branch_id = peewee.BigIntegerField()
    plugin = peewee.CharField(max_length=64)
    source = peewee.CharField(max_length=128)
    colour = peewee.CharField(max_length=8, default="")
    record = peewee.CharField(max_length=64)
    record_id = peewee.BigIntegerField()
    episode = peewee.IntegerField(default=1)
    period = peewee.CharField(max_length=16, default="")
    state = peewee.CharField(max_length=16, default="open")
    message = peewee.TextField(default="")
    owner_id = peewee.BigIntegerField(null=True)
    department_id = peewee.BigIntegerField(null=True)
    clock_id = peewee.BigIntegerField(null=True)
    happened_at = MomentColumn()
    closed_at = MomentColumn(null=True)
    waived_until = peewee.DateField(null=True)
    reason = peewee.TextField(default="")

    class Meta:
        indexes = (
            (("source", "colour", "record", "record_id", "period", "episode"), True),
            (("branch_id", "state"), False),
            (("record", "record_id"), False),
        )


FIELDS = [name for name in Finding._meta.fields if name != "id"]
DEFAULTS = {"episode": 1, "period": "", "state": "open", "message": "", "closed_at": None, "waived_until": None, "reason": "",
            "owner_id": None, "department_id": None, "clock_id": None, "colour": ""}  # fmt: skip


def open_many(actor, found):
    """Open findings (dicts by field name) in this transaction, each with its trail and its messages. Returns their ids."""
    rows = [
        {name: item.get(name, DEFAULTS.get(name)) for name in FIELDS} | {"happened_at": actor.now} for item in found
    ]
    with door():
        ids = insert_rows(Finding, rows)
    for finding_id, row in zip(ids, rows, strict=True):
        told = {name: [None, row[name]] for name in ("source", "colour", "record", "record_id")}
        note(actor, "open", "finding", finding_id, row["branch_id"], told)
    _tell(actor, "finding_opened", zip(ids, rows, strict=True))
    return ids


def locked(query):
    """The findings of a query, which nobody else closes or waives until this transaction ends."""
    return query if is_sqlite() else query.for_update()


def standing(source, record_ids):
    """The open and waived findings of a source about some subjects, locked."""
    query = Finding.select().where(
        Finding.source == source, Finding.record_id.in_(record_ids), Finding.state.in_(STANDING)
    )
    return list(locked(query.order_by(Finding.id)))


def number(found):
    """Give each finding (a dict) its episode: one more than there are of the same identity, in one query for all."""
    if not found:
        return
    identity = (Finding.source, Finding.colour, Finding.record, Finding.record_id, Finding.period)
    query = (
        Finding.select(*identity, peewee.fn.MAX(Finding.episode))
        .where(
            Finding.source.in_({item["source"] for item in found}),
            Finding.record.in_({item["record"] for item in found}),
            Finding.record_id.in_({item["record_id"] for item in found}),
        )
        .group_by(*identity)
    )
    last = {tuple(row[:5]): row[5] for row in query.tuples()}
    for item in found:
        key = (item["source"], item.get("colour", ""), item["record"], item["record_id"], item.get("period", ""))
        item["episode"] = last.get(key, 0) + 1


def close_many(actor, query):
    """Close the open and waived findings of a query, each with its trail and messages. Returns them."""
    return _end(actor, query.where(Finding.state.in_(STANDING)), "closed", "")


def withdraw(actor, query, reason):
    """Withdraw the findings of a query that prove wrong, closed ones too: they stay on file. Returns them."""
    return _end(actor, query.where(Finding.state != "withdrawn"), "withdrawn", reason)


def _end(actor, query, state, reason):
    rows = list(locked(query.order_by(Finding.id)))
    if rows:
        with door():
            values = {"state": state, "closed_at": actor.now} | ({"reason": reason} if reason else {})
            Finding.update(values).where(Finding.id.in_([row.id for row in rows])).execute()
        for row in rows:
            note(actor, state, "finding", row.id, row.branch_id, {"state": [row.state, state]}, reason)
            row.state, row.closed_at = state, actor.now
        _tell(actor, "finding_closed", [(row.id, row.__data__) for row in rows])
    return rows


def _tell(actor, kind, findings):
    """One message for each plugin that answers, where it is on: its own hook, or what its manifest declares."""
    listening = {name for name, _ in registry().implementing(kind)}
    if kind == "finding_opened":
        listening |= {name for name, p in registry().plugins.items() if p.manifest.answers or p.manifest.notices}
    messages = []
    for finding_id, row in findings:
        for plugin in listening:
            if is_on(plugin, row["branch_id"], actor.now):
                messages.append((plugin, kind, row["branch_id"], f"finding:{finding_id}", {"finding": finding_id}))
    outbox.tell(actor.now, messages)
