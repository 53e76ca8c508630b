"""Time limits: what plugins ship in limits.toml, and the stricter ones that branches set, in editions never changed."""

from dataclasses import dataclass, replace
from datetime import date

import peewee

from core.audit import keep
from core.business_calendar import calendar_of
from core.conditions import Condition
from core.database import Cache, Kept, changed, transaction
from core.errors import Denied, Fault, NotFound, Refused
from core.fields import MomentColumn
from core.language import Words, say, speaking
from core.organisation import Branch, organisation
from core.plugins import registry
from core.settings import YELLOW_PERCENT
from core.switches import is_on, local_day
from core.worktime import Span, due, parse

effects = []  # called in the transaction of a new edition as effect(actor, branch, limit); set at start by core.start


@dataclass(frozen=True)
class Limit:
    """A time limit in force: from the moment in field `start` to the one in field `stop` of a record, `span` at most.

    `condition` says of which records. Limits of a record with the same start and stop are a family and share one clock.
    `yellow` is a percentage, a Span counted back from the end, or None for no warning. `edition` 0 is the shipped one.
    """

    plugin: str
    name: str
    clauses: tuple
    record: str
    start: str
    stop: str
    span: Span
    label: Words
    condition: Condition = Condition()
    yellow: object = YELLOW_PERCENT
    ours: bool = False
    promised: str = "promised_at"  # the field that holds what was promised, for a limit of that kind
    edition: int = 0

    @property
    def id(self):
        return f"{self.plugin}.{self.name}"

    @property
    def family(self):
        return self.start, self.stop


class LimitEdition(Kept):
    """A limit as a branch (None: the group) set it from a day on."""

    limit = peewee.CharField(max_length=128)  # plugin.name
    branch = peewee.ForeignKeyField(Branch, null=True, backref="+", on_delete="RESTRICT")
    span = peewee.CharField(max_length=64)
    yellow_percent = peewee.IntegerField(null=True)
    from_day = peewee.DateField()
    reason = peewee.CharField(max_length=255)
    made_at = MomentColumn()

    class Meta:
        indexes = ((("limit", "branch"), False),)


def shipped():
    """Every limit that a loaded plugin ships, by id."""
    return {
        limit.id: limit
        for plugin in registry().plugins.values()
        for limit in map(_read, [plugin.name] * len(plugin.limits), plugin.limits)
    }


def _read(plugin, data):
    clause = data["clause"]
    return Limit(
        plugin,
        data["name"],
        (clause,) if isinstance(clause, str) else tuple(clause),
        data["record"],
        data["start"],
        data["stop"],
        parse(data["limit"]),
        Words(data["label"]["zh"], data["label"]["en"]),
        Condition.parse(data.get("when", "")),
        data.get("yellow", YELLOW_PERCENT) or None,
        data.get("ours", False),
        data.get("promised", "promised_at"),
    )


def faults(loaded):
    """What is wrong with the limits that the plugins of a Registry ship, as sentences for their authors."""
    found = []
    for plugin in loaded.plugins.values():
        for data in plugin.limits:
            where = f"plugins/{plugin.name}/limits.toml: limit {data.get('name')!r}"
            try:
                with speaking("en"):
                    limit = _read(plugin.name, data)
            except KeyError as error:
                found.append(f"{where}: has no {error}.")
                continue
            except Refused as refused:
                found += [f"{where}: {fault}" for fault in refused.faults]
                continue
            model = loaded.models.get(limit.record)
            if model is None:
                continue  # a record that is not there: not applicable
            known = model.by_api_name()
            moments = (limit.start, limit.stop, *([limit.promised] if limit.span.unit == "promised" else []))
            found += [
                f"{where}: record {limit.record} has no field {name!r}."
                for name in (*moments, *limit.condition.fields)
                if name not in known
            ]
            found += [
                f"{where}: {limit.record}.{name} is neither a moment nor a day."
                for name in moments
                if name in known and known[name].kind not in ("moment", "day")
            ]
            if type(data.get("yellow", 0)) is not int or not 0 <= data.get("yellow", 0) <= 100:
                found.append(
                    f"{where}: yellow = {data['yellow']!r} is not a percentage. Write, for example, yellow = 80."
                )
        names = [data["name"] for data in plugin.limits]
        found += [
            f"plugins/{plugin.name}/limits.toml: two limits are called {name!r}. Rename one."
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
    return found


class _Limits:
    def __init__(self):
        self.shipped = shipped()
        self.rows = list(LimitEdition.select().order_by(LimitEdition.id))
        self.worked_out = {}

    def of(self, record, branch_id, day):
        key = (record, branch_id, day if self.rows else None)
        if key not in self.worked_out:
            limits = [self.in_force(limit, branch_id, day) for limit in self.shipped.values() if limit.record == record]
            families = {}
            for limit in limits:
                families.setdefault(limit.family, []).append(limit)
            self.worked_out[key] = families
        return self.worked_out[key]

    def in_force(self, limit, branch_id, day):
        for level in (None, *organisation().path(branch_id)):
            set_here = [r for r in self.rows if r.limit == limit.id and r.branch_id == level and r.from_day <= day]
            if set_here:
                row = set_here[-1]
                if level is not None and _is_laxer(parse(row.span), limit.span, branch_id):
                    continue  # what binds above has become stricter since
                yellow = limit.yellow if row.yellow_percent is None else row.yellow_percent
                limit = replace(limit, span=parse(row.span), yellow=yellow, edition=row.id)
        return limit


_limits = Cache("limits", _Limits)


def families_of(record, branch_id, day, now):
    """The limits of a record type in a branch for work begun on `day`, by (start, stop), where their plugin is on."""
    found = {}
    for family, limits in _limits.get().of(record, branch_id, day).items():
        limits = [limit for limit in limits if is_on(limit.plugin, branch_id, now)]
        if limits:
            found[family] = limits
    return found


def limit_in_force(limit_id, branch_id, day):
    """One limit as it binds a branch on a day. Raises NotFound."""
    known = _limits.get().shipped
    if limit_id not in known:
        raise NotFound(
            say(
                "没有名为“{name}”的时限。现有:{known}",
                'There is no limit "{name}". There are: {known}',
                name=limit_id,
                known=", ".join(known),
            )
        )
    return _limits.get().in_force(known[limit_id], branch_id, day) if branch_id else known[limit_id]


def all_limits(branch_id, day):
    """Every limit as it binds a branch on a day."""
    return [_limits.get().in_force(limit, branch_id, day) for limit in _limits.get().shipped.values()]


PROBE = date(2026, 3, 2)  # an ordinary Monday, from which two limits are compared


def _is_laxer(span, bound, branch_id):
    """Whether `span` leaves more time than `bound` does, or cannot be compared with it."""
    if span == bound:
        return False
    at, most = (due(each, PROBE, calendar_of(branch_id)).at for each in (span, bound))
    return at is None or most is None or at > most


def set_limit(actor, limit_id, branch, text, *, reason, from_day=None, yellow_percent=None):
    """Set a limit for a branch (None: the group) from a day on. A branch may only be stricter than what binds it."""
    actor.require("core.limit.edit", branch.id if branch else _root().id)
    if branch is None and not actor.may("core.limit.edit", _root().id):
        raise Denied(say("只有总公司可以修改集团时限。", "Only head office changes the group's limits."))
    today = local_day(actor.now, branch.id if branch else _root().id)
    from_day = from_day or today
    limit = limit_in_force(limit_id, branch.id if branch else None, from_day)
    found = []
    if not reason.strip():
        found.append(Fault("reason", say("请写明理由", "a reason is needed"), "required"))
    if from_day < today:
        found.append(Fault("from_day", say("不能早于今天", "not before today")))
    if yellow_percent is not None and not 1 <= yellow_percent <= 99:
        found.append(Fault("yellow_percent", say("应在 1 到 99 之间", "between 1 and 99")))
    span = None
    try:
        span = parse(text)
    except Refused as refused:
        found += [Fault("limit", fault.message) for fault in refused.faults]
    is_head_office = branch is None or branch.parent_id is None
    bound = None if is_head_office else limit_in_force(limit_id, branch.parent_id, from_day).span
    if span and bound and _is_laxer(span, bound, branch.id):
        found.append(
            Fault(
                "limit",
                say(
                    "分支机构只能更严:上级规定为 {now},不能放宽为 {text}",
                    "a branch may only be stricter: {now} binds it, {text} would be laxer",
                    now=bound.label,
                    text=span.label,
                ),
                "laxer",
            )
        )
    if found:
        raise Refused(*found)
    with transaction():
        values = {
            "limit": limit_id,
            "branch": None if is_head_office else branch,
            "span": span.text,
            "yellow_percent": yellow_percent,
            "from_day": from_day,
            "reason": reason,
            "made_at": actor.now,
        }
        row = keep(actor, LimitEdition, values, branch_id=branch.id if branch else None, verb="publish", reason=reason)
        changed("limits")
        for effect in effects:
            effect(actor, branch, limit)
    return row


def _root():
    return next(b for b in organisation().branches.values() if b.parent_id is None)
