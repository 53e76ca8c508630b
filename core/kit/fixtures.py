"""Fixtures for the tests of a plugin outside our tree, as a plugin of pytest: pytest -p core.kit.fixtures --plugins-folder FOLDER"""

import pytest

from core import testing
from core.database import connect, db, refresh
from core.kit.promises import undone
from core.plugins import include
from core.settings import Settings
from core.start import start


def pytest_addoption(parser):
    parser.addoption("--plugins-folder", default=None, help="a folder of plugins beside those that are found anyhow")


def pytest_configure(config):
    config.addinivalue_line("markers", "clause(id): the clause of a regulation that this test proves")
    if config.getoption("--plugins-folder"):
        include(config.getoption("--plugins-folder"))


@pytest.fixture(scope="session")
def started(tmp_path_factory, pytestconfig):
    """The small group, set up once in an SQLite database of its own."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, database=f"sqlite:///{home}/tests.db")
    start(settings, without=frozenset(pytestconfig.getoption("--without", [])))
    testing.small_group()
    yield settings
    db.close()


@pytest.fixture
def group(started):
    """The small group (core.testing); what a test does to it is undone."""
    connect(started.database)
    refresh()
    with undone():
        yield testing


@pytest.fixture
def actor(group):
    return testing.actor


@pytest.fixture
def record(group):
    return testing.record


@pytest.fixture
def branch(group):
    return testing.branch
