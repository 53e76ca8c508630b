"""The messages that are to go out, one row each: planned from notices, claimed by a worker, marked when they went."""

import secrets
from datetime import timedelta

import peewee

from core import channels
from core.channels import Channel, MessageAddress
from core.database import Table, alone, transaction
from core.fields import MomentColumn
from core.language import Words
from core.notices import Notice
from core.organisation import organisation
from core.people import Person

LOOKED_BACK = timedelta(days=7)  # an older notice that nobody planned is left to the program
AT_ONCE = 500  # rows planned in one transaction
STATES = {
    "waiting": Words("待发送", "Waiting"),
    "sending": Words("发送中", "Being sent"),
    "sent": Words("已发送", "Sent"),
    "dropped": Words("无须再发", "Not needed any more"),
    "failed": Words("未能送达", "Not delivered"),
}


class Dispatch(Table):
    """One notice to one person (`room_id` 0) or to one room (`person_id` 0; the channel's id). Unique: nobody is told twice."""

    person_id = peewee.BigIntegerField(default=0)
    room_id = peewee.BigIntegerField(default=0)
    occasion = peewee.CharField(max_length=160)
    channel = peewee.ForeignKeyField(Channel, backref="+", on_delete="RESTRICT")
    notice_id = peewee.BigIntegerField()
    state = peewee.CharField(max_length=16, default="waiting")  # one of STATES
    claim = peewee.CharField(max_length=32, default="")
    lease_until = MomentColumn(null=True)
    next_try_at = MomentColumn(null=True)
    tries = peewee.IntegerField(default=0)
    may_repeat = peewee.BooleanField(default=False)  # an earlier try may have arrived
    sent_at = MomentColumn(null=True)

    class Meta:
        indexes = (
            (("person_id", "room_id", "occasion"), True),
            (("state", "next_try_at"), False),
            (("channel", "person_id", "sent_at"), False),
        )


# ---- planning ------------------------------------------------------------------------------------------------------


def plan(now):
    """Plan what the notices of late ask for. Returns how many messages were planned now; safe to run side by side."""
    live = list(channels.live_channels().values())
    rows = [*_for_people(live, now), *_for_rooms(live, now)] if live else []
    planned = 0
    for begin in range(0, len(rows), AT_ONCE):
        with transaction():
            query = Dispatch.insert_many(rows[begin : begin + AT_ONCE]).on_conflict_ignore()
            planned += query.as_rowcount().execute()
    return planned


def _unread(now):
    return Notice.select(Notice).where(Notice.read_at.is_null(), Notice.recorded_at >= now - LOOKED_BACK)


def _planned(*same):
    return peewee.fn.EXISTS(Dispatch.select(Dispatch.id).where(*same, Dispatch.occasion == Notice.occasion))


def _for_people(live, now):
    if not any(not channel.is_room for channel in live):
        return
    query = (
        Notice.select(Notice, Person.branch_id.alias("home"))
        .join(Person)
        .join(MessageAddress, on=(MessageAddress.person == Person.id))
        .where(
            Notice.read_at.is_null(),
            Notice.recorded_at >= now - LOOKED_BACK,
            Notice.recorded_at >= MessageAddress.since,
            MessageAddress.is_wanted,
            Person.is_active,
            ~_planned(Dispatch.person_id == Notice.person, Dispatch.room_id == 0),
        )
    )
    for notice in query.order_by(Notice.id).objects():
        channel = channels.mail_for(live, notice.home, notice)
        if channel is not None:
            yield _row(notice, channel, now, person_id=notice.person_id, room_id=0)


def _for_rooms(live, now):
    tree = organisation()
    for channel in filter(lambda each: each.is_room, live):
        query = _unread(now).where(
            Notice.recorded_at >= channel.made_at,
            Notice.branch_id.in_(sorted(tree.subtree(channel.branch_id))),
            ~_planned(Dispatch.person_id == 0, Dispatch.room_id == channel.id),
        )
        if channel.department_id:
            query = query.join(Person).where(Person.department == channel.department_id)
        for notice in query.order_by(Notice.id):
            if channels.carries(channel, notice):
                yield _row(notice, channel, now, person_id=0, room_id=channel.id)


def _row(notice, channel, now, **to):
    return {**to, "occasion": notice.occasion, "channel": channel.id, "notice_id": notice.id, "next_try_at": now}


# ---- claiming and marking ------------------------------------------------------------------------------------------


def _due(now):
    waits = (Dispatch.state == "waiting") & (Dispatch.next_try_at <= now)
    return waits | ((Dispatch.state == "sending") & (Dispatch.lease_until < now))


def waiting_groups(now):
    """For which person (0: a room) on which channel something may be sent: [(channel id, person id)], oldest first."""
    query = Dispatch.select(Dispatch.channel, Dispatch.person_id).where(_due(now))
    grouped = query.group_by(Dispatch.channel, Dispatch.person_id).order_by(peewee.fn.MIN(Dispatch.id))
    return list(grouped.tuples())


def last_sent(channel_id, person_id):
    """When something was last sent to a person or room on a channel, or None."""
    mine = (Dispatch.channel == channel_id, Dispatch.person_id == person_id)
    return Dispatch.select(peewee.fn.MAX(Dispatch.sent_at)).where(*mine).scalar()


def put_off(channel_id, person_id, **values):
    """Let what waits for one person or room wait for something else."""
    mine = (Dispatch.channel == channel_id, Dispatch.person_id == person_id, Dispatch.state == "waiting")
    Dispatch.update(**values).where(*mine).execute()


def take(now, lease, channel_id, person_id, only_red=False):
    """Take what waits for one person or room, so that no other worker has it. Returns the rows."""
    claim = secrets.token_hex(16)
    mine = (Dispatch.channel == channel_id, Dispatch.person_id == person_id, _due(now))
    if only_red:
        red = Notice.select(Notice.id).where(Notice.id == Dispatch.notice_id, Notice.tone == "red")
        mine = (*mine, peewee.fn.EXISTS(red))
    with transaction():
        if not alone(f"messages:{channel_id}:{person_id}"):
            return []
        again = peewee.Case(None, [(Dispatch.state == "sending", True)], Dispatch.may_repeat)
        values = {"state": "sending", "claim": claim, "lease_until": now + lease, "may_repeat": again}
        Dispatch.update(**values).where(*mine).execute()
    return list(Dispatch.select().where(Dispatch.claim == claim, Dispatch.state == "sending").order_by(Dispatch.id))


def mark(rows, **values):
    """Write how rows of a claim of ours ended; one that another worker has taken over meanwhile is left to it."""
    for claim in {row.claim for row in rows}:
        ids = [row.id for row in rows]
        ours = (Dispatch.id.in_(ids), Dispatch.claim == claim, Dispatch.state == "sending")
        Dispatch.update(**values).where(*ours).execute()


def counts(channel_ids):
    """How many messages of each channel are in which state: {(channel id, state): count}."""
    query = Dispatch.select(Dispatch.channel, Dispatch.state, peewee.fn.COUNT(Dispatch.id))
    query = query.where(Dispatch.channel.in_(list(channel_ids) or [0])).group_by(Dispatch.channel, Dispatch.state)
    return {(channel_id, state): count for channel_id, state, count in query.tuples()}


def prune(now, keep):
    """Forget what was planned for notices that are long past, and would not be planned anew. Returns how many."""
    before = now - max(keep, LOOKED_BACK + timedelta(days=1))
    ended, gone = Dispatch.state.in_(("sent", "dropped", "failed")), 0
    old = Notice.select(Notice.id).where(Notice.recorded_at < before)
    while True:
        rows = Dispatch.select(Dispatch.id).where(ended, Dispatch.notice_id.in_(old)).order_by(Dispatch.id)
        ids = [row.id for row in rows.limit(AT_ONCE)]
        gone += Dispatch.delete().where(Dispatch.id.in_(ids)).execute() if ids else 0
        if len(ids) < AT_ONCE:
            return gone
