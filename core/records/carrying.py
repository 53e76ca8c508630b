"""What a record takes along to another branch: those it names there would otherwise be out of sight (its customer)."""

from core.access import Actor
from core.fields import Ref
from core.organisation import organisation
from core.records import visibility
from core.records.context import Context
from core.records.model import Record
from core.records.saving import write_new
from core.records.writing import prepare

SAME = 2  # personal values (name and phone, say) that must agree before two rows are taken for the same


def carry(target, record):
    """For what the record names in another branch: {field name: id of the same, found or copied, in the new branch}.

    Only for record types that know when two rows are the same (`alike`). A copy is made by the system in the name of who
    hands over; the row of the old branch stays as it is.
    """
    found = {}
    for column in type(record).own_fields():
        row_id = record.__data__.get(column.name)
        if row_id is None or not isinstance(column, Ref) or not issubclass(column.rel_model, Record):
            continue
        row = column.rel_model.get_by_id(row_id)
        if row.branch_id not in organisation().path(target.branch_id) and hasattr(column.rel_model, "alike"):
            found[column.name] = _same(target, row) or _copied(target, row)
    return found


def _same(target, row):
    model = type(row)
    here = visibility.without_unfinished(model.select().where(model.branch == target.branch_id), model)
    values = {name: row.__data__.get(column.name) for name, column in model.by_api_name().items()}
    personal = [column.name for column in model.own_fields() if column.personal]
    for other in model.alike(here, values):
        pairs = [(getattr(row, name), getattr(other, name)) for name in personal]
        both = [(mine, theirs) for mine, theirs in pairs if mine and theirs]
        if len(both) >= SAME and all(mine == theirs for mine, theirs in both):
            return other.id
    return None


def _copied(target, row):
    model = type(row)
    actor = Actor(None, target.actor.via, target.now, name_override=target.actor.name)
    context = Context(actor, target.branch_id, model)
    values = {c.api_name: row.__data__.get(c.name) for c in model.own_fields() if not isinstance(c, Ref)}
    copy, _ = prepare(context, {name: value for name, value in values.items() if value is not None}, gaps=("owner",))
    return write_new(context, [copy])[0].id
