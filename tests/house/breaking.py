"""Breaking off: a fault raised after the k-th statement of some work, and what lies in the tables and on the disk then."""

import csv
import re
from contextlib import contextmanager
from functools import cache

from core.database import db, forget, is_sqlite, refresh
from tests.house.routes import INTERNAL, UNWRITTEN, digest

READS = re.compile(r"\s*(SELECT|PRAGMA|SHOW)\b(?!.*\bnextval\b|.*\bFOR UPDATE\b)", re.I | re.S)
FRAME = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.I)


class Broken(Exception):
    """The fault that a test raises."""


class _Cursor:
    """A cursor that counts what is run through it."""

    def __init__(self, cursor, after):
        self._cursor, self._after = cursor, after

    def __getattr__(self, name):
        return getattr(self._cursor, name)

    def __iter__(self):
        return iter(self._cursor)

    def execute(self, sql, *args):
        done = self._cursor.execute(sql, *args)
        self._after(str(sql))
        return done

    def executemany(self, sql, *args):
        done = self._cursor.executemany(sql, *args)
        self._after(str(sql))
        return done


class Statements:
    """The statements of some work: `counted` the first time, then broken off after one of them."""

    def __init__(self, every):
        self.every, self.count, self.broken_at = every, 0, None

    def after(self, sql):
        if FRAME.match(sql) or (not self.every and READS.match(sql)):
            return
        self.count += 1
        if self.count == self.broken_at:
            raise Broken(sql)


@contextmanager
def watched(every, broken_at=None):
    """Let each statement (or, unless `every`, each that writes) be counted, and a fault be raised after one of them."""
    told, real = Statements(every), type(db.obj).cursor
    told.broken_at = broken_at
    db.obj.cursor = lambda *args, **kwargs: _Cursor(real(db.obj, *args, **kwargs), told.after)
    try:
        yield told
    finally:
        del db.obj.cursor


class Undone(Exception):
    """Takes back what a successful run did."""


def statements_of(work, every):
    """How many statements a successful run has, and the tables that it changed. It is undone, so that it can run again."""
    before = tables()
    try:
        with db.atomic():
            with watched(every) as told:
                work()
            now = tables()
            raise Undone
    except Undone:
        pass
    forget()
    refresh()
    return told.count, [name for name in now if now[name] != before[name]]


def tables():
    """What every table holds, as {table: digest}: on PostgreSQL worked out there, in one question."""
    if is_sqlite():
        return digest()
    parts = []
    for table in _names():
        columns = [f'"{name}"' for name in _columns(table) if (table, name) not in UNWRITTEN]
        row = f"ROW({', '.join(columns)})::text"
        parts.append(f"""SELECT '{table}', md5(string_agg({row}, '|' ORDER BY "id")) FROM "{table}" """)
    return dict(db.execute_sql(" UNION ALL ".join(parts)).fetchall())


@cache
def _names():
    return [name for name in db.get_tables() if not INTERNAL.match(name)]


@cache
def _columns(table):
    return [column.name for column in db.get_columns(table)]


def lies_there(settings, without=()):
    """All that the database holds, and the names of all files in the data folder."""
    files = sorted(str(path.relative_to(settings.home)) for path in settings.home.rglob("*") if path.is_file())
    return {"files": files, **{name: held for name, held in tables().items() if name not in without}}


def left_by(work, settings, every, chosen, without=(), or_all=False):
    """What work leaves that is broken off after statement k, for each k that `chosen(count)` gives: ({k: tables}, tried).

    `or_all`: it may also leave all that a successful run does, as a page does that reads on after its commit.
    """
    (count, whole), left = statements_of(work, every), {}
    assert whole, "the work changes nothing"
    picked, before = chosen(count), lies_there(settings, without)
    for k in picked:
        with watched(every, k):
            try:
                work()
            except Broken:
                pass
            else:  # once a run came through whole, the next may have fewer statements
                if not or_all:
                    left[k] = ["not broken off"]
        forget()
        refresh()
        now = lies_there(settings, without)
        changed = [name for name in now if now[name] != before[name]]
        if changed and not (or_all and set(changed) - {"files"} == set(whole)):
            left[k] = changed
        before = now
    return left, len(picked)


def written_csv(path, rows):
    """A CSV of rows (dicts with the same keys); returns the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
