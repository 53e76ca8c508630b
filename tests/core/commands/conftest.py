"""Fixtures for the command line: run in this process, on the small group or on an empty place."""

import json
from dataclasses import dataclass

import pytest

from core.commands import main
from core.database import connect, db, refresh
from core.language import set_language
from core.settings import Settings
from core.start import start


@dataclass
class Answer:
    """What a command answered: its exit status, its output and its errors."""

    status: int
    out: str
    err: str

    @property
    def rows(self):
        """The JSON objects that it printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def call(capsys):
    """Runs a command line wherever the environment says: call("plugin", "list")."""

    def called(*words):
        try:
            status = main([str(word) for word in words])
        except SystemExit as misused:
            status = misused.code
        printed = capsys.readouterr()
        return Answer(status, printed.out, printed.err)

    return called


@pytest.fixture
def zhixing(call, settings, monkeypatch, without):
    """Runs a command line on the small group."""
    _point(monkeypatch, settings)
    yield call
    set_language("zh")
    start(settings, without=without, upgrade=False)


@pytest.fixture
def empty(place, tmp_path, monkeypatch, without):
    """An empty place, where nothing was set up yet: its settings."""
    settings = Settings(home=tmp_path / "new", database=place.empty("fresh"))
    _point(monkeypatch, settings)
    set_language("zh")
    yield settings
    place.drop("fresh")
    start(place.settings, without=without, upgrade=False)
    db.close()  # PostgreSQL copies a database only when nobody is in it


def _point(monkeypatch, settings):
    monkeypatch.setenv("ZHIXING_HOME", str(settings.home))
    monkeypatch.setenv("ZHIXING_DATABASE", settings.database)


@pytest.fixture
def at_home(settings):
    """Lets the test look at the small group again after a command has opened it anew."""

    def looked():
        connect(settings.database)
        refresh()

    return looked
