"""A mapping without a file for it: columns are known by a field's API name, its Chinese or its English label."""

from core.errors import Fault, Refused
from core.language import say
from core.records.model import BASE_LABELS
from core.transfer import sources
from core.transfer.mapping import Mapping
from core.transfer.sources import Source


def by_names(sheet, context, branch):
    """The Mapping of a file whose columns are named as fields are: API name, Chinese or English label."""
    known, skipped = _names(context)
    mapping, unknown, doubled, taken = Mapping(), [], [], {}
    for header in sheet.headers:
        names = known.get(header.lower().rstrip("* "), ())
        if len(names) != 1:
            (doubled if names else unknown).append(header)
            continue
        name = names[0]
        if name in skipped:
            continue
        if name in taken:
            doubled.append(header)
        taken[name] = header
        _take_column(mapping, name, header, context, branch)
    if unknown or doubled:
        raise Refused(*_unknown(sheet, unknown, doubled, known))
    return mapping


def _names(context):
    """What each name may stand for, {name in small letters: [field]}, and the fields that are known and not read."""
    known, skipped = {}, set()
    for name, column in context.columns.items():
        if name in ("stamps", "extra", "gaps"):
            continue
        if name in ("recorded_by", "recorded_at") or (column.read_only and name != "number"):
            skipped.add(name)
        _add(known, name, column.label)
    for name, question in context.form.by_name.items():
        if not question.retired:
            _add(known, name, question.label)
    _add(known, "branch", BASE_LABELS["branch"])
    return known, skipped


def _add(known, name, label):
    for text in {name, getattr(label, "zh", str(label)).lower(), getattr(label, "en", str(label)).lower()}:
        if name not in known.setdefault(text, []):
            known[text].append(name)


def _take_column(mapping, name, header, context, branch):
    column = context.columns.get(name) or getattr(context.form.by_name.get(name), "column", None)
    if name == "number":
        mapping.number = header
    elif name == "branch":
        mapping.sources.append(Source(name, header, _only(branch)))
    elif name == "state":
        mapping.sources.append(Source(name, header, _state_in(context.workflow)))
    elif column.kind in ("moment", "day"):
        mapping.sources.append(sources.moment(name, header))
    else:
        mapping.sources.append(sources.plain(name, header))


def _only(branch):
    def read(cell):
        if cell not in ("", branch.code, branch.name):
            raise ValueError(
                say(
                    "这一行属于别的机构,现导入到 {code}",
                    "this row is another branch's; {code} is imported into",
                    code=branch.code,
                )
            )

    return read


def _state_in(workflow):
    words = {}
    for state in workflow.states.values():
        words.update({state.name: state.name, state.label.zh: state.name, state.label.en: state.name})

    def read(cell):
        if cell == "":
            return None
        if cell not in words:
            known = "、".join(str(state.label) for state in workflow.states.values())
            raise ValueError(say("没有这个状态,可写:{known}", "no such state; there are: {known}", known=known))
        return words[cell]

    return read


def _unknown(sheet, unknown, doubled, known):
    for header in unknown:
        yield Fault(
            sheet.path.name,
            say(
                "列“{header}”对不上任何字段。请改用模板里的列名,或删去此列,或用对应关系(mapping)说明",
                'the column "{header}" is no field. Name it as in the template, drop it, or tell by a mapping',
                header=header,
            ),
            "unknown",
        )
    for header in doubled:
        names = "、".join(known.get(header.lower(), (header,)))
        yield Fault(
            sheet.path.name,
            say(
                "列“{header}”可指多个字段,或与另一列指同一字段,请改用字段名:{names}",
                'the column "{header}" could be several fields, or doubles another: name it by the field: {names}',
                header=header,
                names=names,
            ),
            "duplicate",
        )
