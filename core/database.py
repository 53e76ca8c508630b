"""The database: one URL, SQLite or PostgreSQL; transactions, the door that writes go through, migrations, versions."""

import random
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import peewee
from playhouse.db_url import parse as parse_url
from playhouse.migrations import Runner

from core.errors import StartError, WriteOutside

db = peewee.DatabaseProxy()
MIGRATIONS = Path(__file__).parent / "migrations"  # of the core's own tables
_here = threading.local()

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 1,
    "busy_timeout": 5000,
    "foreign_keys": 1,
    "cache_size": -32000,
}


class Sqlite(peewee.SqliteDatabase):
    """SQLite that asks for the write lock every few milliseconds, for as long as busy_timeout says.

    Its own waiting asks ten times a second at last: whoever wrote without a pause, as a worker that delivers does, kept
    everybody else out for seconds.
    """

    def execute_sql(self, sql, params=None):
        if self.in_transaction() or not sql.startswith(("INSERT", "UPDATE", "DELETE")):
            return super().execute_sql(sql, params)
        with self.atomic():  # a single write waits for its turn in the same way
            return super().execute_sql(sql, params)

    def begin(self, lock_type=None):
        patience = self.execute_sql("PRAGMA busy_timeout").fetchone()[0]
        end = time.monotonic() + patience / 1000
        self.execute_sql("PRAGMA busy_timeout = 0")
        has_begun = False
        try:
            while not (has_begun := self._has_begun(lock_type, end)):
                time.sleep(random.uniform(0.001, 0.004))  # nosec B311  # a pause, no secret
        finally:
            try:
                self.execute_sql(f"PRAGMA busy_timeout = {patience}")
            except BaseException:
                if has_begun:
                    self.rollback()  # else the connection would be left inside a transaction that nobody ends
                raise

    def _has_begun(self, lock_type, end):
        try:
            super().begin(lock_type)
        except peewee.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= end:
                raise
            return False
        return True


def connect(url):
    """Make `url` (sqlite:///path or postgresql://...) the database of this process. Raises StartError for another."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        database = Sqlite(str(path), pragmas=SQLITE_PRAGMAS, timeout=5, lock_type="IMMEDIATE")
    elif url.startswith(("postgresql://", "postgres://")):
        options = parse_url(url)
        database = peewee.PostgresqlDatabase(
            options.pop("database"), prefer_psycopg3=True, options="-c timezone=UTC", **options
        )
    else:
        raise StartError(
            [f"database = {url!r} is neither sqlite:///path nor postgresql://user@host/name. Mend ZHIXING_DATABASE."]
        )
    if db.obj is not None and not db.is_closed():
        db.close()
    db.initialize(database)
    forget()
    return database


def forget():
    """Drop all that this process caches of the database."""
    for cache in _caches:
        cache.forget()


def is_sqlite():
    """Whether the database in use is SQLite."""
    return isinstance(db.obj, peewee.SqliteDatabase)


class Table(peewee.Model):
    """Base of every table: one bigint id. Operational rows (clocks, outbox, sessions) are written directly."""

    id = peewee.BigAutoField()

    class Meta:
        database = db
        legacy_table_names = False
        only_save_dirty = True


class Kept(Table):
    """Base of every table whose rows are evidence: written only inside `door()`, which only the core's own ways open."""

    @classmethod
    def insert(cls, *args, **kwargs):
        _guard(cls)
        return super().insert(*args, **kwargs)

    @classmethod
    def insert_many(cls, *args, **kwargs):
        _guard(cls)
        return super().insert_many(*args, **kwargs)

    @classmethod
    def insert_from(cls, *args, **kwargs):
        _guard(cls)
        return super().insert_from(*args, **kwargs)

    @classmethod
    def replace(cls, *args, **kwargs):
        _guard(cls)
        return super().replace(*args, **kwargs)

    @classmethod
    def replace_many(cls, *args, **kwargs):
        _guard(cls)
        return super().replace_many(*args, **kwargs)

    @classmethod
    def update(cls, *args, **kwargs):
        _guard(cls)
        return super().update(*args, **kwargs)

    @classmethod
    def delete(cls, *args, **kwargs):
        _guard(cls)
        return super().delete(*args, **kwargs)


def _guard(model):
    if not getattr(_here, "door", 0):
        raise WriteOutside(
            f"{model.__name__}: written beside the one way in. Use core.records (or core.audit.keep for tables of the core)."
        )


@contextmanager
def door():
    """Let rows of `Kept` tables be written in this thread. Only the core's own ways in may open it."""
    _here.door = getattr(_here, "door", 0) + 1
    try:
        yield
    finally:
        _here.door -= 1


class Transaction:
    """The write transaction of this thread. `before_commit` run last in it, by name; `after_commit` once it stands.

    `in_the_end` run by name when it is over, whether it stands or not; they must not raise.
    """

    def __init__(self):
        self.before_commit = {}
        self.after_commit = []
        self.in_the_end = {}


@contextmanager
def transaction(gently=False):
    """One write transaction; a nested call joins the outer one. All or nothing: an exception undoes everything.

    Yields the Transaction. Its `before_commit` callables run at the end of the outermost block, still inside. `gently`,
    on SQLite, takes the one write lock with the first write only, so that what comes before it holds nobody up; that
    write fails (`is_overtaken`) where somebody else has written meanwhile.
    """
    current = getattr(_here, "transaction", None)
    if current is not None:
        yield current
        return
    current = _here.transaction = Transaction()
    try:
        with db.atomic("DEFERRED") if gently and is_sqlite() else db.atomic():
            yield current
            for late in list(current.before_commit.values()):
                late()
    except peewee.OperationalError as error:
        wrong = _what_went_wrong(error)
        if wrong is error:
            raise
        raise wrong from wrong.__context__
    finally:
        _here.transaction = None
        for act in current.in_the_end.values():
            act()
    for done in current.after_commit:
        done()


def _what_went_wrong(error):
    """The error behind "no transaction is active": SQLite undoes a transaction by itself when the disk is full."""
    while "no transaction is active" in str(error) and error.__context__ is not None:
        error = error.__context__
    return error


def in_transaction():
    """Whether this thread is inside `transaction()`."""
    return getattr(_here, "transaction", None) is not None


def alone(name, wait=False):
    """Have `name` to oneself until the transaction that is open ends. Where another has it: wait for it, or False.

    On SQLite a transaction is alone with everything.
    """
    if is_sqlite():
        return True
    lock = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    return db.execute_sql(f"SELECT {lock}(hashtextextended(%s, 0))", (name,)).fetchone()[0] is not False


# busy, locked, out of memory, read-only, disk failure, corrupt, disk full, cannot be opened, no database
SQLITE_TROUBLE = {5, 6, 7, 8, 10, 11, 13, 14, 26}


def is_trouble(error):
    """Whether the database itself failed (locked, full, gone), not what was asked of it: to be tried again later."""
    if isinstance(error, peewee.InterfaceError):
        return True
    if not isinstance(error, peewee.OperationalError):
        return False
    if not is_sqlite():
        return True
    drivers = error.__cause__ or error.__context__  # peewee's own error hides the driver's, which carries the code
    return getattr(drivers, "sqlite_errorcode", 0) & 0xFF in SQLITE_TROUBLE


def is_overtaken(error):
    """Whether a transaction that began gently could not write, because somebody else writes or had written meanwhile.

    SQLite lets no transaction wait for the write lock that has read already, whatever busy_timeout says.
    """
    drivers = error.__cause__ or error.__context__
    return getattr(drivers, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


@contextmanager
def in_hand(name):
    """Yields whether nobody else on this machine does `name` meanwhile, on SQLite: the lock is a file beside the database,
    so that who writes is not held up, and ends with its process. Elsewhere `alone` tells, and this yields True.
    """
    if not is_sqlite():
        yield True
        return
    lock = sqlite3.connect(f"{db.obj.database}-{name}", timeout=0, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
            is_mine = True
        except sqlite3.OperationalError:
            is_mine = False
        yield is_mine
    finally:
        lock.close()


def for_update(query):
    """`query`, locking its rows until the transaction ends; on SQLite a transaction holds the one write lock anyhow."""
    return query if is_sqlite() else query.for_update()


def insert_rows(model, rows, beyond=0, ids=None):
    """Insert `rows` (dicts by field name, all with the same keys), ids given beforehand (by `new_ids`); the ids in order.

    `beyond` is the highest id that was ever given, where rows may have been taken away since (SQLite only: a sequence of
    PostgreSQL gives none twice). One prepared statement for all: many times faster than peewee's multi-row insert.
    `Kept` tables need the door.
    """
    if not rows:
        return []
    if issubclass(model, Kept):
        _guard(model)
    ids = ids or new_ids(model, len(rows), beyond)
    fields = [model._meta.fields[name] for name in rows[0]]
    columns = ", ".join(f'"{field.column_name}"' for field in [model._meta.primary_key, *fields])
    marks = ", ".join(["?" if is_sqlite() else "%s"] * (len(fields) + 1))
    converters = [(field.name, field.db_value) for field in fields]
    values = [
        (row_id, *[convert(row[name]) for name, convert in converters]) for row_id, row in zip(ids, rows, strict=True)
    ]
    statement = f'INSERT INTO "{model._meta.table_name}" ({columns}) VALUES ({marks})'  # nosec B608  # names from our own models
    try:
        db.cursor().executemany(statement, values)
    except Exception as error:
        raise _translated(error) from error
    return ids


def _translated(error):
    """The error of a driver as peewee's, by its nearest kind that peewee knows: UniqueViolation is an IntegrityError."""
    for kind in type(error).__mro__:
        known = getattr(peewee, kind.__name__, None)
        if isinstance(known, type) and issubclass(known, peewee.PeeweeException):
            return known(*error.args)
    return error


def new_ids(model, count, beyond=0):
    """Ids for so many new rows, ascending, which nobody else is given. On SQLite only inside the write transaction."""
    table = model._meta.table_name
    if is_sqlite():  # the transaction holds the write lock, so nobody else takes these
        highest = max(db.execute_sql(f'SELECT MAX("id") FROM "{table}"').fetchone()[0] or 0, beyond)  # nosec B608  # names from our own models
        return range(highest + 1, highest + 1 + count)
    sql = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    return [row[0] for row in db.execute_sql(sql, (f'"{table}"', count)).fetchall()]


class Version(Table):
    """How often a cached part of the data has changed: what a process caches carries this number."""

    name = peewee.CharField(unique=True)
    number = peewee.BigIntegerField(default=0)


def changed(name):
    """Tell every process that what it caches under `name` is out of date, once this transaction stands."""
    query = Version.update(number=Version.number + 1).where(Version.name == name)
    if not query.execute():
        Version.insert(name=name, number=1).on_conflict_ignore().execute()
    versions = getattr(_here, "versions", None)
    if versions is not None:
        versions[name] = None  # this thread reads anew, also before the commit


def refresh():
    """Read the versions anew: at the start of each request, job and command."""
    _here.versions = dict(Version.select(Version.name, Version.number).tuples())


_caches = []


class Cache:
    """A value worked out from the database, kept per process until its version moves. Treat the value as read-only."""

    def __init__(self, name, load):
        self.name, self._load, self._kept = name, load, None
        _caches.append(self)

    def get(self):
        """The value as of the last `refresh()` of this thread (or of now, where the thread never refreshed)."""
        versions = getattr(_here, "versions", None)
        if versions is None:
            refresh()
            versions = _here.versions
        number = versions.get(self.name, 0)
        kept = self._kept
        if number is not None and kept is not None and kept[0] == number:
            return kept[1]
        value = self._load()
        if number is not None:
            self._kept = (number, value)
        return value

    def forget(self):
        """Drop the value: another database was opened."""
        self._kept = None


def migrate(folders):
    """Bring the schema up to date. `folders` maps a name (core, a plugin) to its folder of migrations, in order.

    Returns the names applied. Safe to call from several processes at once on PostgreSQL and SQLite.
    """
    applied = []
    for name, folder in folders.items():
        if Path(folder).is_dir():
            runner = Runner(db.obj, str(folder), table_name=f"migration_{name}")
            applied += [f"{name}/{step}" for step in runner.up()]
    return applied


def wipe(tables):
    """Rewrite tables, so that nothing of what stood there before is left in free space. Outside any transaction.

    On SQLite the whole file is rewritten, and its log emptied.
    """
    if is_sqlite():
        db.execute_sql("VACUUM")
        db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for table in () if is_sqlite() else sorted(tables):
        db.execute_sql(f'VACUUM FULL "{table}"')


def pending(folders):
    """The migrations not applied yet, as "name/step"."""
    waiting = []
    for name, folder in folders.items():
        if Path(folder).is_dir():
            runner = Runner(db.obj, str(folder), table_name=f"migration_{name}")
            waiting += [f"{name}/{step.name}" for step in runner.status() if not step.applied]
    return waiting
