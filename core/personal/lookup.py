"""Everything that is held about one person, in all plugins and branches that the actor reaches: found by declaration."""

from dataclasses import dataclass

from core.errors import Fault, Refused
from core.fields import Ref, SoftRef
from core.language import say
from core.personal.matching import equals, plain
from core.plugins import registry
from core.records.model import Record
from core.records.sealed import is_sealed
from core.records.showing import personal_of
from core.records.visibility import archived, load_refs, sealed, visible_to

LEAST = 5  # characters of a number: fewer find strangers
MOST = 500  # rows of one record type


@dataclass
class Found:
    """A record about the person. `is_sure`: name and number agree, or it names one of which that holds (`because`)."""

    row: Record
    is_sure: bool
    because: Record | None = None

    @property
    def key(self):
        """The record as "record:id"."""
        return self.row.soft_id()

    @property
    def is_sealed(self):
        """Whether it is sealed already."""
        return is_sealed(self.row)


def about(actor, name, number):
    """What the actor reaches of a person of this name and phone or identity number: [Found]. Raises Refused.

    A record is about them where one of its personal values is the number, or where it refers to such a record.
    """
    _require(name, number)
    models = registry().models.values()
    direct = [found for model in models for found in _holding(actor, model, name, number)]
    named = {found.key: found for found in direct}
    others = [found for model in models for found in _naming(actor, model, direct)]
    return direct + [found for found in others if found.key not in named]


def _require(name, number):
    faults = []
    if not plain(name):
        faults.append(Fault("name", say("请填写姓名", "write the name"), "required"))
    if len(plain(number)) < LEAST:
        faults.append(
            Fault("number", say("请填写完整的电话或证件号码", "write the whole phone or identity number"), "required")
        )
    if faults:
        raise Refused(*faults)


def _reached(actor, model, condition):
    """The rows under a condition that the actor sees, in archives and under seal too."""
    found = {}
    for query in (visible_to(actor, model), archived(actor, model), sealed(actor, model)):
        found.update((row.id, row) for row in query.where(condition).order_by(model.id).limit(MOST))
    return load_refs(list(found.values()), model)


def _holding(actor, model, name, number):
    columns = [column for column in personal_of(model).values() if column.kind in ("text", "phone", "longtext")]
    if not columns:
        return []
    condition = equals(columns[0], number)
    for column in columns[1:]:
        condition |= equals(column, number)
    rows = _reached(actor, model, condition)
    return [Found(row, any(plain(row.__data__[c.name]) == plain(name) for c in columns)) for row in rows]


def _naming(actor, model, direct):
    """The records of a type that refer to one of those found."""
    found = []
    for column in model._meta.sorted_fields:
        targets = _targets(column, direct)
        for row in _reached(actor, model, column.in_(list(targets))) if targets else ():
            source = targets[row.__data__[column.name]]
            found.append(Found(row, source.is_sure, source.row))
    return list({each.key: each for each in found}.values())


def _targets(column, direct):
    """Those found that a column can refer to, by what it holds then."""
    if isinstance(column, SoftRef):
        return {each.key: each for each in direct}
    if isinstance(column, Ref) and issubclass(column.rel_model, Record):
        return {each.row.id: each for each in direct if type(each.row) is column.rel_model}
    return {}
