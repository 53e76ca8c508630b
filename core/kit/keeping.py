"""The promise about a plugin's tables: its migrations make them, take them back and make them again."""

from playhouse.migrations import Runner

from core import database, schema, start
from core.database import db
from core.kit.promises import Subject, promise
from core.plugins import registry


@promise("迁移可撤可做,结构与声明一致")
def migrations_go_up_and_down(subject):
    """Migrations go up and down, and make what the models say."""
    yield from _differences(subject, "after its migrations")
    folders = start.folders(registry())
    above = [name for name in registry().plugins if subject.name in Subject(name).needed]
    for name in reversed(above):
        if folders[name].is_dir():
            runner = Runner(db.obj, str(folders[name]), table_name=f"migration_{name}")
            steps = [step.name for step in runner.status()]
            if steps:
                runner.down(steps[0])
    left = {model._meta.table_name for model in subject.models} & set(db.get_tables())
    if left:
        yield f"its migrations taken back leave the tables {', '.join(sorted(left))}."
    database.migrate(folders)
    yield from _differences(subject, "after its migrations were taken back and applied again")


def _differences(subject, when):
    extended = [registry().models[each.record] for each in subject.manifest.extensions]
    models = [*subject.models, *extended]
    found = schema.difference(models) if models else None
    if found:
        told = f"python -m core.schema {subject.name} NAME writes what is missing"
        yield f"{when} the database differs from the models: {found}. {told}."


ALL = (migrations_go_up_and_down,)
