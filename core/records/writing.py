"""The one way in: permission, switch, validation, revision, write, what follows (clocks, outbox) and the trail, together.

A single write is a batch of one. Every function either does all of it or nothing, and tells every fault at once.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import peewee

from core import audit
from core.access import ROLES, Actor
from core.business_calendar import calendar_of
from core.database import Table, door, insert_rows, transaction
from core.errors import Denied, Fault, NotFound, Refused, Stale
from core.forms import PREFIX, form_of
from core.language import say
from core.organisation import FUNCTIONS, Branch, Department, organisation, zone_of
from core.people import Person
from core.plugins import registry
from core.records import visibility
from core.records.model import Record
from core.switches import is_on, require_on

effects = []  # called in the transaction as effect(context, model, changes); set at start by core.start
limits_of_time = {
    "back_dating_business_days": 1
}  # settings that bind what people may enter; set at start by core.start

TYPED_BASE = ("owner", "department", "happened_at")


class Counter(Table):
    """The last number given in a branch for a record type."""

    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    record = peewee.CharField(max_length=64)
    last = peewee.BigIntegerField(default=0)

    class Meta:
        indexes = ((("branch", "record"), True),)


@dataclass
class Change:
    """What happens to one record in a write, for rules, clocks and the trail.

    `before` maps changed field names to their old values (empty for a new record); `event` is "create", "change",
    "correct" or a transition. `reason` is what the person gave for it.
    """

    record: Record
    before: dict = field(default_factory=dict)
    event: str = "create"
    reason: str = ""
    context: object = None

    @property
    def is_new(self):
        return self.event == "create"


@dataclass
class Context:
    """Who writes where and when, and what holds there, looked up once for all records of a write."""

    actor: Actor
    branch_id: int
    model: type
    history: bool = False  # an import: stamps may lie far back, and what was due before now is not warned of
    history_until: datetime | None = None  # what was due before is judged, not warned of
    found: dict = field(default_factory=dict)

    def __post_init__(self):
        self.now, self.zone = self.actor.now, zone_of(self.branch_id)
        if self.history and self.history_until is None:
            self.history_until = self.now
        self.columns = visibility.columns(self.model, self.branch_id, self.now)
        self.workflow = visibility.workflow(self.model, self.branch_id, self.now)
        self.form = form_of(self.model._meta.record, self.branch_id)
        self.extensions = visibility.extensions(self.model, self.branch_id, self.now)
        self.stamped = self.model.stamped_fields() | {n for s in self.workflow.transitions.values() for n in s.stamps}
        self.latest = self.now + timedelta(seconds=60)  # clocks of two machines differ a little

    def form_for(self, record):
        """The form that a record was made under: a question added since was not asked of it."""
        if record.form_version == self.form.version:
            return self.form
        return form_of(self.model._meta.record, self.branch_id, record.form_version)

    @property
    def calendar(self):
        return calendar_of(self.branch_id)

    def earliest(self):
        """Up to when back a stamp may lie without the head, as a day in the branch's zone."""
        if "earliest" not in self.found:
            today = self.now.astimezone(self.zone).date()
            days = limits_of_time["back_dating_business_days"]
            self.found["earliest"] = self.calendar.add_business_days(today, -days)
        return self.found["earliest"]

    def find(self, model, text):
        """The id of what a text names: a login, a department's code, a record's id or number. Raises ValueError."""
        key = (model, str(text))
        if key not in self.found:
            self.found[key] = self._look_up(model, text)
        return self.found[key]

    def _look_up(self, model, text):
        if model is Person:
            person = Person.get_or_none(Person.login == str(text)) or (
                Person.get_or_none(Person.id == int(text)) if visibility.is_id(str(text)) else None
            )
            if person is None or not person.is_active:
                raise ValueError(
                    say("没有在职人员“{text}”,请填登录名", 'nobody active has the login "{text}"', text=text)
                )
            return person.id
        if model is Department:
            for above in reversed(organisation().path(self.branch_id)):
                for department in organisation().departments_of(above):
                    if str(text) in (department.code, department.name, str(department.id)):
                        return department.id
            raise ValueError(
                say(
                    "本机构没有部门“{text}”,请填部门代码",
                    'this branch has no department "{text}"; write its code',
                    text=text,
                )
            )
        if not issubclass(model, Record):
            row = model.get_or_none(model.id == int(text)) if visibility.is_id(str(text)) else None
            if row is None:
                raise ValueError(say("没有编号为 {text} 的记录", "there is no row {text}", text=text))
            return row.id
        try:
            row = visibility.find(self.actor, model, text if isinstance(text, int) else str(text))
        except NotFound as error:
            raise ValueError(error.message) from error
        if row.branch_id not in organisation().path(self.branch_id):
            raise ValueError(
                say(
                    "{row} 属于其他机构,不能在这里引用",
                    "{row} is of another branch and cannot be named here",
                    row=row.number,
                )
            )
        return row.id


def create(actor, model, values, *, branch):
    """Make one record in a branch (a Branch or its id). Returns it. Raises Denied, SwitchedOff or Refused."""
    return create_many(actor, model, [values], branch=branch)[0]


def create_many(actor, model, rows, *, branch, history=False):
    """Make records of one type in one branch, all or none. `rows` are mappings by API name."""
    context = open_context(actor, model, branch, "create", history)
    records, faults = [], []
    for place, values in enumerate(rows):
        record, found = prepare(context, values)
        records.append(record)
        faults += found if len(rows) == 1 else [Fault(f"{place}.{f.field}", f.message, f.code) for f in found]
    if faults:
        raise Refused(*faults)
    return write_new(context, records)


def open_context(actor, model, branch, verb, history=False):
    """The Context of a write, after asking whether the actor may and the plugin is on there."""
    branch_id = branch.id if isinstance(branch, Branch) else branch
    require_on(model._meta.plugin, branch_id, actor.now)
    actor.require(visibility.permission(model, verb), branch_id)
    return Context(actor, branch_id, model, history)


def prepare(context, values, *, given=(), gaps=(), state=None):
    """A new record from raw values, with its faults; nothing is written.

    `given` are base columns that an import may set (number); `gaps` are requirements that it lifts on this row; `state`
    is the state that it had reached, whose steps' requirements then hold too.
    """
    model, faults = context.model, []
    record = model(branch=context.branch_id, form_version=context.form.version, recorded_at=context.now)
    record.state = state or context.workflow.initial
    record.stamps, record.extra, record.gaps = {}, {}, sorted(gaps)
    record.recorded_by = context.actor.person_id
    base = (*TYPED_BASE, *given, *(context.stamped if state else ()))
    before = _assign(context, record, values, base, faults)
    for question in context.form.questions:
        if (
            question.preset is not None
            and question.key not in record.extra
            and question.is_asked_of(visibility.Values(record))
        ):
            record.extra[question.key] = question.preset
    if record.__data__.get("happened_at") is None and not any(f.field == "happened_at" for f in faults):
        record.happened_at = context.now
    if record.owner_id is None and "owner" not in gaps:
        record.owner = context.actor.person_id
    if record.department_id is None:
        record.department = _home_department(context, record.owner_id)
    faults += _back_dated(context, record, before) + _owner_faults(context, record)
    asked = [name for _, ext in context.extensions for r in ext.requires if r.on == "create" for name in r.fields]
    if state:
        asked += [name for step in steps_to(context.workflow, state) for name in (*step.requires, *step.stamps)]
    wanted = [name for name, column in context.columns.items() if column.required and name not in BASE_WANTED]
    faults += _missing(context, record, [*wanted, "owner", *asked], gaps, {f.field for f in faults})
    if not faults:
        faults += _judged(context, Change(record, {}, "create", "", context))
    return record, faults


BASE_WANTED = {"number", "state", "happened_at", "recorded_at", "stamps", "extra", "gaps"}


def steps_to(workflow, state):
    """The transitions of the shortest way from the initial state to `state`."""
    ways, seen = [(workflow.initial, [])], {workflow.initial}
    for here, steps in ways:
        if here == state:
            return steps
        for step in workflow.after(here):
            if step.target and step.target not in seen:
                seen.add(step.target)
                ways.append((step.target, [*steps, step]))
    return []


def _home_department(context, owner_id):
    if owner_id is None:
        return None
    if ("home", owner_id) not in context.found:
        person = Person.get_by_id(owner_id)
        known = organisation().departments.get(person.department_id)
        here = known is not None and known.branch_id in organisation().path(context.branch_id)
        context.found["home", owner_id] = person.department_id if here else None
    return context.found["home", owner_id]


def _assign(context, record, values, base, faults):
    """Parse raw values onto the record; returns the old values of what differs, by field name."""
    before, questions = {}, context.form_for(record).by_name
    for name, raw in values.items():
        question = questions.get(name)
        column = question.column if question else context.columns.get(name)
        if column is None or (not question and _is_closed(context, column, base)):
            faults.append(Fault(name, say("没有这个可填的项", "there is no such field to fill in"), "unknown"))
            continue
        try:
            value = column.parse(raw, context)
        except ValueError as error:
            if question or not _names_what_is_there(record, column, raw):
                faults.append(Fault(name, str(error)))
            continue
        if question:
            stored = column.as_json(value)
            if (record.extra or {}).get(question.key) != stored:
                if question.is_closed_to(stored):
                    faults.append(
                        Fault(name, say("此题或此选项已停用", "this question or choice is retired"), "choice")
                    )
                    continue
                before.setdefault("extra", dict(record.extra or {}))
                record.extra = {**(record.extra or {}), question.key: stored}
            continue
        if column.name in context.stamped and column.name not in base and record.__data__.get(column.name) is None:
            if value is not None:
                told = say("此时间由办理步骤记下,不能直接填写", "a step stamps this moment: take the step instead")
                faults.append(Fault(name, told, "stamped"))
            continue
        if column.kind in ("moment", "day"):
            value = _stamp(context, record, column, value, faults, before)
        old = record.__data__.get(column.name)
        if old != value:
            before[column.name] = old
            setattr(record, column.name, value)
    return before


def _is_closed(context, column, base):
    if column.name in (
        "number",
        "state",
        "owner",
        "department",
        "happened_at",
        "recorded_by",
        "recorded_at",
        "extra",
        "stamps",
        "gaps",
    ):
        return column.name not in base
    return column.read_only and column.name not in base and not context.actor.is_system


def _names_what_is_there(record, column, raw):
    """Whether a reference that cannot be looked up (any more, or by this person) is the one that the record has."""
    if column.kind != "ref" or record.__data__.get(column.name) is None:
        return False
    target = getattr(record, column.name)
    names = (target.id, getattr(target, "login", None), getattr(target, "code", None), getattr(target, "number", None))
    return str(raw) in {str(name) for name in names if name is not None}


def _stamp(context, record, column, value, faults, before):
    """A moment or day as it is stored, with its recorded-at and whether only the day is known; never in the future."""
    if value is None:
        return None
    day = _day(context, value)
    day_only = value == day
    if day_only and column.kind == "moment":
        value = datetime(day.year, day.month, day.day, tzinfo=context.zone).astimezone(context.now.tzinfo)
    same = record.__data__.get(column.name) == value and record.is_day_only(column.name) == day_only
    if column.name in context.stamped and not same:
        if day > _day(context, context.now) or (not day_only and value > context.latest):
            faults.append(Fault(column.api_name, say("不能晚于现在", "lies in the future"), "future"))
        stamps = dict(record.stamps or {})
        before.setdefault("stamps", dict(stamps))
        stamps[column.name] = [context.now.isoformat(timespec="seconds"), int(day_only)]
        record.stamps = stamps
    return value


def _day(context, value):
    return value.astimezone(context.zone).date() if isinstance(value, datetime) else value


def _back_dated(context, record, before):
    """The faults of stamps that lie further back than anybody but the head may enter."""
    names = [n for n in before if n in context.stamped and record.__data__.get(n) is not None]
    if context.history or not names or _is_head(context, record):
        return []
    told = say(
        "补录超过 {days} 个工作日须由部门负责人办理",
        "more than {days} business day back: only the head of the department may enter that",
        days=limits_of_time["back_dating_business_days"],
    )
    late = [n for n in names if _day(context, record.__data__[n]) < context.earliest()]
    return [Fault(n.rstrip("_"), told, "back-dated") for n in late]


def _owner_faults(context, record):
    """Whoever is responsible works in the branch, above it, or holds a role there."""
    owner_id = record.owner_id
    if owner_id is None or context.actor.is_system or owner_id == context.actor.person_id:
        return []
    if ("reach", owner_id) not in context.found:
        person = Person.get_by_id(owner_id)
        at_home = person.branch_id in organisation().path(context.branch_id)
        context.found["reach", owner_id] = at_home or bool(Actor(person, now=context.now).roles_at(context.branch_id))
    if context.found["reach", owner_id]:
        return []
    told = say("此人不在本机构,也没有本机构的角色", "this person neither works in this branch nor holds a role there")
    return [Fault("owner", told)]


def _is_head(context, record):
    return context.actor.is_system or "department_head" in _capacities(context, record)


def _capacities(context, record):
    key = ("capacities", record.owner_id, record.department_id, record.recorded_by_id)
    if key not in context.found:
        context.found[key] = context.actor.capacities(context.branch_id, record)
    return context.found[key]


def _missing(context, record, names, gaps, faulty):
    faults, values = [], visibility.Values(record)
    for name in dict.fromkeys(names):
        column = context.columns.get(name)
        if column is None or name in gaps or name in faulty:
            continue
        if record.__data__.get(column.name) in (None, ""):
            faults.append(Fault(name, say("请填写“{label}”", "{label} is needed", label=column.label), "required"))
    for question in context.form_for(record).questions:
        answered = (record.extra or {}).get(question.key) not in (None, "")
        if not question.required or answered or question.name in gaps or question.name in faulty:
            continue
        if question.is_asked_of(values):
            told = say("请填写“{label}”", "{label} is needed", label=question.label)
            faults.append(Fault(question.name, told, "required"))
    return faults


def _judged(context, change):
    """The faults that the record's order of time and every rule in force find. A rule that raises refuses, by name."""
    record, faults = change.record, []
    for name in context.stamped - {"happened_at"}:
        value = record.__data__.get(name)
        if value is not None and _lies_before(context, record, name, value):
            label = context.columns[name].label if name in context.columns else name
            faults.append(
                Fault(
                    name, say("“{label}”早于接到或发生时间", "{label} lies before the beginning", label=label), "order"
                )
            )
    own = registry().plugins[context.model._meta.plugin].manifest.rules.get(context.model._meta.record, ())
    rules = [
        (context.model._meta.plugin, rule)
        for rule in own
        if f"rule:{context.model._meta.record}.{rule.id}" not in registry().without
    ]
    rules += [(plugin, rule) for plugin, extension in context.extensions for rule in extension.rules]
    for plugin, rule in rules:
        if rule.on is None or rule.on == change.event:
            faults += _ask(plugin, rule.judge, record, change)
    for plugin, validate in registry().implementing("validate_record"):
        if is_on(plugin, context.branch_id, context.now):
            faults += _ask(plugin, validate, record, change)
    return faults


def _lies_before(context, record, name, value):
    if record.is_day_only(name) or record.is_day_only("happened_at"):
        return _day(context, value) < _day(context, record.happened_at)
    return value < record.happened_at


def _ask(plugin, judge, record, change):
    try:
        found = judge(record, change)
        return [] if found is None else [found] if isinstance(found, Fault) else list(found)
    except Refused as refused:
        return refused.faults
    except Exception as error:
        return [
            Fault(
                "",
                say(
                    "插件“{plugin}”的规则出错,未保存。请告知系统管理员:{error}",
                    "nothing was saved: a rule of plugin {plugin} failed. Tell the system administrator: {error}",
                    plugin=plugin,
                    error=f"{type(error).__name__}: {error}",
                ),
                "plugin-failed",
            )
        ]


def write_new(context, records):
    """Write prepared records with all that follows from them, in one transaction. Returns them."""
    model = context.model
    with transaction(), door():
        unnumbered = [record for record in records if record.__data__.get("number") is None]
        for record, number in zip(unnumbered, _numbers(context, len(unnumbered)), strict=True):
            record.number = number
        names = [column.name for column in model._meta.sorted_fields if column.name != "id"]
        defaults = {n: model._meta.fields[n].default for n in names}
        rows = [{name: record.__data__.get(name, _default(defaults[name])) for name in names} for record in records]
        try:
            ids = insert_rows(model, rows, beyond=audit.highest(model._meta.record))
        except peewee.IntegrityError as error:
            raise _taken(error) from error
        for record, row_id in zip(records, ids, strict=True):
            record.id = row_id
            record.dirty_fields.clear() if hasattr(record.dirty_fields, "clear") else None
            record._dirty.clear()
        _follow(context, [Change(record, {}, "create", "", context) for record in records])
    return records


def _taken(error):
    told = say("编号已存在或引用的记录不存在", "the number is taken, or what it refers to is gone")
    return Refused(Fault("number", told, "duplicate"))


def _default(value):
    return value() if callable(value) else value


def _numbers(context, count):
    if not count:
        return []
    key = (Counter.branch == context.branch_id) & (Counter.record == context.model._meta.record)
    if not Counter.update(last=Counter.last + count).where(key).execute():
        Counter.insert(
            branch=context.branch_id, record=context.model._meta.record, last=0
        ).on_conflict_ignore().execute()
        Counter.update(last=Counter.last + count).where(key).execute()
    last = Counter.select(Counter.last).where(key).scalar()
    code, year = organisation().branches[context.branch_id].code, context.now.astimezone(context.zone).year
    prefix = context.model._meta.prefix
    return [f"{prefix}{code}-{year}-{n:05d}" for n in range(last - count + 1, last + 1)]


def change(actor, record, values, *, revision=None, reason=""):
    """Change fields of a record. A moment that was stamped is corrected only with a reason; its old value is kept.

    `revision` is the one that the person saw: raises Stale, with both versions, where somebody saved since.
    """
    context = open_context(actor, type(record), record.branch_id, "edit")
    return _write(context, [(record, values, None, revision, reason)])[0]


def transition(actor, record, event, values=None, *, revision=None, reason="", history=False):
    """Take a record a step further: `event` with what it asks for. Raises Denied, Refused or Stale."""
    context = open_context(actor, type(record), record.branch_id, "view", history)
    return _write(context, [(record, values or {}, event, revision, reason)])[0]


def change_many(actor, records, values, *, event=None, reason=""):
    """The same change or step for several records of one type and branch, all or none."""
    by_branch = {}
    for record in records:
        by_branch.setdefault((type(record), record.branch_id), []).append(record)
    written = []
    with transaction():
        for (model, branch_id), group in by_branch.items():
            context = open_context(actor, model, branch_id, "view" if event else "edit")
            written += _write(context, [(record, values, event, None, reason) for record in group])
    return written


def _write(context, plans):
    with transaction(), door():
        changes, faults = [], []
        for record, values, event, revision, reason in plans:
            fresh = visibility.find(context.actor, context.model, record.id)
            if fresh.branch_id != context.branch_id or (revision is not None and fresh.revision != int(revision)):
                raise Stale(fresh, values)
            change_, found = _plan(context, fresh, dict(values), event, reason)
            faults += found
            changes.append(change_)
        if faults:
            raise Refused(*faults)
        for change_ in changes:
            _update(context, change_)
        _follow(context, [c for c in changes if c.before or c.event not in ("change", "correct")])
    return [c.record for c in changes]


def _plan(context, record, values, event, reason):
    faults, step = [], None
    if event is not None:
        step = context.workflow.transitions.get(event)
        if step is None or record.state not in step.source:
            state = context.workflow.states.get(record.state)
            raise Refused(
                Fault(
                    "event",
                    say(
                        "“{state}”状态下不能“{event}”,可以:{known}",
                        "{event} is not possible in the state {state}; possible: {known}",
                        state=state.label if state else record.state,
                        event=step.label if step else event,
                        known="、".join(f"{s.label}({s.event})" for s in context.workflow.after(record.state)) or "-",
                    ),
                    "state",
                )
            )
        held = _capacities(context, record)
        if not held & set(step.by) and not context.actor.is_system:
            raise Denied(
                say(
                    "“{label}”须由以下身份办理:{by}。",
                    "{label} is done by: {by}.",
                    label=step.label,
                    by="、".join(capacity_label(name) for name in step.by),
                )
            )
        for name in step.stamps:
            if values.get(name) in (None, ""):
                values[name] = context.now
    stamped = step.stamps if step else ()
    asked = [name for name in values if name in context.columns]
    base = (*TYPED_BASE, *stamped, *(step.requires + step.asks if step else ()))
    before = _assign(context, record, values, base, faults)
    faults += _back_dated(context, record, before)
    faults += _owner_faults(context, record) if "owner" in before else []
    faults += _signed_by_others(context, record, before) if event is None else []
    corrected = [
        name
        for name in asked
        if context.columns[name].name in before
        and context.columns[name].name in context.stamped
        and name not in stamped
        and (before[context.columns[name].name] is not None or name == "happened_at")
    ]
    if corrected and not reason.strip():
        faults.append(Fault("reason", say("更正时间须写明原因", "a correction of a moment needs a reason"), "required"))
    moves = {}
    if record.owner_id is None and "owner" not in before and not context.actor.is_system:
        moves["owner"] = context.actor.person_id  # handed over to nobody: who goes on with it takes it
        moves["department"] = record.department_id or _home_department(context, context.actor.person_id)
    if step:
        moves["state"] = step.target or record.state
        if step.signs and not context.actor.is_system:
            moves[step.signs] = context.actor.person_id
        if step.counts:
            moves[step.counts] = (record.__data__.get(step.counts) or 0) + 1
    for name, value in moves.items():
        if record.__data__.get(name) != value:
            before[name] = record.__data__.get(name)
            setattr(record, name, value)
    once_asked = [n for s in context.workflow.transitions.values() for n in (*s.requires, *s.stamps)]
    kept = [n for n in once_asked if n in context.columns and before.get(context.columns[n].name) not in (None, "")]
    wanted = [name for name, column in context.columns.items() if column.required and name not in BASE_WANTED]
    needed = [*wanted, *kept, *(step.requires if step else ()), "owner"]
    faults += _missing(context, record, needed, set(record.gaps or ()), {f.field for f in faults})
    if event is None:
        faults = [
            f for f in faults if not (f.code == "required" and f.field.startswith(PREFIX) and f.field not in values)
        ]
    event_name = event or ("correct" if corrected else "change")
    made = Change(record, before, event_name, reason, context)
    if not faults:
        faults += _judged(context, made)
    return made, faults


def _signed_by_others(context, record, before):
    """The faults of an edit that changes the words of a decision: only who signed it may."""
    steps = context.workflow.transitions.values()
    free = {name for step in steps if not step.signs for name in (*step.requires, *step.asks)}
    signed = {name: step.signs for step in steps if step.signs for name in (*step.requires, *step.asks)}
    told = say(
        "这是审阅人签署的意见,只有本人可以修改",
        "these are the words of a signed decision: only who signed it changes them",
    )
    return [
        Fault(name, told, "signed")
        for name, signer in signed.items()
        if name not in free
        and name in context.columns
        and context.columns[name].name in before
        and not context.actor.is_system
        and record.__data__.get(signer) != context.actor.person_id
    ]


def capacity_label(name):
    """A capacity in words."""
    role = next((role for role in ROLES.values() if role.capacity == name or role.name == name), None)
    words = {
        "owner": ("责任人", "the owner"),
        "submitter": ("登记人", "who recorded it"),
        "system": ("系统", "the system"),
    }
    if name in words:
        return say(*words[name])
    return str(role.label if role else FUNCTIONS.get(name, name))


def _update(context, made):
    record = made.record
    if not made.before and made.event in ("change", "correct"):
        return
    model = context.model
    values = {name: record.__data__.get(name) for name in made.before}
    old = record.revision
    query = model.update({**values, "revision": old + 1}).where(model.id == record.id, model.revision == old)
    try:
        done = query.execute()
    except peewee.IntegrityError as error:
        raise _taken(error) from error
    if not done:
        raise Stale(model.get_by_id(record.id), values)
    record.revision = old + 1
    record._dirty.clear()


def _follow(context, changes):
    for effect in effects:
        effect(context, context.model, changes)
    record_name = context.model._meta.record
    for made in changes:
        audit.note(
            context.actor,
            made.event,
            record_name,
            made.record.id,
            made.record.branch_id,
            _told(context, made),
            made.reason,
        )


def _told(context, made):
    record, model = made.record, context.model
    names = (
        made.before
        if not made.is_new
        else [n for n in model._meta.fields if record.__data__.get(n) not in (None, {}, [])]
    )
    told = {}
    for name in names:
        if name not in ("id", "revision", "stamps", "gaps", "batch"):
            told[name] = [_stored(made.before.get(name)), _stored(record.__data__.get(name))]
    return told


def _stored(value):
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value if value is None or isinstance(value, (str, int, float, bool, dict, list)) else str(value)


def hand_over(actor, record, *, branch=None, department=None, owner=None, reason=""):
    """Hand a record to another branch, department or person; its clocks run on. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused(Fault("reason", say("移交须写明原因", "handing over needs a reason"), "required"))
    model = type(record)
    context = open_context(actor, model, record.branch_id, "edit")
    target = Context(actor, branch.id if branch else record.branch_id, model)
    require_on(model._meta.plugin, target.branch_id, actor.now)
    before, faults = {}, []
    with transaction(), door():
        record = visibility.find(actor, model, record.id)
        if record.branch_id != context.branch_id:
            raise Stale(record, {})
        moves = {"branch": target.branch_id}
        if department is not None or branch is not None:
            moves["department"] = department.id if department is not None else None
        if owner is not None or branch is not None:
            moves["owner"] = owner.id if owner is not None else None
        if owner is not None and not owner.is_active:
            faults.append(Fault("owner", say("此人已停用", "this person is deactivated")))
        if department is not None and department.branch_id not in organisation().path(target.branch_id):
            faults.append(Fault("department", say("该部门不属于目标机构", "this department is not of that branch")))
        for name, value in moves.items():
            if record.__data__.get(name) != value:
                before[name] = record.__data__.get(name)
                setattr(record, name, value)
        faults += _owner_faults(target, record) if "owner" in before else []
        made = Change(record, before, "hand_over", reason, target)
        if faults or (faults := _judged(target, made)):
            raise Refused(*faults)
        if before:
            _update(context, made)
            _follow(target, [made])
    return record
