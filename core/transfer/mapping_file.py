"""Reading a mapping from TOML: how the columns of somebody's file become the fields of a record.

record = "complaint"               the record type
number = "Complaint number"        the column of the record's number; without it new numbers are given
others = "source_row"              the read-only field that keeps every column that no field holds as it stands
gaps = ["first_contact_at", ...]   requirements lifted on the rows that have no value for them

[state]                            the state reached; without it every row is new
column = "Closed date"
filled = "closed"
empty = "received"

[fields]                           one line for each field, in one of these forms
content    = { column = "What was said" }
happened_at = { column = "Received", format = "%m/%d/%Y" }
channel    = { column = "Via", values = { "tel" = "phone", "mail" = "letter" }, otherwise = "other" }
class      = { column = "Reasons", split = "; ", one = "simple", several = "complex" }
cause      = { column = "Reasons", split = "; ", contains = "Delays", then = "timeliness", otherwise = "other" }
channel    = { constant = "regulator" }
customer   = { placeholder = "name of the one record that stands for all" }     found in the branch, else made
owner      = { responsible = "customer_service" }    who imports, else the head of such a department of the branch
"""

import tomllib
from datetime import datetime
from pathlib import Path

from core.errors import Fault, Refused
from core.fields import Ref
from core.language import say
from core.organisation import FUNCTIONS
from core.records.model import Record
from core.transfer import sources
from core.transfer.mapping import Mapping
from core.transfer.reading import refused

FORMS = {  # the keys of a form, without `otherwise`: what reads it
    ("column",): sources.plain,
    ("column", "format"): sources.dated,
    ("column", "values"): sources.mapped,
    ("column", "one", "several", "split"): sources.counted,
    ("column", "contains", "split", "then"): sources.containing,
}
MAY_HAVE_OTHERWISE = (sources.mapped, sources.containing)
FIXED = ("constant", "placeholder", "responsible")
KEYS = ("record", "number", "others", "gaps", "state", "fields")


def load(path, context):
    """The Mapping in a TOML file, for the record type of the context. Raises Refused with every fault of it."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(path, "读不了这个对应关系文件:{why}", "the mapping cannot be read: {why}", why=error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refused(path, "不是有效的 TOML:{why}", "this is no TOML: {why}", why=error) from error
    mapping, faults = Mapping(), []
    _read_top(data, mapping, context, faults)
    for name, form in _table(data, "fields", faults).items():
        _read_form(name, form, mapping, context, faults)
    if faults:
        raise Refused(*[Fault(f"{path.name}: {where}", message, "mapping") for where, message in faults])
    return mapping


def _table(data, name, faults):
    found = data.get(name, {})
    if not isinstance(found, dict):
        faults.append((name, say("应为一个表,写成 [{name}]", "this is a table: write [{name}]", name=name)))
        return {}
    return found


def _read_top(data, mapping, context, faults):
    model, known = context.model, context.columns
    for key in data:
        if key not in KEYS:
            faults.append((key, say("不认识,可写:{known}", "unknown; there are: {known}", known=", ".join(KEYS))))
    if data.get("record") != model._meta.record:
        faults.append(
            (
                "record",
                say(
                    "写的是“{found}”,导入的是“{wanted}”。请换用对应的文件",
                    'says "{found}", and "{wanted}" is imported. Use the mapping that fits',
                    found=data.get("record", ""),
                    wanted=model._meta.record,
                ),
            )
        )
    mapping.number, mapping.others = data.get("number"), data.get("others")
    mapping.is_numbered = mapping.number is not None
    if mapping.others is not None and getattr(known.get(mapping.others), "kind", "") != "json":
        faults.append(("others", say("应为存来源数据的字段名", "names a field that keeps a structure")))
    mapping.gaps = tuple(data.get("gaps", ())) if isinstance(data.get("gaps", ()), list | tuple) else ("",)
    for name in mapping.gaps:
        if name not in known and name not in context.form.by_name:
            faults.append(("gaps", _no_field(name)))
    state = _table(data, "state", faults)
    if state:
        _read_state(state, mapping, context, faults)


def _no_field(name):
    return say("没有字段“{name}”", 'there is no field "{name}"', name=name)


def _read_state(state, mapping, context, faults):
    if sorted(state) not in (["column", "empty", "filled"], ["column", "filled"]):
        faults.append(("state", say("应写 column、filled 和 empty", "write column, filled and empty")))
        return
    for key in ("filled", "empty"):
        if state.get(key, context.workflow.initial) not in context.workflow.states:
            known = ", ".join(context.workflow.states)
            faults.append((f"state.{key}", say("没有这个状态,可写:{known}", "no such state: {known}", known=known)))
    mapping.sources.append(sources.filled("state", **state))


def _read_form(name, form, mapping, context, faults):
    where = f"fields.{name}"
    column = context.columns.get(name) or getattr(context.form.by_name.get(name), "column", None)
    if column is None:
        faults.append((where, _no_field(name)))
        return
    keys = tuple(sorted(set(form) - {"otherwise"})) if isinstance(form, dict) else ()
    make = FORMS.get(keys)
    if make and ("otherwise" not in form or make in MAY_HAVE_OTHERWISE):
        wrong = _wrong_value(form)
        if wrong:
            faults.append((f"{where}.{wrong[0]}", wrong[1]))
        else:
            mapping.sources.append(make(name, **form))
    elif len(keys) == 1 and keys[0] in FIXED and "otherwise" not in form:
        _read_fixed(name, keys[0], form[keys[0]], column, mapping, faults)
    else:
        forms = " | ".join(", ".join(keys) for keys in (*FORMS, *((key,) for key in FIXED)))
        faults.append((where, say("应为以下形式之一:{forms}", "is none of the forms: {forms}", forms=forms)))


def _wrong_value(form):
    """(key, sentence) of the first value in a form that is not of its kind."""
    for key, value in form.items():
        if key == "values" and not (isinstance(value, dict) and all(isinstance(v, str) for v in value.values())):
            return key, say('应为对照表,如 { "tel" = "phone" }', 'is a table, as { "tel" = "phone" }')
        if key != "values" and not isinstance(value, str):
            return key, say("应为文本", "is a text")
    try:
        if "format" in form:
            datetime.strptime(datetime(2026, 3, 25).strftime(form["format"]), form["format"])
    except ValueError:
        return "format", say("不是日期格式,例如 %m/%d/%Y", "is no format of days; for example %m/%d/%Y")
    return None


def _read_fixed(name, kind, value, column, mapping, faults):
    where = f"fields.{name}"
    if kind == "constant":
        mapping.constants[name] = value
    elif kind == "placeholder":
        if not isinstance(column, Ref) or not issubclass(column.rel_model, Record):
            faults.append((where, say("placeholder 只用于引用记录的字段", "placeholder is for references to records")))
        mapping.placeholders[name] = str(value)
    else:
        if name != "owner" or value not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            faults.append(
                (where, say("只用于 owner,可写:{known}", "is for the owner only; write one of: {known}", known=known))
            )
        mapping.responsible[name] = value
