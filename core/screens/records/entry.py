"""Filling a form in: what was typed is read, judged by the one way in, and kept whatever is found wrong with it."""

import json

from core import records
from core.database import transaction
from core.errors import Fault, Refused
from core.language import say
from core.records.context import Context
from core.records.visibility import Values
from core.screens.records import asked, lookups
from core.screens.records.made_inside import offer


class Entry:
    """One form about a record that is new (`record` None) or old, from the blank page until it is saved."""

    def __init__(self, context, items, record=None):
        self.context, self.items, self.record = context, items, record
        self.revision = record.revision if record is not None else None
        self.seen = {item.name: item.text for item in items}
        self.faults = []  # what is wrong and belongs to no Item
        self.reason = ""

    def __getitem__(self, name):
        return next(item for item in self.items if item.name == name)

    @property
    def has_faults(self):
        """Whether something is wrong anywhere on the form."""
        return bool(self.faults) or any(item.fault for item in self.all_items())

    def all_items(self):
        """The Items, with those of records made inside."""
        return [*self.items, *(inner for item in self.items if item.new for inner in item.new.items)]

    @property
    def seen_json(self):
        """What the inputs held when the page was shown, to be sent back with it."""
        return json.dumps(self.seen, ensure_ascii=False)

    def read(self, form):
        """Take over what was typed."""
        for item in self.all_items():
            if not item.locked:
                item.text = _text(form, item)
        for item in self.items:
            if item.new:
                item.new.read(form)
        if self.record is not None:
            self.revision = form.get("revision", self.revision, type=int)
            self.seen = {**self.seen, **_seen(form.get("seen"))}
        self.reason = _clean(form.get("reason", ""))
        for item in self.items:
            if form.get(f"pick.{item.name}") == "theirs":
                item.text = self.seen.get(item.name, "")
        self._forget_what_is_masked_by_now()

    def _forget_what_is_masked_by_now(self):
        """Take out of an old form what it showed in the clear and was not changed: it is masked again by now."""
        for item in self.items:
            if item.masked and item.text == self.seen.get(item.name):
                item.text = self.seen[item.name] = ""

    def values(self):
        """The typed values by API name, with the Faults found while reading them. Of an old record what was changed."""
        values, faults = {}, []
        hidden = self._hidden()
        for item in self.items:
            text = item.text.strip()
            if item.locked or item.name in hidden or not self._is_given(item, text):
                continue
            try:
                values[item.name] = self._value(item, text)
            except ValueError as error:
                faults.append(Fault(item.name, str(error)))
        return values, faults

    def _is_given(self, item, text):
        if item.new and item.new.is_wanted:
            return False
        return bool(text) if self.record is None else text != self.seen.get(item.name, "").strip()

    def _value(self, item, text):
        if not text:
            if item.column is not None and not item.column.null and item.question is None:
                raise ValueError(str(_needed(item)))
            return None
        if item.kind == "lookup":
            return lookups.resolve(self.context.actor, item.column, self.context.branch_id, text)
        return text

    def _hidden(self):
        """The names of the questions whose condition does not hold for what was typed."""
        typed = _Typed(self.record, {item.name: item.text.strip() for item in self.items})
        return {i.name for i in self.items if i.question is not None and not i.question.is_asked_of(typed)}

    def create(self):
        """Make the record, and those made inside it, in one transaction. Raises Refused with every fault."""
        context = self.context
        with transaction():
            values, faults = self.values()
            for item in self.items:
                if item.new and item.new.is_wanted:
                    found = item.new.make(context)
                    values[item.name], faults = found.record_id, faults + found.faults
            return self._tell_all(
                faults, lambda: records.create(context.actor, context.model, values, branch=context.branch_id)
            )

    def save(self):
        """Write what was changed of an old record. Raises Refused with every fault, or Stale."""
        with transaction():
            values, faults = self.values()
            return self._tell_all(
                faults,
                lambda: records.change(
                    self.context.actor, self.record, values, revision=self.revision, reason=self.reason
                ),
            )

    def step(self, event):
        """Take the record a step further with what was typed. Raises Refused with every fault, Denied or Stale."""
        with transaction():
            values, faults = self.values()
            return self._tell_all(
                faults,
                lambda: records.transition(
                    self.context.actor, self.record, event, values, revision=self.revision, reason=self.reason
                ),
            )

    def _tell_all(self, faults, write):
        """What `write` returns. Faults of reading and of writing are told together, and undo the transaction."""
        faulty = {fault.field.partition(".")[0] for fault in faults}
        try:
            record = write()
        except Refused as refused:
            faults += [f for f in refused.faults if not (f.field in faulty and f.code == "required")]
        if faults:
            raise Refused(*faults)
        return record

    def blame(self, faults):
        """Put each fault beside its Item; the others stand above the form."""
        known = {item.name: item for item in self.all_items()}
        for fault in faults:
            if fault.field in known:
                known[fault.field].fault = known[fault.field].fault or fault.message
            else:
                self.faults.append(fault.message)


class _Typed:
    """Values by field name for conditions: as typed, else as the record has them."""

    def __init__(self, record, texts):
        self.texts, self.record = texts, record

    def get(self, name, default=None):
        if name in self.texts:
            return {"true": True, "false": False}.get(self.texts[name], self.texts[name])
        return Values(self.record).get(name, default) if self.record is not None else default


def _clean(text):
    return text.replace("\0", "").replace("\r\n", "\n")


def _text(form, item):
    text = _clean(form.get(item.name, ""))
    return text[:10] if item.kind == "moment" and form.get(f"{item.name}.day") else text


def _seen(text):
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _needed(item):
    return say("请填写“{label}”", "{label} is needed", label=item.label)


def new_entry(actor, model, branch_id, args):
    """The form of a new record in a branch; `args` fill in what the address says."""
    context = Context(actor, branch_id, model)
    names, more = asked.names_for_new(context)
    items = asked.items(context, names, more=more)
    for item in items:
        item.new = offer(context, item)
    items = [*items[:-2], *asked.questions(context), *items[-2:]]
    asked.prefill(items, context, args)
    return Entry(context, items)


def change_entry(actor, record):
    """The form to change an old record."""
    context = Context(actor, record.branch_id, type(record))
    items = asked.items(context, asked.names_for_change(context, record), record)
    return Entry(context, [*items, *asked.questions(context, record)], record)
