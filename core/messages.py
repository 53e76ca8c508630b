"""Telling people outside the program what they were told in it: once each, in working hours, one digest where many wait.

1. Each notice that a channel carries is planned: one row for the person (or the room) and the occasion, unique.
2. A worker claims what waits for one person or room, under a lease, and drops what is read or not theirs any more.
3. It sends, then marks. A worker killed in between leaves a claim whose lease ends: it is sent again, marked as a
   possible repeat. Nothing is held in a transaction while it is sent.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from core import channels, sending
from core.access import ROLES, Actor, holders_of
from core.business_calendar import calendar_of
from core.channel_kinds import EMAIL, KINDS
from core.database import transaction
from core.dispatches import last_sent, mark, plan, put_off, take, waiting_groups
from core.errors import Refused
from core.language import LANGUAGES
from core.message_texts import DIGESTED, digest, facts_of, kind_of, single
from core.notices import Notice, tell
from core.organisation import zone_of
from core.people import Person
from core.plugins import registry
from core.records.visibility import visible_to
from core.switches import is_on

TRIES = 5  # of one message, where it is the recipient's address that is wrong
ROUND_SECONDS = 10  # so long a worker sends before it looks at its other work again
# ---- claiming ---------------------------------------------------------------------------------------------------


@dataclass
class Settled:
    """What the worker goes by in one round."""

    now: datetime
    settings: object
    send: object

    @property
    def lease(self):
        """How long a claim is good: longer than all that may be sent under it."""
        most = ROUND_SECONDS + self.settings.message_seconds * (self.settings.message_digest_from + 1)
        return timedelta(seconds=60 + most)


def deliver(now, settings, send=sending.send):
    """Plan, and send what may go out now. Returns how many messages were sent. Nothing happens where no channel is."""
    live = channels.live_channels()
    if not live:
        return 0
    plan(now)
    round_, began, sent = Settled(now, settings, send), monotonic(), 0
    closed = _closed_channels(live, now)
    for channel_id, person_id in waiting_groups(now):
        if monotonic() - began > ROUND_SECONDS:
            break
        if channel_id not in live:
            put_off(channel_id, person_id, state="dropped")
        elif channel_id not in closed:
            went, fine = _group(round_, live[channel_id], person_id)
            sent += went
            closed |= set() if fine else {channel_id}
    return sent


def _closed_channels(live, now):
    """The channels that are set aside, or wait after a failure."""
    rows = channels.health_of(live).values()
    return {row.channel_id for row in rows if row.set_aside_at or (row.next_try_at and row.next_try_at > now)}


def _group(round_, channel, person_id):
    """Send what waits for one person or room. Returns (how many messages went out, whether the channel is fine)."""
    person = Person.get_or_none(Person.id == person_id) if person_id else None
    address = channels.address_kept(person) if person else None
    if person_id and not _wants(person, address):
        put_off(channel.id, person_id, state="dropped")
        return 0, True
    branch_id = person.branch_id if person else channel.branch_id
    opens_at = next_opening(branch_id, round_.now)
    only_red = opens_at > round_.now
    if only_red and not round_.settings.message_red_at_once:
        put_off(channel.id, person_id, next_try_at=opens_at)
        return 0, True
    again_at = _again_at(channel, person_id, branch_id, round_)
    if again_at > round_.now:
        put_off(channel.id, person_id, next_try_at=again_at)
        return 0, True
    rows = take(round_.now, round_.lease, channel.id, person_id, only_red)
    if only_red:
        put_off(channel.id, person_id, next_try_at=opens_at)
    told = _still_to_tell(rows, person, round_.now)
    mark([row for row in rows if row.id not in told], state="dropped")
    pairs = [(row, told[row.id]) for row in rows if row.id in told]
    return _send_all(round_, channel, person, address, pairs) if pairs else (0, True)


def _wants(person, address):
    is_wanted = person and person.is_active and address and address.is_wanted
    return bool(is_wanted and EMAIL.fullmatch(address.sealed_address))


def next_opening(branch_id, now):
    """`now` where the branch works at this moment, else when it opens next. Beyond its calendar it counts as open."""
    try:
        return next(calendar_of(branch_id).stretches(now))[0]
    except Refused:
        return now


def _again_at(channel, person_id, branch_id, round_):
    """From when on a person or room is sent something again: not at every moment, and once a day where it is a digest."""
    last = last_sent(channel.id, person_id)
    if last is None:
        return round_.now
    if channel.carries == "digest":
        zone = zone_of(branch_id)
        if last.astimezone(zone).date() < round_.now.astimezone(zone).date():
            return round_.now
        calendar = calendar_of(branch_id)
        return calendar.hours(calendar.next_business_day(last.astimezone(zone).date()))[0][0]
    return last + timedelta(minutes=round_.settings.message_gather_minutes)


def _still_to_tell(rows, person, now):
    """The notices that are still to be told: {row id: Notice}. Not what is read, off, or not the person's to see."""
    unread = Notice.occasion.in_([row.occasion for row in rows] or [""]) & Notice.read_at.is_null()
    if person is not None:
        unread &= Notice.person == person
    notices = {notice.occasion: notice for notice in Notice.select().where(unread).order_by(Notice.id.desc())}
    seen = _seen(notices.values(), person, now)
    return {
        row.id: notices[row.occasion]
        for row in rows
        if row.occasion in notices and _is_theirs(notices[row.occasion], seen, now)
    }


def _is_theirs(notice, seen, now):
    plugin = registry().plugin_of.get(notice.record)
    if notice.record and (plugin is None or not is_on(plugin, notice.branch_id, now)):
        return False
    return not notice.record_id or (notice.record, notice.record_id) in seen


def _seen(notices, person, now):
    """The records that may be told of: what the person sees; in a room whatever is there."""
    ids, seen = defaultdict(set), set()
    for notice in notices:
        if notice.record in registry().models and notice.record_id:
            ids[notice.record].add(notice.record_id)
    actor = Actor(person, "job", now)
    for name, wanted in ids.items():
        model = registry().models[name]
        rows = visible_to(actor, model, query=model.select(model.id)).where(model.id.in_(wanted)).tuples()
        seen |= {(name, row_id) for (row_id,) in rows}
    return seen


# ---- sending ----------------------------------------------------------------------------------------------------


def _send_all(round_, channel, person, address, pairs):
    """Send the messages that the notices make. Returns (how many went out, whether the channel is fine)."""
    language = (person.language if person else channel.language) or round_.settings.language
    messages = _messages(round_, channel, language if language in LANGUAGES else "zh", pairs)
    url = channels.url_to(channel, address.sealed_address if address else "")
    sent = 0
    for place, (rows, (title, body)) in enumerate(messages):
        outcome = round_.send(url, title, body, round_.settings.message_seconds)
        if outcome.is_sent:
            with transaction():
                mark(rows, state="sent", sent_at=round_.now)
                channels.went_out(channel, round_.now)
            sent += 1
        elif outcome.why == "recipient":
            _refused_there(rows, round_.now)
        else:
            _failed(round_, channel, outcome, rows, [row for later, _ in messages[place + 1 :] for row in later])
            return sent, False
    return sent, True


def _messages(round_, channel, language, pairs):
    """What goes out: one digest where many wait or the kind asks for it, else one message each: [([row], (title, body))]."""
    facts = facts_of([notice for _, notice in pairs])
    many = len(pairs) > round_.settings.message_digest_from or channel.carries == "digest"
    url, rows = round_.settings.url, [row for row, _ in pairs]
    if many or any(kind_of(notice.occasion) in DIGESTED for _, notice in pairs):
        told, repeat = [facts[notice.id] for _, notice in pairs], any(row.may_repeat for row in rows)
        return [(rows, digest(told, language, url, KINDS[channel.kind].longest, repeat))]
    return [([row], single(facts[notice.id], language, url, row.may_repeat)) for row, notice in pairs]


def _refused_there(rows, now):
    """The recipient's address is wrong, which is no fault of the channel: a few tries, then it is left."""
    for row in rows:
        tries = row.tries + 1
        wait = None if tries >= TRIES else now + timedelta(seconds=10 * 3**tries)
        mark([row], state="waiting" if wait else "failed", next_try_at=wait, tries=tries)


def _failed(round_, channel, outcome, rows, untried):
    now = round_.now
    with transaction():
        mark(untried, state="waiting", next_try_at=now)
        for row in rows:
            mark([row], state="waiting", next_try_at=now, may_repeat=row.may_repeat or outcome.is_unsure)
        if channels.went_wrong(channel, outcome, now, round_.settings.message_failures):
            _tell_of_setting_aside(channel, now)


def _tell_of_setting_aside(channel, now):
    roles = [role.name for role in ROLES.values() if role.allows(channels.EDIT)]
    tell(
        [person for role in roles for person in holders_of(role, channel.branch_id)],
        now,
        occasion=f"channel:{channel.id}:{now.isoformat()}",
        branch_id=channel.branch_id,
        zh=f"消息通道“{channel.name}”连续发送失败,已停用。请在“消息通道”页查看原因",
        en=f'Message channel "{channel.name}" failed again and again and was set aside. See the page of message channels',
        tone="red",
    )
