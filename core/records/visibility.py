"""The one way out: which rows and fields a person sees, decided here for every list, page, look-up, export and API."""

import peewee

from core.access import needs_actor
from core.database import is_sqlite
from core.errors import NotFound
from core.fields import Ref
from core.forms import PREFIX, form_of
from core.language import say
from core.organisation import Department, organisation, zone_of
from core.people import Person
from core.plugins import registry
from core.records.model import Batch
from core.records.sealed import sealed_ids
from core.records.shown import shown_to
from core.switches import branches_with, is_on


def permission(model, verb):
    """The name of a permission on a record type."""
    return f"{model._meta.plugin}.{model._meta.record}.{verb}"


def visible_branches(actor, model, verb="view"):
    """The ids of the branches whose rows the actor sees; None means every branch there is."""
    allowed = needs_actor(actor).branches(permission(model, verb))
    on = branches_with(model._meta.plugin, actor.now)
    seen = on if allowed is None else on & allowed
    return None if len(seen) == len(organisation().branches) else seen


def visible_to(actor, model, verb="view", query=None):
    """A query of the rows that the actor sees. Raises NoActor without one."""
    query = model.select() if query is None else query
    branches = visible_branches(actor, model, verb)
    if branches is not None:
        query = query.where(model.branch.in_(sorted(branches)) if branches else peewee.SQL("1 = 0"))
    return without_unfinished(query, model)


def archived(actor, model):
    """A query of the rows that lie where the plugin is off: for the archive page, under a permission of its own."""
    allowed = needs_actor(actor).branches(f"{model._meta.plugin}.archive.view")
    everywhere = frozenset(organisation().branches)
    off = (everywhere if allowed is None else allowed) - branches_with(model._meta.plugin, actor.now)
    query = model.select().where(model.branch.in_(sorted(off)) if off else peewee.SQL("1 = 0"))
    return without_unfinished(query, model)


def sealed(actor, model):
    """A query of the sealed rows that the actor may look into: under a permission of its own, whatever is on or off."""
    allowed, ids = needs_actor(actor).branches("core.seal.open"), sealed_ids(model._meta.record)
    query = model.select().where(model.id.in_(sorted(ids)) if ids else peewee.SQL("1 = 0"))
    if allowed is not None:
        query = query.where(model.branch.in_(sorted(allowed)) if allowed else peewee.SQL("1 = 0"))
    return query


def without_unfinished(query, model):
    """`query` without the records of imports that are not done, and without those that are sealed."""
    hidden, ids = [batch.id for batch in _unfinished()], sealed_ids(model._meta.record)
    if hidden:
        query = query.where(model.batch.is_null() | model.batch.not_in(hidden))
    return query.where(model.id.not_in(sorted(ids))) if ids else query


def about_finished(query, table):
    """`query` over rows about records (columns `record` and `record_id`), without those of imports that are not done."""
    for batch in _unfinished():
        model = registry().models[batch.record]
        brought = model.select(model.id).where(model.batch == batch.id)
        query = query.where((table.record != batch.record) | table.record_id.not_in(brought))
    return query


def _unfinished():
    return list(Batch.select(Batch.id, Batch.record).where(Batch.done_at.is_null()))


def find(actor, model, key, verb="view"):
    """The visible row with this id (int or digits) or number. Raises NotFound, also where it exists unseen."""
    query = visible_to(actor, model, verb)
    text = str(key)
    row = query.where(model.id == int(text)).get_or_none() if is_id(text) else None
    if row is None and isinstance(key, str):
        row = query.where(model.number == text).order_by(model.id).first()
    if row is None:
        _tell_of_seal(actor, model, text)
        raise NotFound(
            say(
                "没有编号为 {key} 的“{label}”,或者你无权查看。",
                "There is no {label} {key} that you may see.",
                key=key,
                label=model._meta.label,
            )
        )
    return row


def _tell_of_seal(actor, model, text):
    """Raise NotFound that says so where the row would be seen if it were not sealed."""
    if is_id(text) and int(text) in sealed_ids(model._meta.record):
        row = model.get_by_id(int(text))
        if actor.may(permission(model, "view"), row.branch_id) and is_on(model._meta.plugin, row.branch_id, actor.now):
            raise NotFound(
                say(
                    "{number} 已封存:法律要求保存,除存储外不作任何处理。",
                    "{number} is sealed: a law has it kept, and nothing is done with it but storing it.",
                    number=row.number,
                )
            )


def is_id(text):
    """Whether a text can be the id of a row."""
    return text.isascii() and text.isdigit() and len(text) < 18


def find_all(actor, model, ids, verb="view"):
    """The visible rows with these ids, in one query: {id: row}. Raises NotFound where one is not to be seen."""
    rows = {row.id: row for row in visible_to(actor, model, verb).where(model.id.in_(list(ids)))}
    for row_id in ids:
        if row_id not in rows:
            find(actor, model, row_id, verb)
    return rows


def columns(model, branch_id, now):
    """The columns of a record type in a branch by API name: extension columns only where their plugin is on."""
    return {
        name: column
        for name, column in model.by_api_name().items()
        if not getattr(column, "taken_away", False) and ("__" not in name or is_on(name.split("__")[0], branch_id, now))
    }


def workflow(model, branch_id, now):
    """The workflow of a record type in a branch, with what the regulations that are on there add."""
    whole = model._meta.workflow.with_extensions(extensions(model, branch_id, now))
    gone = [event for event in whole.transitions if f"transition:{model._meta.record}.{event}" in registry().without]
    return whole.without(gone) if gone else whole


def extensions(model, branch_id, now):
    """The extensions of a record type that are on in a branch: [(plugin, Extension)]."""
    added = registry().extensions.get(model._meta.record, ())
    return [(plugin, extension) for plugin, extension in added if is_on(plugin, branch_id, now)]


def may_see(actor, model, column, branch_id):
    """Whether the actor may have a column shown: personal data needs a permission of its own."""
    needs_actor(actor)
    return not getattr(column, "personal", None) or actor.may(permission(model, "personal"), branch_id)


def in_clear(actor, record, column):
    """Whether a value stands in the clear now: personal data only once it was shown, for a purpose that was noted."""
    needs_actor(actor)
    if not getattr(column, "personal", None) or actor.is_system:
        return True
    names = shown_to(actor).get((record._meta.record, record.id), ())
    return column.name in names and may_see(actor, type(record), column, record.branch_id)


def masked(value):
    """A personal value with stars in it: 李*, 138****8000, 110101********1234; of other texts the first 3 and last 2 stay."""
    text = "" if value is None else str(value)
    first, last = (1, 0) if len(text) < 7 else (3, 2)
    if len(text) >= 10 and text[:-1].isdigit():
        first, last = (6, 4) if len(text) >= 15 else (3, 4)
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]


class Values:
    """A record's values by API name, for conditions: a light view, nothing is loaded."""

    __slots__ = ("record", "columns")

    def __init__(self, record):
        self.record, self.columns = record, type(record).by_api_name()

    def get(self, name, default=None):
        if name.startswith(PREFIX):
            return (self.record.extra or {}).get(name[len(PREFIX) :], default)
        column = self.columns.get(name)
        return default if column is None else self.record.__data__.get(column.name, default)


def load_refs(rows, model, names=None):
    """Load what the rows refer to, one query for each target model, and set it on them: never a query in a loop."""
    wanted = {}
    for column in model._meta.sorted_fields:
        if (
            isinstance(column, peewee.ForeignKeyField)
            and column.name != "batch"
            and (names is None or column.name in names)
        ):
            wanted.setdefault(column.rel_model, []).append(column)
    for target, fields in wanted.items():
        ids = {row.__data__.get(field.name) for row in rows for field in fields} - {None}
        if target.__name__ == "Branch":
            found = organisation().branches
        elif target is Department:
            found = organisation().departments
        else:
            found = {row.id: row for row in target.select().where(target.id.in_(sorted(ids)))} if ids else {}
        for row in rows:
            for field in fields:
                if row.__data__.get(field.name) in found:
                    setattr_loaded(row, field, found[row.__data__[field.name]])
    return rows


def setattr_loaded(row, field, target):
    """Set a loaded target on a row without marking the row as changed."""
    row.__rel__[field.name] = target


def json_value(record, name, column, actor):
    """One value as the API and exports give it, masked where the actor may not see it."""
    value = record.__data__.get(column.name)
    if value is None:
        return None
    if not in_clear(actor, record, column):
        return masked(value)
    if isinstance(column, Ref):
        target = getattr(record, column.name)
        if isinstance(target, Person):
            return target.login
        return target.code if isinstance(target, Department) else target.id
    if column.kind == "moment" and record.is_day_only(column.name):
        return day_of(record, column.name).isoformat()
    return column.as_json(value.astimezone(zone_of(record.branch_id)) if column.kind == "moment" else value)


def day_of(record, name):
    """The day of a moment in the branch's zone."""
    value = getattr(record, name)
    return None if value is None else value.astimezone(zone_of(record.branch_id)).date()


def as_json(record, actor, names=None):
    """A record as the API gives it: base columns, own fields, and the added questions that were asked of it."""
    model = type(record)
    data = {
        "id": record.id,
        "branch": organisation().branches[record.branch_id].code,
        "revision": record.revision,
        "form_version": record.form_version,
    }
    for name, column in columns(model, record.branch_id, actor.now).items():
        if name not in ("stamps", "extra", "gaps"):
            data[name] = json_value(record, name, column, actor)
    for question in form_of(model._meta.record, record.branch_id, record.form_version).questions:
        data[question.name] = answer_of(record, question, actor)
    return data if names is None else {name: data.get(name) for name in names}


def answer_of(record, question, actor):
    """The answer to an added question as it is stored, masked where it is personal and was not shown."""
    value = (record.extra or {}).get(question.key)
    return value if value is None or in_clear(actor, record, question.column) else masked(value)


def answer_sql(model, key):
    """The answer to an added question as an SQL expression, for filters and sorting."""
    if not key.replace("_", "").isalnum():
        raise ValueError(key)
    if is_sqlite():
        return peewee.fn.json_extract(model.extra, peewee.SQL(f"'$.{key}'"))
    return peewee.fn.jsonb_extract_path_text(model.extra.cast("jsonb"), key)
