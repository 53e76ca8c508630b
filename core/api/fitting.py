"""Whether the values of a body have the form that the API's description gives for their fields."""

import re

from flask import g

from core.api.schemas import form_written, is_typed
from core.errors import Fault, Refused
from core.forms import form_of
from core.language import Words, say
from core.records.visibility import columns

TYPES = {"string": str, "boolean": bool}
WANTED = {
    "string": Words("应为文字", "a text is wanted"),
    "integer": Words("应为整数", "a whole number is wanted"),
    "boolean": Words("应为 true 或 false", "true or false is wanted"),
}


def fitting(model, branch_id, values):
    """The values again; unknown names are left to the record. Raises Refused that names each without the form told."""
    typed = {name: column for name, column in columns(model, branch_id, g.now).items() if is_typed(column)}
    asked = {question.name: question.column for question in form_of(model._meta.record, branch_id).questions}
    known = {name: form_written(column) for name, column in {**typed, **asked}.items() if name in values}
    faults = [fault for name, value in values.items() for fault in _faults(name, known.get(name, {}), value)]
    if faults:
        raise Refused(*faults)
    g.values = values
    return values


def _faults(name, form, value):
    if isinstance(value, (dict, list)):
        yield Fault(name, say("应为单个值,不能是列表或对象", "one value is wanted, not a list or an object"), "type")
    elif value is None or not form:
        return
    elif not any(_is(value, kind) for kind in _listed(form["type"])):
        yield Fault(name, str(WANTED[_listed(form["type"])[0]]))
    elif value not in form.get("enum", (value,)):
        told = say("没有“{found}”这个选项,可选:{known}", 'no choice "{found}"; there are: {known}',
                   found=value, known=", ".join(form["enum"]))  # fmt: skip
        yield Fault(name, told)
    elif isinstance(value, str) and not re.fullmatch(form.get("pattern", r"(?s:.*)"), value):
        yield Fault(name, say("应写成 {example}", "write it as {example}", example=form["examples"][0]))


def _listed(types):
    return [types] if isinstance(types, str) else types


def _is(value, kind):
    """Whether a JSON value is of a type: yes and no are no numbers, and 5.0 is a whole one."""
    if kind == "integer":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    return isinstance(value, TYPES[kind])
