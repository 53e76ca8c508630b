"""Backup and restore: one file with the whole database as of one moment and every uploaded file.

From SQLite it holds a copy of the database made by SQLite's online backup while people work on; from PostgreSQL the rows
of every table, read in one snapshot. Either can be restored on either database, so a group can grow from one to the other.
The key that signs cookies and the settings stay out of it: after a restore everybody signs in again. So do the keys of
personal data: who finds a backup cannot read what is sealed in it. A restore asks for them.
"""

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import peewee
from playhouse.migrations import Runner

from core import database, keys
from core.database import db, is_sqlite
from core.errors import Refused, StartError
from core.language import say

FORMAT = 1
COPY = "database.sqlite"
MEGABYTE = 1024**2
PAGE = 5000  # rows read and written at once


def save(path, settings, now):
    """Write a backup to `path`, which must not be there yet. Returns its manifest. A broken-off one leaves nothing."""
    if path.exists():
        raise Refused(say("{path} 已存在,请换一个文件名。", "{path} is there already. Name another file.", path=path))
    part = path.with_name(path.name + ".part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # for its owner only: it holds everything
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            manifest = _save_database(archive, path.parent) | {
                "format": FORMAT,
                "version": version("zhixing"),
                "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
                "files": _save_files(archive, settings.files),
            }
            archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _save_database(archive, folder):
    if is_sqlite():
        with _copy(folder) as copy:
            manifest = _manifest("sqlite", copy)
            copy.close()
            archive.write(copy.database, COPY)
        return manifest
    with db.atomic():
        db.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        manifest = _manifest("rows", db.obj)
        for table in manifest["tables"]:
            with archive.open(f"rows/{table}.ndjson", "w", force_zip64=True) as file:
                for row in _rows(db.obj, table):
                    file.write((json.dumps(row, ensure_ascii=False, default=_plain) + "\n").encode())
    return manifest


@contextmanager
def _copy(place):
    """A consistent copy of the SQLite database in use, as a database of its own, for a while in the folder `place`."""
    with tempfile.TemporaryDirectory(dir=place, prefix="backup-") as folder:
        target = sqlite3.connect(Path(folder) / COPY)
        try:
            source = sqlite3.connect(db.database)
            source.backup(target)  # in one step: in several, each write meanwhile would begin it anew
            source.close()
        finally:
            target.close()
        yield peewee.SqliteDatabase(str(Path(folder) / COPY))


def _manifest(kind, source):
    counted = 'SELECT COUNT(*) FROM "{}"'
    tables = {table: _scalar(source, counted.format(table)) for table in sorted(source.get_tables())}
    migrations = {
        table.removeprefix("migration_"): [row["name"] for row in _rows(source, table)]
        for table in tables
        if table.startswith("migration_")
    }
    known = _rows(source, "encryption_key") if "encryption_key" in tables else ()
    proofs = {row["key"]: row["proof"] for row in known if row["dropped_at"] is None}
    return {"database": kind, "migrations": migrations, "tables": tables, "keys": proofs}


def _scalar(source, sql):
    return source.execute_sql(sql).fetchone()[0]


def _rows(source, table):
    """Every row of a table as a dict, in the order of its ids, a page at a time."""
    columns = [column.name for column in source.get_columns(table)]
    names = ", ".join(f'"{name}"' for name in columns)
    mark = "?" if isinstance(source, peewee.SqliteDatabase) else "%s"
    last = -(2**63)
    while True:
        sql = f'SELECT {names} FROM "{table}" WHERE "id" > {mark} ORDER BY "id" LIMIT {PAGE}'  # nosec B608  # names that the database gave
        page = source.execute_sql(sql, (last,)).fetchall()
        for values in page:
            yield dict(zip(columns, values, strict=True))
        if len(page) < PAGE:
            return
        last = page[-1][columns.index("id")]


def _plain(value):
    """A value as the databases' one form of it."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def _save_files(archive, folder):
    """Add the uploaded files; returns how many. They come after the rows, so none that a row names is missing."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    for path in paths:
        archive.write(path, PurePosixPath("files", *path.relative_to(folder).parts).as_posix(), zipfile.ZIP_STORED)
    return len(paths)


# ---- the way back --------------------------------------------------------------------------------------------------


def restore(path, settings, folders, keys_file=None):
    """Restore a backup into an empty place. Returns its manifest; all or nothing.

    `folders` says where the migrations of the core and the plugins lie, `keys_file` the keys of personal data, where they
    are not in their place yet. Raises Refused where the file is no backup, a database or files are there already, a key is
    missing, or the backup knows more than this program.
    """
    with _opened(path) as archive:
        manifest = _read_manifest(archive, path)
        _require_empty(settings)
        _require_room(archive, settings.home)
        _bring_keys(manifest.get("keys", {}), settings, keys_file)
        if settings.database_url.startswith("sqlite:"):
            _restore_sqlite(archive, manifest, settings, folders)
        else:
            database.connect(settings.database_url)
            with db.atomic():
                _load(archive, manifest, folders, settings.home)
        _restore_files(archive, settings.files)
    return manifest


@contextmanager
def _opened(path):
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise Refused(_no_backup(path)) from error


def _no_backup(path):
    return say(
        "{path} 不是完整的备份文件。请选择 zhixing backup 生成的文件。",
        "{path} is no whole backup. Name a file that zhixing backup has made.",
        path=path,
    )


def _read_manifest(archive, path):
    try:
        if archive.getinfo("manifest.json").file_size > MEGABYTE:
            raise ValueError
        manifest = json.loads(archive.read("manifest.json"))
    except (KeyError, ValueError) as error:
        raise Refused(_no_backup(path)) from error
    if manifest.get("format") != FORMAT:
        raise Refused(
            say(
                "备份由版本 {version} 生成,本程序读不了。请先升级程序。",
                "The backup was made by version {version}, which this program cannot read. Upgrade the program first.",
                version=manifest.get("version"),
            )
        )
    return manifest


def _require_empty(settings):
    faults, path = [], settings.database_url.removeprefix("sqlite:///")
    if path == settings.database_url:
        database.connect(settings.database_url)
        there = bool(db.get_tables())
    else:
        there = Path(path).exists()
    if there:
        faults.append(
            say(
                "数据库已有内容。请恢复到空的数据库(另设 ZHIXING_HOME 或 ZHIXING_DATABASE)。",
                "The database is not empty. Restore into an empty one: set another ZHIXING_HOME or ZHIXING_DATABASE.",
            )
        )
    if settings.files.is_dir() and any(settings.files.iterdir()):
        faults.append(
            say(
                "{path} 里已有文件。请先移走。", "There are files in {path}. Move them away first.", path=settings.files
            )
        )
    if faults:
        raise Refused(*faults)


def _require_room(archive, home):
    """Raise Refused where the disk does not hold what the backup says it unpacks to; no part can give more than it says."""
    home.mkdir(parents=True, exist_ok=True)
    needed, free = sum(part.file_size for part in archive.infolist()), shutil.disk_usage(home).free
    if needed > free:
        raise Refused(
            say(
                "备份解开后有 {needed} MB,{home} 只剩 {free} MB。请腾出空间,并确认这确是 zhixing backup 生成的文件。",
                "The backup unpacks to {needed} MB and {home} has {free} MB left. Make room, and see that zhixing backup "
                "has made this file.",
                needed=needed // MEGABYTE,
                free=free // MEGABYTE,
                home=home,
            )
        )


def _bring_keys(proofs, settings, given):
    """See that the keys of what the backup holds are in their place, or bring them there."""
    if not proofs:
        return
    source = given if given and not settings.keys.exists() else settings.keys
    try:
        faults = keys.missing(keys.read(source), proofs, source)
    except StartError as error:
        faults = error.faults
    if faults:
        told = say(
            "备份不含加密密钥。请用 --keys 指明另行保管的 personal.keys。",
            "A backup holds no keys. Name the personal.keys that you keep elsewhere with --keys.",
        )
        raise Refused(*faults, told)
    if source != settings.keys:
        keys.write(keys.read(source).keys.values(), settings.keys)


def _restore_sqlite(archive, manifest, settings, folders):
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="restore-") as folder:
        part = Path(folder) / path.name
        if manifest["database"] == "sqlite":
            with archive.open(COPY) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
        else:
            database.connect(f"sqlite:///{part}")
            with db.atomic():
                _load(archive, manifest, folders, path.parent)
            db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            db.close()
        os.replace(part, path)


def _load(archive, manifest, folders, home):
    """Make the schema that the backup had, in the database in use, and fill it. In the transaction of the caller."""
    _require_known(manifest, folders)
    for name, folder in folders.items():
        steps = manifest["migrations"].get(name)
        if steps:
            Runner(db.obj, str(folder), table_name=f"migration_{name}").up(steps[-1])
    strange = sorted(set(manifest["tables"]) - set(db.get_tables()))
    if strange:
        raise Refused(
            say(
                "备份里有本程序没有的表:{names}。备份已被改动,或不属于这些插件。",
                "The backup has tables that this program lacks: {names}. It was changed, or is not of these plugins.",
                names=", ".join(strange),
            )
        )
    with _source(archive, manifest, home) as read, _references_later():
        for table, count in manifest["tables"].items():
            if not table.startswith("migration_") and _fill(table, read(table)) != count:
                raise Refused(
                    say("备份不完整:{table}", "The backup is not whole: rows of {table} are missing", table=table)
                )


def _require_known(manifest, folders):
    unknown = []
    for name, steps in manifest["migrations"].items():
        folder = folders.get(name)
        known = {path.stem for path in Path(folder).glob("*.py")} if folder else set()
        unknown += [f"{name}/{step}" for step in steps if step not in known]
    if unknown:
        raise Refused(
            say(
                "备份里有本程序没有的插件或更新的结构:{steps}。请先安装这些插件或升级程序。",
                "The backup has plugins, or a newer schema, that this program lacks: {steps}. Install or upgrade first.",
                steps=", ".join(unknown),
            )
        )


@contextmanager
def _source(archive, manifest, home):
    """How the rows of a table are read from the backup: a function of the table's name."""
    if manifest["database"] == "rows":
        yield lambda table: map(json.loads, archive.open(f"rows/{table}.ndjson"))
        return
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="restore-") as folder:
        copy = peewee.SqliteDatabase(archive.extract(COPY, folder))
        yield lambda table: _rows(copy, table)
        copy.close()


@contextmanager
def _references_later():
    """Let references be judged when all rows are there, whatever the order in which they come."""
    if is_sqlite():
        db.execute_sql("PRAGMA defer_foreign_keys = 1")
        yield
        return
    sql = "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint WHERE contype = 'f'"
    constraints = db.execute_sql(sql).fetchall()
    for table, name in constraints:
        db.execute_sql(f"ALTER TABLE {table} ALTER CONSTRAINT {name} DEFERRABLE INITIALLY DEFERRED")
    yield
    db.execute_sql("SET CONSTRAINTS ALL IMMEDIATE")
    for table, name in constraints:
        db.execute_sql(f"ALTER TABLE {table} ALTER CONSTRAINT {name} NOT DEFERRABLE")


def _fill(table, rows):
    """Insert rows into an empty table with the ids that they had; returns how many."""
    columns = {column.name: column.data_type.lower() for column in db.get_columns(table)}
    booleans = [name for name, kind in columns.items() if kind.startswith("bool")]
    mark, count, page = "?" if is_sqlite() else "%s", 0, []
    names = ", ".join(f'"{name}"' for name in columns)
    sql = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join([mark] * len(columns))})'  # nosec B608  # names that the database gave
    for row in rows:
        for name in booleans:
            row[name] = None if row[name] is None else bool(row[name])
        page.append([row[name] for name in columns])
        count += 1
        if len(page) == PAGE:
            db.cursor().executemany(sql, page)
            page = []
    if page:
        db.cursor().executemany(sql, page)
    if not is_sqlite() and count:
        last = f'SELECT setval(pg_get_serial_sequence(%s, %s), MAX("id")) FROM "{table}"'  # nosec B608  # as above
        db.execute_sql(last, (f'"{table}"', "id"))
    return count


def _restore_files(archive, folder):
    for name in archive.namelist():
        parts = PurePosixPath(name).parts
        if parts[0] == "files" and len(parts) > 1 and ".." not in parts:
            target = folder.joinpath(*parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
