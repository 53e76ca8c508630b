"""The keys of personal data over their life: known to the database, looked at when the program starts, changed and dropped.

The database keeps of each key its id and a check that tells nothing of it, so that a start with a missing or another key is
refused before anything is read or written wrongly.
"""

from datetime import UTC, datetime, timedelta

import peewee

from core import audit, keys
from core.database import Table, db, is_sqlite, transaction
from core.errors import Fault, Refused, StartError
from core.fields import MomentColumn
from core.keys import SIGN, Key
from core.language import say

CHUNK = 200  # rows sealed anew in one transaction
SETTLED = timedelta(hours=1)  # so long a process that runs may still write under the key before


class EncryptionKey(Table):
    """A key that this database was written with; never the key itself. The acts on it stand in the trail."""

    key = peewee.CharField(max_length=16, unique=True)
    proof = peewee.CharField(max_length=32)
    made_at = MomentColumn()
    dropped_at = MomentColumn(null=True)


def open_keys(settings, now=None):
    """Take the keys of this installation; a first start makes one. Raises StartError where one is missing or another."""
    known = list(EncryptionKey.select().where(EncryptionKey.dropped_at.is_null())) if _is_there() else []
    if not known and not settings.keys.exists():
        keys.make(settings.keys, (now or datetime.now(UTC)).date())
    keys.use(settings.keys)
    faults = keys.missing(keys.ring(), {row.key: row.proof for row in known}, settings.keys)
    if faults:
        raise StartError([*faults, keys.mend()])


def register(now=None):
    """Let the database know the keys of the file that it does not know yet."""
    if not _is_there():
        return
    known = {row.key for row in EncryptionKey.select(EncryptionKey.key)}
    now = now or datetime.now(UTC)
    for key in keys.ring().keys.values():
        if key.id not in known:
            EncryptionKey.insert(_row(key, now)).on_conflict_ignore().execute()  # another process may be quicker


def _row(key, now):
    return {"key": key.id, "proof": key.check, "made_at": now}


def _is_there():
    return db.table_exists(EncryptionKey._meta.table_name)


def listed():
    """Every key there was, oldest first: [{key, made_at, current, dropped_at, rows}]; `rows` hold something under it."""
    current = keys.ring().current.id
    return [
        {
            "key": row.key,
            "made_at": row.made_at,
            "current": row.key == current,
            "dropped_at": row.dropped_at,
            "rows": sum(count for _, count in needing(row.key)) if row.dropped_at is None else 0,
        }
        for row in EncryptionKey.select().order_by(EncryptionKey.id)
    ]


def new(actor):
    """Make a key and let everything that is written from now on be sealed by it. Returns its id."""
    actor.require("core.key.edit", None)
    key = Key.new(actor.now.date())
    with transaction() as current:
        row_id = EncryptionKey.insert(_row(key, actor.now)).execute()
        _note(actor, "create", row_id, {"key": [None, key.id]})
        current.before_commit["keys"] = lambda: keys.write([key, *keys.ring().keys.values()])
    return key.id


def drop(actor, name):
    """Take a key away for good. Raises Refused while it is in use, or anything is still sealed by it."""
    actor.require("core.key.edit", None)
    row = EncryptionKey.get_or_none(EncryptionKey.key == name, EncryptionKey.dropped_at.is_null())
    if row is None or name not in keys.ring().keys:
        known = ", ".join(keys.ring().keys)
        raise Refused(
            Fault(
                "key", say("没有密钥 {name}。现有:{known}", "no key {name}; there are: {known}", name=name, known=known)
            )
        )
    if keys.ring().current.id == name:
        raise Refused(
            Fault(
                "key",
                say(
                    "{name} 是当前密钥。请先运行 zhixing key new",
                    "{name} is the current key. Run zhixing key new first",
                    name=name,
                ),
            )
        )
    newest = EncryptionKey.select(peewee.fn.MAX(EncryptionKey.id)).scalar()
    since = EncryptionKey.get_by_id(newest).made_at
    held = needing(name)
    if held:
        tables = ", ".join(f"{table} ({count})" for table, count in held)
        told = say(
            "{name} 仍在使用:{tables}。请先运行 zhixing key reencrypt",
            "{name} is still needed by {tables}. Run zhixing key reencrypt first",
            name=name,
            tables=tables,
        )
        raise Refused(Fault("key", told))
    if actor.now - since < SETTLED:
        told = say(
            "换钥不足 1 小时,运行中的进程可能还在用 {name},请稍后再删",
            "the key was changed less than an hour ago, and a running process may still use {name}: drop it later",
            name=name,
        )
        raise Refused(Fault("key", told))
    with transaction() as current:
        EncryptionKey.update(dropped_at=actor.now).where(EncryptionKey.id == row.id).execute()
        _note(actor, "drop", row.id, {"key": [name, None]})
        rest = [key for key in keys.ring().keys.values() if key.id != name]
        current.after_commit.append(lambda: keys.write(rest))  # never gone before the database knows


def _note(actor, verb, row_id, changes):
    audit.note(actor, verb, EncryptionKey._meta.table_name, row_id, audit.EVERYWHERE, changes)


def needing(name):
    """The tables that still hold something sealed by a key: [(table, rows)]."""
    found = []
    for table, columns in _texts():
        sql = f'SELECT COUNT(*) FROM "{table}" WHERE {_holding(columns, [name])}'  # nosec B608  # names from the database
        count = db.execute_sql(sql).fetchone()[0]
        if count:
            found.append((table, count))
    return found


def reencrypt(actor, progress=None):
    """Seal everything anew that an older key has sealed, in short transactions; what broke off goes on where it stood.

    Every table is walked, also those of plugins that are gone. No record changes by it: neither revision nor trail say
    more than that it was done. `progress(done, total)` is told after each chunk. Returns how many rows were written.
    """
    actor.require("core.key.edit", None)
    older = [name for name in keys.ring().keys if name != keys.ring().current.id]
    total, done = sum(count for name in older for _, count in needing(name)), 0
    for table, columns in _texts() if older else ():
        for count in _table_anew(table, columns, older):
            done += count
            if progress:
                progress(done, max(total, done))
    if older:
        row = EncryptionKey.get(EncryptionKey.key == keys.ring().current.id)
        with transaction():
            _note(actor, "reencrypt", row.id, {"rows": [None, done]})
    return done


def _table_anew(table, columns, older):
    mark, last = "?" if is_sqlite() else "%s", -(2**63)
    names = ", ".join(f'"{column}"' for column in columns)
    wanted = f'"id" > {mark} AND ({_holding(columns, older)}) ORDER BY "id" LIMIT {CHUNK}'
    read = f'SELECT "id", {names} FROM "{table}" WHERE {wanted}'  # nosec B608  # names from the database
    given = ", ".join(f"{_q(column)} = {mark}" for column in columns)
    write = f'UPDATE "{table}" SET {given} WHERE "id" = {mark}'  # nosec B608  # names from the database
    while True:
        with transaction():
            rows = db.execute_sql(read + ("" if is_sqlite() else " FOR UPDATE"), (last,)).fetchall()
            new = [(*[text and keys.sealed_anew(text) for text in texts], row_id) for row_id, *texts in rows]
            if new:
                db.cursor().executemany(write, new)
        yield len(rows)
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def _texts():
    """Every table with an id, with its columns of text: also what no loaded model speaks of."""
    for table in sorted(db.get_tables()):
        kinds = {column.name: column.data_type.lower() for column in db.get_columns(table)}
        texts = [name for name, kind in kinds.items() if "char" in kind or "text" in kind]
        if "id" in kinds and texts and not table.startswith("migration_"):
            yield table, texts


def _holding(columns, names):
    """SQL: one of the columns holds something that one of the keys has sealed. Ids of keys are hexadecimal."""
    where = "INSTR" if is_sqlite() else "STRPOS"
    return " OR ".join(f"{where}({_q(column)}, '{SIGN}{name}') > 0" for column in columns for name in names)


def _q(name):
    return f'"{name}"'
