"""Where databases of tests come from: each test begins with the small group, set up once."""

import itertools
import shutil
from contextlib import closing

import psycopg

from core import database, start, testing
from core.settings import Settings


class Place:
    """A database that was set up once, `model`, and fresh copies of it: `new()` gives (name, URL), `drop(name)` ends it."""

    def __init__(self, home, without):
        self.home, self.without = home, without
        self.settings = Settings(home=home, database=self.empty("model"))
        start.start(self.settings, without=without)
        testing.small_group()
        database.db.close()


class SqlitePlace(Place):
    """Files beside each other; a copy is a copied file."""

    def __init__(self, home, without):
        self.count = itertools.count(1)
        super().__init__(home, without)

    def empty(self, name):
        return f"sqlite:///{self.home / name}.db"

    def new(self):
        name = f"test{next(self.count)}"
        for ending in ("", "-wal"):
            if (self.home / f"model.db{ending}").exists():
                shutil.copy(self.home / f"model.db{ending}", self.home / f"{name}.db{ending}")
        return name, self.empty(name)

    def drop(self, name):
        database.db.close()
        for path in self.home.glob(f"{name}.db*"):
            path.unlink()


COLUMNS = """SELECT table_name, column_name FROM information_schema.columns
             WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"""
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test' AND pid <> pg_backend_pid()"
TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"


class PostgresqlPlace(Place):
    """One database that is put back row by row after each test: ten times faster than copying it whole."""

    def __init__(self, server, home, without):
        self.server = server
        super().__init__(home, without)
        self._make()

    def empty(self, name):
        self.server.psql(f"CREATE DATABASE {name}")
        return self.server.get_uri(name)

    def _make(self):
        self.server.psql("CREATE DATABASE test TEMPLATE model")
        with closing(self._connection()) as connection:
            self.columns = connection.execute(COLUMNS).fetchall()
            tables = sorted({table for table, _ in self.columns})
            connection.execute("CREATE SCHEMA baseline")
            back = ["SET session_replication_role = replica"]
            for table in tables:
                connection.execute(f'CREATE UNLOGGED TABLE baseline."{table}" AS TABLE public."{table}"')
                back.append(f'DELETE FROM public."{table}"')
                if connection.execute(f'SELECT 1 FROM baseline."{table}" LIMIT 1').fetchone():
                    back.append(f'INSERT INTO public."{table}" SELECT * FROM baseline."{table}"')
                last = f'(SELECT COALESCE(MAX(id), 0) + 1 FROM baseline."{table}")'
                back.append(f"SELECT setval(pg_get_serial_sequence('public.\"{table}\"', 'id'), {last}, false)")
            self.back = ";".join([*back, "SET session_replication_role = origin"])

    def _connection(self):
        return psycopg.connect(self.server.get_uri("test"), autocommit=True)

    def new(self):
        return "test", self.server.get_uri("test")

    def drop(self, name):
        database.db.close()
        if name != "test":  # one that a test had asked for as empty
            self.server.psql(f"DROP DATABASE {name} WITH (FORCE)")
            return
        with closing(self._connection()) as connection:
            connection.execute(OTHERS)
            same = (
                connection.execute(COLUMNS).fetchall() == self.columns
                and not connection.execute(TRIGGERS).fetchone()[0]
            )
            if same:
                connection.execute(self.back)
        if not same:  # the test changed the schema
            self.server.psql("DROP DATABASE test WITH (FORCE)")
            self._make()
