"""A record that is made inside the form of another, as a customer while a complaint is registered, with a hint at doubles."""

from dataclasses import dataclass, field

from core import records
from core.errors import Fault, Refused
from core.language import say
from core.records.context import Context
from core.records.model import Record
from core.records.visibility import permission, visible_to
from core.screens.records import asked
from core.screens.records.cells import title_of
from core.screens.records.searching import clear_in
from core.switches import is_on


@dataclass
class Made:
    """What came of making one: the new record's id, or the faults."""

    record_id: int | None = None
    faults: list = field(default_factory=list)


class NewRecord:
    """The part of a form that makes another record: its Items, named `<item>.<field>`, and those that look alike."""

    def __init__(self, name, context, items):
        self.name, self.context, self.items = name, context, items
        self.is_wanted, self.is_sure, self.alike = False, False, []

    @property
    def label(self):
        """What is made."""
        return self.context.model._meta.label

    @property
    def alike_url(self):
        """Where the browser asks for those that look alike; "" where the record type cannot tell."""
        model = self.context.model
        return f"/records/{model._meta.record}/alike" if hasattr(model, "alike") else ""

    def read(self, form):
        """Take over whether one is to be made, and whether it is sure that it is no double."""
        self.is_wanted = form.get(f"{self.name}.new") == "1"
        self.is_sure = form.get(f"{self.name}.sure") == "1"

    def make(self, context):
        """Make the record in the transaction at hand. One that looks like a double is made only when that is confirmed."""
        values = {item.name.partition(".")[2]: item.text.strip() for item in self.items if item.text.strip()}
        if not self.is_sure:
            self.alike = doubles(context.actor, self.context.model, values)
            if self.alike:
                message = say(
                    "已有相似的{label},请选用其中一个,或勾选“确认新建”",
                    "there is a {label} like this already: choose it, or confirm that this is another",
                    label=self.label,
                )
                return Made(faults=[Fault(self.items[0].name, message, "duplicate")])
        try:
            return Made(records.create(context.actor, self.context.model, values, branch=context.branch_id).id)
        except Refused as refused:
            return Made(faults=[Fault(f"{self.name}.{f.field}", f.message, f.code) for f in refused.faults])


def doubles(actor, model, values):
    """The visible records that look like one with these values, as inputs show them; none where the type cannot tell."""
    if not hasattr(model, "alike"):
        return []
    query = visible_to(actor, model)
    for name in values:
        if name in model.by_api_name():  # by a personal value, only those are found where the actor may see it
            query = query.where(clear_in(model, model.by_api_name()[name], actor))
    return [title_of(row, actor) for row in model.alike(query, values)][:10]


def offer(context, item):
    """What makes the record that an Item refers to inside the form, or None where that is not open to the actor."""
    target = getattr(item.column, "rel_model", None)
    if (
        item.kind != "lookup"
        or target is None
        or not issubclass(target, Record)
        or target._meta.title_field == "number"
    ):
        return None
    may = context.actor.may(permission(target, "create"), context.branch_id)
    if not may or not is_on(target._meta.plugin, context.branch_id, context.now):
        return None
    inner = Context(context.actor, context.branch_id, target)
    names = [n for n in asked.own_names(inner) if inner.columns[n].required or inner.columns[n].kind == "phone"]
    items = asked.items(inner, names)
    for made in items:
        made.name = f"{item.name}.{made.name}"
    return NewRecord(item.name, inner, items)
