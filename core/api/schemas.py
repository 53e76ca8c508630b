"""JSON schemas of record types, from their declarations: fields with type, choices and clause, states and transitions."""

from core.api.filters import RANGED, known_columns, known_questions
from core.fields import Ref
from core.language import say
from core.organisation import Department
from core.people import Person
from core.records.entering import TYPED_BASE
from core.records.judging import BASE_WANTED
from core.records.visibility import columns, workflow

HIDDEN = ("stamps", "extra", "gaps")
BEFORE = {
    "id": {"type": "integer"},
    "branch": {"type": "string"},
    "revision": {"type": "integer", "minimum": 1},
    "form_version": {"type": "integer"},
}
KINDS = {
    "integer": {"type": "integer"},
    "money": {"type": "string", "pattern": r"^-?\d+\.\d{2}$"},
    "yesno": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "json": {"type": ["object", "array"]},
    "moment": {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]},
}

WRITTEN = {  # what is written may be shorter than what is read; the example is what a fault says to write
    "money": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,2})?$", "examples": ["1200.50"]},
    "day": {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2026-03-05"]},
    "moment": {
        "type": "string",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
        "examples": ["2026-03-05T14:30:00+08:00"],
    },
}


def is_typed(column):
    """Whether people fill the column in."""
    return column.name in TYPED_BASE or not (column.read_only or column.name in ("number", "state"))


def form_written(column):
    """The schema of a column's value as it is written, without its words. Personal values may come back masked."""
    found = dict(WRITTEN.get(column.kind) or KINDS.get(column.kind, {"type": "string"}))
    if isinstance(column, Ref) and column.rel_model not in (Person, Department):
        found["type"] = "integer"
    if getattr(column, "personal", None):
        return {"type": list(dict.fromkeys(("string", found["type"])))}
    if column.kind == "choice":
        found["enum"] = list(column.options)
    return found


class RecordType:
    """A record type as some branches have it together: fields, questions, states and transitions."""

    def __init__(self, model, branches, actor):
        self.model, self.branches, self.actor = model, sorted(branches), actor
        self.name = model._meta.record
        self.columns, self.states, self.transitions = {}, {}, {}
        for branch in self.branches:
            self.columns.update(columns(model, branch, actor.now))
            steps = workflow(model, branch, actor.now)
            self.states.update(steps.states)
            self.transitions.update(steps.transitions)
        self.columns = {name: column for name, column in self.columns.items() if name not in HIDDEN}
        self.questions = known_questions(model, branches)

    def schema(self):
        """The record as it is read."""
        fields = {name: self._property(name, column) for name, column in self.columns.items()}
        fields["state"] = {**fields["state"], "enum": list(self.states)}
        base = [name for name in fields if "__" not in name]
        return {
            "type": "object",
            "title": str(self.model._meta.label),
            "description": self._states(),
            "properties": {**BEFORE, **fields, **self._answers()},
            "required": [*BEFORE, *base],
            "additionalProperties": False,
        }

    def schema_of_new(self):
        """The body that makes a record."""
        names = {name: column for name, column in self.columns.items() if is_typed(column)}
        wanted = [name for name, column in names.items() if column.required and name not in BASE_WANTED]
        place = {
            "type": ["string", "null"],
            "description": say("机构代码,默认为本人所属机构", "a code; without it, one's own"),
        }
        properties = {name: self._property(name, column, written=True) for name, column in names.items()}
        return {
            "type": "object",
            "properties": {"branch": place, **properties, **self._answers(written=True)},
            "required": wanted,
            "additionalProperties": False,
        }

    def schema_of_change(self):
        """The body that changes a record: what is left out stays."""
        schema = self.schema_of_new()
        del schema["properties"]["branch"], schema["required"]
        reason = {"type": ["string", "null"], "description": say("更正时间的原因", "why a moment is corrected")}
        return {**schema, "properties": {"reason": reason, **schema["properties"]}, "minProperties": 1}

    def schema_of_step(self):
        """The body that takes a record a step further."""
        told = [self._step(step) for step in self.transitions.values()]
        return {
            "type": "object",
            "properties": {
                "event": {"type": "string", "enum": list(self.transitions), "description": "\n".join(told)},
                "values": {
                    "type": ["object", "null"],
                    "description": say("该步骤要填的项", "the fields that the step asks for"),
                },
                "reason": {"type": ["string", "null"]},
            },
            "required": ["event"],
            "additionalProperties": False,
        }

    def filters(self):
        """The query parameters by which a list is filtered."""
        filterable = known_columns(self.model)
        names = {name: column for name, column in self.columns.items() if name in filterable}
        names.update({name: question.column for name, question in self.questions.items()})
        for name, column in names.items():
            for end in ("", ".from", ".to") if column.kind in RANGED else ("",):
                kind = {"type": "array", "items": {"type": "string"}} if not end else {"type": "string"}
                yield {"name": name + end, "in": "query", "description": str(column.label), "schema": kind}

    def _property(self, name, column, written=False):
        found = form_written(column) if written else self._read(column)
        may_be_empty = column.null or (written and (not column.required or name in BASE_WANTED))
        found["title"], found["description"] = str(column.label), self._told(name, column)
        if not written and not is_typed(column):
            found["readOnly"] = True
        return _nullable(found) if may_be_empty else found

    def _read(self, column):
        found = dict(KINDS.get(column.kind, {"type": "string"}))
        if isinstance(column, Ref):
            found = {"type": "string" if column.rel_model in (Person, Department) else "integer"}
        if column.kind == "choice":
            found["enum"] = list(column.options)
        if getattr(column, "personal", None):  # masked, unless a purpose is told
            found = {"type": "string"}
        return found

    def _told(self, name, column):
        """What there is to say of a field: its choices in words, its clauses, what it is kept for."""
        parts = [str(column.hint or "")]
        if isinstance(column, Ref):
            shown = {Person: say("登录名", "a login"), Department: say("部门代码", "a department's code")}
            parts.append(shown.get(column.rel_model) or f"id: {column.rel_model._meta.table_name}")
        if column.kind == "choice":
            parts.append(", ".join(f"{word} = {label}" for word, label in column.options.items()))
        if column.clauses:
            parts.append(say("条款 {ids}", "clause {ids}", ids=", ".join(column.clauses)))
        if column.personal:
            parts.append(say("个人信息:{why}", "personal data: {why}", why=column.personal))
        if "__" in name:
            parts.append(say("仅在启用 {name} 的机构", "only where {name} is on", name=name.split("__")[0]))
        return ". ".join(filter(None, parts))

    def _answers(self, written=False):
        return {name: _nullable(self._question(question, written)) for name, question in self.questions.items()}

    def _question(self, question, written):
        found = form_written(question.column) if written else self._read(question.column)
        found["title"] = str(question.label)
        parts = [say("附加问题", "an added question")]
        if question.required:
            parts.append(say("必填", "required"))
        if question.shown_if:
            parts.append(say("仅当 {when}", "asked if {when}", when=question.shown_if))
        return {**found, "description": ". ".join(parts)}

    def _states(self):
        return "; ".join(f"{state.name} = {state.label}" for state in self.states.values())

    def _step(self, step):
        parts = [f"{step.event} ({step.label}): {', '.join(step.source)} -> {step.target or say('不变', 'unchanged')}"]
        for words, names in (
            (say("由", "by"), step.by),
            (say("须填", "requires"), step.requires),
            (say("可填", "may give"), step.asks),
            (say("记时", "stamps"), step.stamps),
            (say("条款", "clauses"), step.clauses),
        ):
            if names:
                parts.append(f"{words} {', '.join(names)}")
        return "; ".join(parts)


def _nullable(schema):
    found = {**schema, "type": [*([schema["type"]] if isinstance(schema["type"], str) else schema["type"]), "null"]}
    if "enum" in found:
        found["enum"] = [*found["enum"], None]
    return found
