"""The ways on which messages leave the program: an administrator's channels, and a person's own address."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import peewee

from core import sending
from core.audit import amend, keep, note
from core.channel_kinds import EMAIL, KINDS, address_of
from core.database import Kept, Table, transaction
from core.errors import Fault, NotFound, Refused
from core.fields import MomentColumn
from core.language import LANGUAGES, Words, say
from core.organisation import Branch, Department, organisation
from core.people import Person
from core.sealing import SealedColumn

EDIT = "core.channel.edit"
CARRIES = {
    "all": Words("全部通知", "All notices"),
    "red": Words("仅红色预警", "Red warnings only"),
    "digest": Words("每日摘要", "A digest a day"),
}


class Channel(Kept):
    """A way out: mail of a branch and those below it, or a robot in the room of a branch (or one department of it)."""

    name = peewee.CharField(max_length=64, unique=True)
    kind = peewee.CharField(max_length=16)
    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    department = peewee.ForeignKeyField(Department, null=True, backref="+", on_delete="RESTRICT")
    carries = peewee.CharField(max_length=16, default="all")
    language = peewee.CharField(max_length=8, default="zh")  # of a room; people have their own
    sealed_address = SealedColumn()
    made_at = MomentColumn()
    removed_at = MomentColumn(null=True)

    @property
    def is_room(self):
        return KINDS[self.kind].robot is not None

    @property
    def shown_address(self):
        """The address with its secrets masked."""
        parts = urlsplit(self.sealed_address or "")
        if not parts.netloc:
            return "?"
        if self.is_room:
            return f"•••• {parts.netloc[-4:]}"
        sender = parse_qs(parts.query).get("from", [""])[0]
        return f"{sender} · {parts.hostname}:{parts.port}{' · ••••' if parts.password else ''}"


class ChannelHealth(Table):
    """How a channel does: failures in a row since the last message that went out."""

    channel = peewee.ForeignKeyField(Channel, unique=True, backref="health", on_delete="CASCADE")
    failures = peewee.IntegerField(default=0)
    why = peewee.CharField(max_length=16, default="")  # a key of sending.WHY
    detail = peewee.CharField(max_length=255, default="")
    failed_at = MomentColumn(null=True)
    next_try_at = MomentColumn(null=True)
    sent_at = MomentColumn(null=True)
    set_aside_at = MomentColumn(null=True)

    @property
    def told(self):
        """What was wrong last, in words; empty where nothing was."""
        return sending.Outcome(self.why, self.detail).told if self.why else ""


class MessageAddress(Kept):
    """Where a person wants messages, if they do."""

    person = peewee.ForeignKeyField(Person, unique=True, backref="+", on_delete="RESTRICT")
    sealed_address = SealedColumn(default="")
    is_wanted = peewee.BooleanField(default=False)
    since = MomentColumn()


# ---- what an administrator does ------------------------------------------------------------------------------------


def channels_of(actor):
    """The channels that the actor administers, by branch and name."""
    allowed = actor.branches(EDIT)
    query = Channel.select().where(Channel.removed_at.is_null())
    query = query if allowed is None else query.where(Channel.branch.in_(sorted(allowed) or [0]))
    return list(query.order_by(Channel.branch, Channel.name))


def channel_of(actor, channel_id=None, name=None):
    """One of them, by id or name. Raises NotFound for any other."""
    for channel in channels_of(actor):
        if channel.id == channel_id or (name is not None and channel.name == name):
            return channel
    raise NotFound(say("没有这个通道,或者你无权管理。", "There is no such channel, or it is not yours to administer."))


def add_channel(actor, values, branch, department=None):
    """Add a channel. `values` are texts: name, kind, carries, language; server, port, security, user, password, sender of
    e-mail; address and secret of a robot."""
    actor.require(EDIT, branch.id)
    faults = _faults(values, branch, department)
    address, wrong = address_of(values)
    if faults or wrong:
        raise Refused(*faults, *wrong)
    row = {name: values[name] for name in ("name", "kind", "carries", "language")}
    row |= {"branch": branch, "department": department, "sealed_address": address, "made_at": actor.now}
    return keep(actor, Channel, row, branch_id=branch.id)


def _faults(values, branch, department):
    faults = []
    if not values.get("name") or len(values["name"]) > 64:
        faults.append(
            Fault("name", say("请填写名称,最多 64 字", "a name of at most 64 characters is needed"), "required")
        )
    elif Channel.get_or_none(Channel.name == values["name"]):
        faults.append(Fault("name", say("这个名称已被使用", "this name is taken"), "duplicate"))
    for field, known in (("kind", KINDS), ("carries", CARRIES), ("language", LANGUAGES)):
        if values.get(field) not in known:
            told = say("请从中选择:{known}", "choose one of: {known}", known=", ".join(known))
            faults.append(Fault(field, told, "choice"))
    if department is not None and department.branch_id != branch.id:
        faults.append(Fault("department", say("该部门不属于所选机构", "this department is of another branch")))
    if department is not None and values.get("kind") == "email":
        faults.append(Fault("department", say("邮件通道不分部门", "mail is not for one department")))
    return faults


def remove_channel(actor, channel):
    """Take a channel away: nothing goes out on it from now on. What went stays on file; its secret does not."""
    actor.require(EDIT, channel.branch_id)
    values = {"removed_at": actor.now, "sealed_address": "", "name": f"{channel.name[:40]} #{channel.id}"}
    amend(actor, channel, values, branch_id=channel.branch_id, verb="remove")


def try_channel(actor, channel, address, settings):
    """Send a test message on a channel (by e-mail: to `address`). Returns the Outcome; one that went out ends a setting aside."""
    actor.require(EDIT, channel.branch_id)
    if not channel.is_room and not EMAIL.fullmatch(address or ""):
        raise Refused(Fault("to", say("请填写收件地址", "an address to send to is needed"), "required"))
    title = say("【制行】测试消息", "[Zhixing 制行] Test message")
    body = say("通道“{name}”已接通。{url}", 'Channel "{name}" works. {url}', name=channel.name, url=settings.url)
    outcome = sending.send(url_to(channel, address), title, body, settings.message_seconds)
    with transaction():
        _note(actor, "test", channel, {"result": [None, outcome.why]})
        went_out(channel, actor.now) if outcome.is_sent else _remember(channel, outcome, actor.now)
    return outcome


def resume(actor, channel):
    """Take up again a channel that was set aside."""
    actor.require(EDIT, channel.branch_id)
    with transaction():
        _note(actor, "resume", channel, {"channel": [None, channel.name]})
        _set_health(channel, failures=0, why="", detail="", next_try_at=None, set_aside_at=None)


# ---- what a person does for themselves -----------------------------------------------------------------------------


def address_kept(person):
    """Where a person wants messages: their MessageAddress, or None."""
    return MessageAddress.get_or_none(MessageAddress.person == person)


def keep_address(actor, address, is_wanted):
    """Keep the actor's own address, and whether messages go there. What was told before is not sent after."""
    address, person, old = (address or "").strip(), actor.person, address_kept(actor.person)
    if (address or is_wanted) and not EMAIL.fullmatch(address):
        raise Refused(
            Fault("address", say("请填写邮箱地址,例如 name@example.cn", "write an e-mail address, as name@example.cn"))
        )
    values = {"sealed_address": address, "is_wanted": is_wanted}
    if is_wanted and not (old and old.is_wanted):
        values["since"] = actor.now
    if old is not None:
        amend(actor, old, values, branch_id=person.branch_id)
    elif address:
        keep(actor, MessageAddress, {"person": person, "since": actor.now, **values}, branch_id=person.branch_id)


# ---- what the worker asks ------------------------------------------------------------------------------------------


def live_channels():
    """Every channel that is not removed, by id."""
    return {channel.id: channel for channel in Channel.select().where(Channel.removed_at.is_null())}


def carries(channel, notice):
    """Whether a channel carries a notice."""
    return (channel.carries != "red" or notice.tone == "red") and notice.recorded_at >= channel.made_at


def mail_for(channels, branch_id, notice):
    """The mail channel of the nearest level that carries a notice to people of a branch, or None."""
    levels = organisation().path(branch_id)
    fit = [c for c in channels if not c.is_room and c.branch_id in levels and carries(c, notice)]
    return max(fit, key=lambda channel: (levels.index(channel.branch_id), channel.id), default=None)


def url_to(channel, address=""):
    """The apprise URL of a message; empty where the channel's own cannot be read."""
    url = channel.sealed_address or ""
    return url if channel.is_room or not url else f"{url}&{urlencode({'to': address})}"


def health_of(channel_ids):
    """How channels do: {channel id: ChannelHealth}."""
    rows = ChannelHealth.select().where(ChannelHealth.channel.in_(list(channel_ids) or [0]))
    return {row.channel_id: row for row in rows}


def went_out(channel, now):
    """Note that a message went out."""
    _set_health(channel, failures=0, why="", detail="", next_try_at=None, sent_at=now, set_aside_at=None)


def went_wrong(channel, outcome, now, most):
    """Note a failure and wait longer before the next try. Returns whether it is the one by which the channel is set aside."""
    with transaction():
        failures = _remember(channel, outcome, now)
        _set_health(channel, next_try_at=now + timedelta(seconds=10 * 3 ** min(failures, 7)))
        aside = ChannelHealth.update(set_aside_at=now).where(
            ChannelHealth.channel == channel, ChannelHealth.failures >= most, ChannelHealth.set_aside_at.is_null()
        )
        return bool(aside.execute())


def _note(actor, verb, channel, changes):
    """Note an act that touches how a channel does, not the channel itself."""
    health = _health(channel)
    note(actor, verb, health._meta.table_name, health.id, channel.branch_id, changes)


def _health(channel):
    ChannelHealth.insert(channel=channel).on_conflict_ignore().execute()
    return ChannelHealth.get(ChannelHealth.channel == channel)


def _remember(channel, outcome, now):
    _set_health(
        channel, failures=ChannelHealth.failures + 1, why=outcome.why, detail=outcome.detail[:255], failed_at=now
    )
    return _health(channel).failures


def _set_health(channel, **values):
    ChannelHealth.insert(channel=channel).on_conflict_ignore().execute()
    ChannelHealth.update(**values).where(ChannelHealth.channel == channel).execute()
