"""Messages to plugins that go out after the commit: kept in the same transaction, delivered at least once."""

import logging
from datetime import timedelta

import peewee

from core.access import system
from core.database import Table, db, insert_rows, is_sqlite, transaction
from core.errors import ZhixingError
from core.fields import JsonColumn, MomentColumn
from core.switches import is_on

log = logging.getLogger("zhixing.outbox")
TRIES = 5
handlers = {}  # kind -> function(plugin, payload, context); set at start by core.app


class Message(Table):
    """One thing that one plugin is told. `done_at` and what the plugin did are committed together."""

    plugin = peewee.CharField(max_length=64)
    kind = peewee.CharField(max_length=64)
    branch_id = peewee.BigIntegerField()
    payload = JsonColumn()
    made_at = MomentColumn()
    next_try_at = MomentColumn(null=True)  # None: done, or given up
    tries = peewee.IntegerField(default=0)
    done_at = MomentColumn(null=True)
    error = peewee.TextField(default="")

    class Meta:
        table_name = "outbox"
        indexes = ((("next_try_at", "id"), False),)


def tell(now, messages):
    """Put messages, as (plugin, kind, branch_id, payload), into the outbox of this transaction."""
    rows = [
        {"plugin": plugin, "kind": kind, "branch_id": branch_id, "payload": payload, "made_at": now, "next_try_at": now}
        for plugin, kind, branch_id, payload in messages
    ]
    insert_rows(Message, [{**row, "tries": 0, "done_at": None, "error": ""} for row in rows])


def deliver(now, limit=500):
    """Deliver what waits, each message in a transaction of its own with its done-mark. Returns how many went out."""
    sent = 0
    while sent < limit:
        with transaction():
            message = _claim(now)
            if message is None:
                return sent
            try:
                with _Part():
                    _hand(message, now)
                values = {"done_at": now, "next_try_at": None}
            except Exception as error:  # a plugin's fault must not stop the others
                if not isinstance(error, ZhixingError):
                    log.exception("plugin %s: %s failed", message.plugin, message.kind)
                tries = message.tries + 1
                wait = None if tries >= TRIES else now + timedelta(seconds=10 * 3**tries)
                values = {"tries": tries, "next_try_at": wait, "error": f"{type(error).__name__}: {error}"[:2000]}
            Message.update(values).where(Message.id == message.id).execute()
        sent += 1
    return sent


def _claim(now):
    query = Message.select().where(Message.next_try_at <= now).order_by(Message.next_try_at, Message.id).limit(1)
    if not is_sqlite():
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return query.first()


def _hand(message, now):
    if is_on(message.plugin, message.branch_id, now):
        handlers[message.kind](message.plugin, message.payload, system(now))


class _Part:
    """A part of the transaction that can be undone alone, with what it added to the trail."""

    def __enter__(self):
        with transaction() as current:
            self.current, self.noted = current, len(getattr(current, "audit", ()))
        self.savepoint = db.savepoint()
        self.savepoint.__enter__()

    def __exit__(self, kind, value, trace):
        if kind is not None and hasattr(self.current, "audit"):
            del self.current.audit[self.noted :]
        return self.savepoint.__exit__(kind, value, trace)


def waiting():
    """How many messages wait, and how many were given up: (waiting, given_up)."""
    open_ = Message.select().where(Message.next_try_at.is_null(False)).count()
    stuck = Message.select().where(Message.done_at.is_null(), Message.next_try_at.is_null()).count()
    return open_, stuck


def prune(before):
    """Forget what was delivered before a moment."""
    return Message.delete().where(Message.done_at < before).execute()
