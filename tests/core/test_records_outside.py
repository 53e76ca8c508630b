"""No row that is evidence is written beside the one way in, whatever peewee offers."""

import pytest

from core import database, schema
from core.database import Kept
from core.errors import WriteOutside
from core.plugins import registry
from plugins.cases.models import Complaint


def kept_models():
    return [model for model in [*schema.core_models(), *registry().models.values()] if issubclass(model, Kept)]


WAYS = {
    "insert": lambda model, row: model.insert(id=1).execute(),
    "insert_many": lambda model, row: model.insert_many([{"id": 1}]).execute(),
    "insert_from": lambda model, row: model.insert_from(model.select(), list(model._meta.fields)).execute(),
    "replace": lambda model, row: model.replace(id=1).execute(),
    "replace_many": lambda model, row: model.replace_many([{"id": 1}]).execute(),
    "update": lambda model, row: model.update(id=1).execute(),
    "delete": lambda model, row: model.delete().execute(),
    "create": lambda model, row: model.create(),
    "save": lambda model, row: row.save(force_insert=True),
    "save again": lambda model, row: setattr(row, list(model._meta.fields)[1], None) or row.save(),
    "delete_instance": lambda model, row: row.delete_instance(),
    "delete_by_id": lambda model, row: model.delete_by_id(1),
    "set_by_id": lambda model, row: model.set_by_id(1, {"id": 2}),
    "bulk_create": lambda model, row: model.bulk_create([row]),
    "bulk_update": lambda model, row: model.bulk_update([row], [list(model._meta.fields.values())[1]]),
    "insert_rows": lambda model, row: database.insert_rows(model, [{}]),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_kept_table_is_written_beside_the_one_way_in(group, way):
    models = kept_models()
    assert {"Complaint", "AuditEntry", "Grant", "SwitchEntry", "Finding"} <= {model.__name__ for model in models}
    for model in models:
        row = model(id=1)
        before = model.select().count()
        with pytest.raises(WriteOutside, match=model.__name__):
            WAYS[way](model, row)
        assert model.select().count() == before


def test_the_door_shuts_behind_an_exception(group):
    with pytest.raises(RuntimeError), database.door():
        raise RuntimeError
    with pytest.raises(WriteOutside):
        Complaint.delete().execute()
