"""Writing migrations from models, and telling where the schema in the database differs from them.

    python -m core.schema PLUGIN NAME       write the next migration of a plugin (or of "core")

Migrations are frozen: they restate columns in peewee's own types, so that later changes of the models do not reach them.
"""

import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

import peewee
from playhouse import migrations, schema_diff

import core
from core import database
from core.database import Kept, Table, db
from core.plugins import load, registry
from core.records.model import Record
from core.roles import CORE_ROLES
from core.sealing import INDEX

MIGRATIONS = Path(core.__file__).parent / "migrations"

PLAIN = (
    peewee.BigAutoField,
    peewee.ForeignKeyField,
    peewee.BooleanField,
    peewee.DateTimeField,
    peewee.DateField,
    peewee.DecimalField,
    peewee.BigIntegerField,
    peewee.IntegerField,
    peewee.TextField,
    peewee.CharField,
)


def core_models():
    """Every table of the core."""
    for module in pkgutil.iter_modules(core.__path__, "core."):
        if module.name not in ("core.commands", "core.migrations"):
            importlib.import_module(module.name)
    return [model for model in _below(Table) if model not in (Kept, Record) and not issubclass(model, Record)]


def _below(model):
    for child in model.__subclasses__():
        yield child
        yield from _below(child)


def models_of(plugin):
    """The models of "core" or of a loaded plugin."""
    return core_models() if plugin == "core" else list(registry().plugins[plugin].manifest.models)


def difference(models):
    """What the database lacks of the models, or has beside them: a SchemaDiff; false where they are equal.

    An index on the marks of a sealed column is not declared: the migration that made it is all that speaks of it.
    """
    found = schema_diff.diff_models(db.obj, list(models))
    beside = [each for each in found.drop_indexes if not each.name.endswith(INDEX)]
    return schema_diff.SchemaDiff(found.create_tables, found.add_columns, found.drop_columns, found.add_indexes, beside)


def write_migration(plugin, folder, name):
    """Write the next migration of a plugin (or "core") into its folder; returns its path, or None where nothing differs."""
    models = models_of(plugin)
    diff = difference(models)
    create = frozen(diff.create_tables)
    add = [field for field in diff.add_columns if "__" not in field.name or field.name.startswith(f"{plugin}__")]
    add += _extension_columns(plugin)
    diff = schema_diff.SchemaDiff(create, [], diff.drop_columns, _indexes(diff.add_indexes), diff.drop_indexes)
    if not diff and not add:
        return None
    body = migrations.template(diff)
    for field in add:
        body = _with_column(body, field)
    runner = migrations.Runner(db.obj, str(folder))
    return runner.create(name, body=body.replace(body.splitlines()[0], f'"""{name.replace("_", " ").capitalize()}."""'))


def _indexes(indexes):
    return list(indexes)


def _extension_columns(plugin):
    columns = []
    if plugin != "core":
        have = {}
        for extension in registry().plugins[plugin].manifest.extensions:
            model = registry().models[extension.record]
            table = model._meta.table_name
            have.setdefault(
                table, {column.name for column in db.get_columns(table)} if db.table_exists(table) else set()
            )
            columns += [
                model._meta.fields[f"{plugin}__{name}"]
                for name in extension.fields
                if model._meta.fields[f"{plugin}__{name}"].column_name not in have[table]
            ]
    return columns


def _with_column(body, field):
    kind = _plain(field)
    if isinstance(field, peewee.ForeignKeyField):  # a plain column: the tables of two plugins are never tied together
        source = "BigIntegerField(null=True)"
    else:
        extra = f"max_length={field.max_length}, " if isinstance(field, peewee.CharField) else ""
        source = f"{kind.__name__}({extra}null=True)"
    table = field.model._meta.table_name
    up = f"    migrator.migrate(migrator.add_column({table!r}, {field.column_name!r}, {source}))\n"
    down = f"    migrator.migrate(migrator.drop_column({table!r}, {field.column_name!r}))\n"
    body = body.replace("def up(migrator, db):\n    pass\n", "def up(migrator, db):\n")
    body = body.replace("def down(migrator, db):\n    pass\n", "def down(migrator, db):\n")
    head, tail = body.split("\n\n\ndef down(migrator, db):\n", 1)
    return head.rstrip() + "\n" + up + "\n\ndef down(migrator, db):\n" + down + tail


def _plain(field):
    return next(kind for kind in PLAIN if isinstance(field, kind))


def frozen(models):
    """Copies of models with peewee's own columns only, without what extensions add."""
    copies = {}
    for model in peewee.sort_models(models):
        attrs = {}
        for field in model._meta.sorted_fields:
            if "__" not in field.name:
                attrs[field.name] = _copy(field, copies)
        indexes = tuple(index for index in model._meta.indexes if isinstance(index, tuple))
        meta = type(
            "Meta",
            (),
            {"database": db, "table_name": model._meta.table_name, "indexes": indexes, "legacy_table_names": False},
        )
        copies[model] = type(model.__name__, (peewee.Model,), {**attrs, "Meta": meta})
    return list(copies.values())


def _copy(field, copies):
    kind = _plain(field)
    options = {"null": field.null, "column_name": field.column_name}
    if kind is peewee.BigAutoField:
        return peewee.BigAutoField()
    if kind is peewee.ForeignKeyField:
        target = "self" if field.rel_model is field.model else copies.get(field.rel_model, field.rel_model)
        return peewee.ForeignKeyField(target, backref="+", on_delete=field.on_delete, unique=field.unique, **options)
    if kind is peewee.CharField:
        options["max_length"] = field.max_length
    if kind is peewee.DecimalField:
        options.update(max_digits=field.max_digits, decimal_places=field.decimal_places)
    return kind(unique=field.unique, index=field.index, **options)


def begin(plugin, name):
    """Bring an empty database up to date, and write what the plugin's models have beyond it as a migration; its path."""
    with tempfile.TemporaryDirectory() as folder:
        database.connect(f"sqlite:///{folder}/schema.db")
        loaded = load(roles=CORE_ROLES)
        folders = {"core": MIGRATIONS, **{each: found.folder / "migrations" for each, found in loaded.plugins.items()}}
        for each, path in folders.items():
            database.migrate({each: path})
        folders[plugin].mkdir(exist_ok=True)
        return write_migration(plugin, folders[plugin], name)


if __name__ == "__main__":
    print(begin(*sys.argv[1:]) or "nothing differs")
