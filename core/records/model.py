"""What a record is: the base columns, its declaration in `class Meta`, and what regulations add to it."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime

import peewee

from core import fields
from core.database import Kept, Table
from core.fields import Answers, Json, Moment
from core.language import Words
from core.organisation import Branch, Department, zone_of
from core.people import Person

BASE = (
    "id", "branch", "number", "state", "revision", "owner", "department", "recorded_by", "form_version", "happened_at",
    "recorded_at", "stamps", "extra", "gaps", "batch",
)  # fmt: skip
LEAST_PURPOSE = 4  # characters
BASE_LABELS = {
    "branch": Words("机构", "Branch"),
    "number": Words("编号", "Number"),
    "state": Words("状态", "State"),
    "owner": Words("责任人", "Owner"),
    "department": Words("部门", "Department"),
    "recorded_by": Words("登记人", "Recorded by"),
    "happened_at": Words("发生时间", "Happened at"),
    "recorded_at": Words("登记时间", "Recorded at"),
}


@dataclass(frozen=True)
class Keep:
    """How long a law has a record kept: so many years from the moment or day in the field `since`, and which law."""

    years: int
    basis: Words
    since: str = "happened_at"

    def until(self, row):
        """The last day on which the record must be kept; of one without that moment, counted from its registration."""
        value = row.__data__.get(self.since) or row.recorded_at
        day = value.astimezone(zone_of(row.branch_id)).date() if isinstance(value, datetime) else value
        last = calendar.monthrange(day.year + self.years, day.month)[1]
        return date(day.year + self.years, day.month, min(day.day, last))


class Batch(Table):
    """An import: its rows stay invisible until it is done. `failed`: it broke off and was undone."""

    record = peewee.CharField(max_length=64)
    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    person = peewee.ForeignKeyField(Person, null=True, backref="+", on_delete="RESTRICT")
    source = peewee.CharField(max_length=255, default="")
    began_at = fields.MomentColumn()
    alive_at = fields.MomentColumn()  # when its process last showed that it goes on
    done_at = fields.MomentColumn(null=True)
    failed = peewee.BooleanField(default=False)


class RecordBase(peewee.ModelBase):
    """Gives each record class its name, its label and its labels of base columns, and notes what it must not declare."""

    def __new__(cls, name, bases, attrs):
        own = [key for key in attrs if key in BASE and bases and bases[0].__name__ != "Kept"]
        meta = vars(attrs["Meta"]) if "Meta" in attrs else {}
        model = super().__new__(cls, name, bases, attrs)
        model._meta.record = model._meta.table_name
        model._meta.reserved = own
        model._meta.plugin = "core"
        label = meta.get("label", name)
        model._meta.label = label if isinstance(label, Words) else Words(label, meta.get("en"), name=model._meta.record)
        model._meta.workflow = meta.get("workflow")
        model._meta.prefix = meta.get("prefix", model._meta.record[:2].upper())
        model._meta.title_field = meta.get("title_field", "number")
        model._meta.list_fields = tuple(meta.get("list_fields", ()))
        model._meta.keep = meta.get("keep")
        model._meta.search_fields = tuple(meta.get("search_fields", ()))
        labels = {
            key: value if isinstance(value, Words) else Words(value, name=key)
            for key, value in meta.get("labels", {}).items()
        }
        for key, words in {**BASE_LABELS, **labels}.items():
            if key in model._meta.fields:
                model._meta.fields[key].label = words
        return model


class Record(Kept, metaclass=RecordBase):
    """Base of every record type. Written only through `core.records`; seen only through `visible_to(actor)`.

    `stamps` maps a moment's field to [recorded-at, 1 if only the day is known]; `extra` holds the answers to added
    questions; `gaps` the requirements that an import lifted on this row.
    """

    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    number = fields.Text("编号", max_length=64)
    state = fields.Text("状态", max_length=64)
    revision = peewee.IntegerField(default=1)
    owner = fields.Ref("责任人", Person, null=True)
    department = fields.Ref("部门", Department, null=True)
    recorded_by = fields.Ref("登记人", Person, null=True, read_only=True)
    form_version = peewee.BigIntegerField(default=0)
    happened_at = Moment("发生时间")
    recorded_at = Moment("登记时间", read_only=True)
    stamps = Json(default=dict)
    extra = Answers(default=dict)
    gaps = Json(default=list)
    batch = peewee.ForeignKeyField(Batch, null=True, backref="+", on_delete="RESTRICT")

    class Meta:
        indexes = (
            (("branch", "number"), True),
            (("branch", "happened_at", "id"), False),
            (("happened_at", "id"), False),
            (("branch", "state"), False),
        )

    def __str__(self):
        title = getattr(self, self._meta.title_field)
        return f"{self.number} {title}" if self._meta.title_field != "number" else self.number

    @classmethod
    def own_fields(cls):
        """The columns that the class and its extensions declare, in order."""
        return [column for column in cls._meta.sorted_fields if column.name not in BASE]

    @classmethod
    def by_api_name(cls):
        """Every described column by its name in the API."""
        if "_by_api_name" not in vars(cls):
            described = [column for column in cls._meta.sorted_fields if isinstance(column, fields.Described)]
            cls._by_api_name = {column.api_name: column for column in described}
        return cls._by_api_name

    @classmethod
    def extend_with(cls, plugin, name, column):
        """Add a nullable column `<plugin>__<name>`: an extension's field."""
        full = f"{plugin}__{name}"
        if full in cls._meta.fields:
            return
        column.null, column.index = True, False
        cls._meta.add_field(full, column)
        cls.__dict__.get("_by_api_name") is not None and delattr(cls, "_by_api_name")

    @classmethod
    def take_away(cls, name):
        """Drop a declared column from this process: for proving that its clause's test notices."""
        column = cls._meta.fields[name]
        column.taken_away = True

    @classmethod
    def stamped_fields(cls):
        """The names of the moments that transitions stamp, and happened_at: changed only by a correction with reason."""
        steps = cls._meta.workflow.transitions.values() if cls._meta.workflow else ()
        return {"happened_at", *(name for step in steps for name in step.stamps)}

    @classmethod
    def declaration_faults(cls):
        """What is wrong with the declaration, as sentences for its author."""
        found = [
            f"record {cls._meta.record}: the name {name!r} is reserved. Choose another." for name in cls._meta.reserved
        ]
        if cls._meta.workflow is None:
            found.append(f"record {cls._meta.record}: class Meta has no workflow. Give it at least one initial State.")
            return found
        keep = cls._meta.keep
        if keep is not None and keep.since not in cls._meta.fields:
            found.append(f"record {cls._meta.record}: keep counts from {keep.since!r}, which is no field of it.")
        return (
            found + cls._personal_faults() + cls._meta.workflow.faults(f"record {cls._meta.record}", cls.by_api_name())
        )

    @classmethod
    def _personal_faults(cls):
        """What is wrong with the declaration of personal data: no purpose, or a value that could never be erased."""
        found, where = [], f"record {cls._meta.record}"
        for column in (each for each in cls.own_fields() if each.personal):
            if not isinstance(column.personal, str) or len(column.personal.strip()) < LEAST_PURPOSE:
                told = f"{where}: {column.name} is personal={column.personal!r}, which says no purpose."
                found.append(f'{told} Say for what it is kept: personal="用途 / purpose".')
            if not column.null and column.kind not in ("text", "longtext", "phone"):
                found.append(f"{where}: {column.name} is personal and cannot be emptied. Give it null=True.")
        return found

    def is_day_only(self, name):
        """Whether of this moment only the day is known."""
        stamp = (self.stamps or {}).get(name)
        return bool(stamp and stamp[1])

    def soft_id(self):
        """The record as a soft reference, "record:id"."""
        return f"{self._meta.record}:{self.id}"
