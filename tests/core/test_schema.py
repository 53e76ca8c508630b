"""After its migrations the database is what the models say, and migrations can be taken back and applied again."""

import pytest
from playhouse.migrations import Runner

from core import database, schema, start
from core.database import db
from core.plugins import registry


def all_models():
    return [*schema.core_models(), *registry().models.values()]


def folders():
    return start.folders(registry())


def test_after_all_migrations_the_database_equals_the_models(group):
    difference = schema.difference(all_models())
    assert not difference, difference
    assert database.pending(folders()) == []


def test_every_table_is_made_by_the_migrations_of_its_plugin(group):
    tables = {model._meta.table_name for model in all_models()}
    history = {f"migration_{name}" for name in folders()}
    assert set(db.get_tables()) - {"sqlite_sequence"} == tables | history


def test_migrations_are_taken_back_and_applied_again(group):
    runners = {name: Runner(db.obj, str(folder), table_name=f"migration_{name}") for name, folder in folders().items()}
    for name, runner in reversed(runners.items()):
        steps = [step.name for step in runner.status()]
        assert steps and runner.down(steps[0]) == steps[::-1], name
    assert set(db.get_tables()) - {"sqlite_sequence"} == {f"migration_{name}" for name in runners}
    applied = database.migrate(folders())
    assert len(applied) == sum(len(list(runner.migrations())) for runner in runners.values())
    assert not schema.difference(all_models())


def test_applying_them_again_changes_nothing(group):
    assert database.migrate(folders()) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE complaint ADD COLUMN extra_column integer",
        "ALTER TABLE complaint DROP COLUMN timeliness__late_item_id",
        "ALTER TABLE person DROP COLUMN theme",
        "DROP TABLE draft",
        "DROP INDEX clock_next_at",
    ],
)
def test_what_differs_is_noticed(group, change):
    db.execute_sql(change)
    assert schema.difference(all_models())
