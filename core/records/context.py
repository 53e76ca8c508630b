"""Who writes where and when, and what one record goes through in a write."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.access import Actor, needs_actor
from core.business_calendar import calendar_of
from core.errors import NotFound, Refused
from core.forms import form_of
from core.language import say
from core.organisation import Branch, Department, closed_faults, organisation, zone_of
from core.people import Person
from core.records import visibility
from core.records.model import Record
from core.switches import local_day, require_on

limits_of_time = {"back_dating_business_days": 1}  # a setting that binds what people may enter; set by core.start


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
                        for fault in closed_faults(department, self.day_of(self.now), "department"):
                            raise ValueError(fault.message)
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
            if row is None or getattr(row, "branch_id", self.branch_id) not in organisation().path(self.branch_id):
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

    def capacities(self, record):
        """In what functions the actor acts towards the record."""
        key = ("capacities", record.owner_id, record.department_id, record.recorded_by_id)
        if key not in self.found:
            self.found[key] = self.actor.capacities(self.branch_id, record)
        return self.found[key]

    def is_head(self, record):
        """Whether the actor is the head of the record's department, or the system."""
        return self.actor.is_system or "department_head" in self.capacities(record)

    def day_of(self, value):
        """The day of a moment in the branch's zone; a day is its own."""
        return value.astimezone(self.zone).date() if isinstance(value, datetime) else value


def open_context(actor, model, branch, verb, history=False):
    """The Context of a write, after asking whether the actor may and the plugin is on there."""
    needs_actor(actor)
    branch_id = branch.id if isinstance(branch, Branch) else branch
    require_on(model._meta.plugin, branch_id, actor.now)
    actor.require(visibility.permission(model, verb), branch_id)
    if verb in ("create", "import"):
        unit = organisation().branches[branch_id]
        closed = closed_faults(unit, local_day(actor.now, branch_id), "branch")
        if closed:
            raise Refused(*closed)
    return Context(actor, branch_id, model, history)
