"""Messages to plugins that go out after the commit: kept in the same transaction, delivered at least once each.

What a plugin does in the database is there once. What it does outside may happen again where a worker is killed in the
middle: that a message is handed over is counted before it is, so that the next time it says so (`actor.delivery`).

What one plugin is told of one branch is delivered by one worker at a time, and what it is told of one subject in the
order in which it happened, also where an earlier message has to be tried again.
"""

import logging
from dataclasses import replace
from datetime import timedelta

import peewee

from core.access import Delivery, system
from core.database import Table, alone, db, in_hand, insert_rows, is_overtaken, is_trouble, transaction
from core.errors import ZhixingError
from core.failures import cause_of, trace_of
from core.faulty import set_aside_now
from core.fields import MomentColumn
from core.sealing import SealedColumn, SealedJsonColumn
from core.switches import is_on

log = logging.getLogger("zhixing.outbox")
TRIES = 5
handlers = {}  # kind -> function(plugin, payload, context); set at start by core.start


class Message(Table):
    """One thing that one plugin is told. `done_at` and what the plugin did are committed together."""

    plugin = peewee.CharField(max_length=64)
    kind = peewee.CharField(max_length=64)
    branch_id = peewee.BigIntegerField()
    subject = peewee.CharField(max_length=96)  # what it is about: messages of one subject keep their order
    payload = SealedJsonColumn()
    made_at = MomentColumn()
    next_try_at = MomentColumn(null=True)  # None: done, or given up
    tries = peewee.IntegerField(default=0)
    handed = peewee.IntegerField(default=0)  # how often it was about to be handed over: above 1, it may be a repeat
    done_at = MomentColumn(null=True)
    error = SealedColumn(default="")

    class Meta:
        table_name = "outbox"
        indexes = ((("next_try_at", "id"), False), (("subject", "id"), False))


def tell(now, messages):
    """Put messages, as (plugin, kind, branch_id, subject, payload), into the outbox of this transaction."""
    rest = {"made_at": now, "next_try_at": now, "tries": 0, "handed": 0, "done_at": None, "error": ""}
    names = ("plugin", "kind", "branch_id", "subject", "payload")
    insert_rows(Message, [{**dict(zip(names, message, strict=True)), **rest} for message in messages])


def deliver(now, limit=500, begin=None):
    """Deliver what waits, each message in a transaction of its own with its done-mark. Returns how many were tried.

    0 means that nothing waits, or that other workers have it in hand. What a plugin is told that is set aside waits.
    `begin(message)` is called before each.
    """
    tried = 0
    with in_hand("outbox") as is_mine:
        for plugin, branch_id in _waiting_groups(now) if is_mine else ():
            while tried < limit and plugin not in set_aside_now() and _deliver_next(plugin, branch_id, now, begin):
                tried += 1
    return tried


def _waiting_groups(now):
    query = Message.select(Message.plugin, Message.branch_id).where(Message.next_try_at <= now)
    return list(query.group_by(Message.plugin, Message.branch_id).order_by(peewee.fn.MIN(Message.id)).tuples())


def _deliver_next(plugin, branch_id, now, begin):
    """Deliver the next message of a plugin and branch, if it is ours to deliver. Returns whether there was one.

    On SQLite a hook that hangs before it writes holds up nobody who writes; one that was overtaken is asked once more.
    """
    try:
        return _deliver_one(plugin, branch_id, now, begin, gently=True)
    except peewee.OperationalError as error:
        if not is_overtaken(error):
            raise
    return _deliver_one(plugin, branch_id, now, begin, gently=False)


def _deliver_one(plugin, branch_id, now, begin, gently):
    message = _take(plugin, branch_id, now)
    if message is None:
        return False
    with transaction(gently):
        if not alone(f"outbox:{plugin}:{branch_id}"):
            return False
        message = Message.get_or_none(Message.id == message.id, Message.next_try_at <= now)
        if message is None:
            return True  # another worker has delivered it meanwhile
        if begin:
            begin(message)
        try:
            with _Part():
                _hand(message, now)
            values = {"done_at": now, "next_try_at": None, "error": ""}
        except (Exception, SystemExit) as error:  # a plugin's fault must not stop the others
            if is_trouble(error):
                raise
            values = _after(message, error, now)
        Message.update(values).where(Message.id == message.id).execute()
    return True


def _take(plugin, branch_id, now):
    """The next message, counted as handed over before it is: a worker killed in the middle leaves the count behind."""
    with transaction():
        message = _next(plugin, branch_id, now) if alone(f"outbox:{plugin}:{branch_id}") else None
        if message is not None:
            message.handed += 1
            Message.update(handed=message.handed).where(Message.id == message.id).execute()
    return message


def _next(plugin, branch_id, now):
    earlier = Message.alias()
    is_first = ~peewee.fn.EXISTS(
        earlier.select(earlier.id).where(
            earlier.subject == Message.subject,
            earlier.id < Message.id,
            earlier.plugin == Message.plugin,
            earlier.next_try_at.is_null(False),
        )
    )
    mine = (Message.plugin == plugin, Message.branch_id == branch_id, Message.next_try_at <= now, is_first)
    return Message.select().where(*mine).order_by(Message.next_try_at, Message.id).first()


def _after(message, error, now):
    if not isinstance(error, ZhixingError):
        log.error("plugin %s: %s failed\n%s", message.plugin, message.kind, trace_of(error))
    tries = message.tries + 1
    wait = None if tries >= TRIES else now + timedelta(seconds=10 * 3**tries)
    return {"tries": tries, "next_try_at": wait, "error": cause_of(error)}


def lost(message_id, tries, error, now):
    """Note a message whose delivery ended the process that did it, unless that was noted already. `tries` had it then."""
    with transaction():
        message = Message.get_or_none(Message.id == message_id, Message.tries == tries, Message.done_at.is_null())
        if message is not None and message.next_try_at is not None:
            same = (Message.id == message_id, Message.tries == tries)
            Message.update(_after(message, error, now)).where(*same).execute()


def _hand(message, now):
    if is_on(message.plugin, message.branch_id, now):
        actor = replace(system(now), delivery=Delivery(message.id, message.handed > 1))
        handlers[message.kind](message.plugin, message.payload, actor)


class _Part:
    """A part of the transaction that can be undone alone, with what it added to the trail and wanted done later."""

    def __enter__(self):
        with transaction() as current:
            self.current, self.noted = current, len(getattr(current, "audit", ()))
            self.later = len(current.after_commit)
        self.savepoint = db.savepoint()
        self.savepoint.__enter__()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            del self.current.after_commit[self.later :]
            if hasattr(self.current, "audit"):
                del self.current.audit[self.noted :]
        return self.savepoint.__exit__(kind, value, trace)


def waiting():
    """How many messages wait, and how many were given up: (waiting, given_up)."""
    return Message.select().where(Message.next_try_at.is_null(False)).count(), given_up().count()


def given_up():
    """A query of the messages that were given up, for an administrator to see and to try again."""
    return Message.select().where(Message.done_at.is_null(), Message.next_try_at.is_null()).order_by(Message.id)


def try_again(now, ids):
    """Try messages once more that were given up. Returns how many."""
    again = Message.update(next_try_at=now, tries=0)
    return again.where(Message.id.in_(list(ids)), Message.done_at.is_null(), Message.next_try_at.is_null()).execute()


def plugin_moved(actor, verb, plugin, words, row):
    """When a plugin is taken back: what was given up of it is tried again. What waited has waited."""
    if verb == "take_back":
        stuck = given_up().where(Message.plugin == plugin)
        Message.update(next_try_at=actor.now, tries=0).where(Message.id.in_(stuck.select(Message.id))).execute()
        waiting_ = (Message.plugin == plugin, Message.next_try_at.is_null(False))
        Message.update(next_try_at=actor.now, tries=0).where(*waiting_).execute()


def prune(before):
    """Forget what was delivered before a moment, in small transactions. Returns how many."""
    gone = 0
    while True:
        old = Message.select(Message.id).where(Message.done_at < before).order_by(Message.id).limit(500)
        ids = [message.id for message in old]
        gone += Message.delete().where(Message.id.in_(ids)).execute() if ids else 0
        if len(ids) < 500:
            return gone
