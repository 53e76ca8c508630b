"""Proving one plugin: every promise of the kit asked of it on a small group in a place of its own, then its own tests."""

import importlib.util
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from core import database, testing
from core.errors import Fault, NotFound, Refused, StartError
from core.kit import PROMISES, keeping
from core.kit.promises import undone
from core.language import Words, say
from core.plugins import include, registry
from core.settings import Settings
from core.start import start

STARTS = Words("能装载", "It starts.")
TESTS = Words("自带的测试通过", "Its own tests pass.")


def prove(name, *, folder=None, url=""):
    """Ask a plugin everything: [{promise, sentence, holds, faults}]; `holds` is None for what was not asked.

    `folder` holds plugins beside those that are found anyhow. `url` is an empty database, else SQLite in a temporary place.
    """
    if folder is not None:
        include(folder)
    with tempfile.TemporaryDirectory() as home, _small_group(Path(home), url) as faults:
        if faults:
            return [_row("starts", STARTS, faults)]
        if name not in registry().plugins:
            known = ", ".join(registry().plugins)
            raise NotFound(
                say(
                    "没有插件 {name}。现有:{known}",
                    "There is no plugin {name}. There are: {known}",
                    name=name,
                    known=known,
                )
            )
        rows = [_row("starts", STARTS, ()), *(_asked(promise, name) for promise in PROMISES)]
        where = registry().plugins[name].folder
    return [*rows, _own_tests(name, where, folder)]


@contextmanager
def _small_group(home, url):
    """The small group in an empty database; gives the faults that stop the start."""
    settings = Settings(home=home, database=url or f"sqlite:///{home}/proof.db")
    database.connect(settings.database_url)
    try:
        if database.db.get_tables():
            told = say(
                "数据库不是空的,未使用。请给一个空库。",
                "The database is not empty and was left alone. Give an empty one.",
            )
            raise Refused(Fault("database", told))
        try:
            start(settings)
            testing.small_group()
            yield []
        except StartError as error:
            yield error.faults
    finally:
        database.db.close()


def _asked(promise, name):
    try:
        if promise in keeping.ALL:
            return _row(promise.name, promise.label, promise.faults(name))
        with undone():
            return _row(promise.name, promise.label, promise.faults(name))
    except Exception as error:  # whatever a plugin raises is an answer too
        told = f"plugins/{name}: raised {type(error).__name__}: {error}"
        return _row(promise.name, promise.label, [told])


def _row(name, sentence, faults):
    return {"promise": name, "sentence": str(sentence), "holds": not faults, "faults": list(faults)}


def tests_of(name, folder):
    """Where a plugin's own tests lie: beside the folder of plugins, or in the plugin's own folder; None where there are none."""
    beside = folder.parent.parent / "tests" / "plugins"
    places = (beside / f"test_{name}.py", beside / name, folder / "tests")
    found = next((place for place in places if place.exists()), None)
    return found or next(iter(sorted(beside.glob(f"test_{name}_*.py"))), None)


def _own_tests(name, where, folder):
    place = tests_of(name, where)
    if place is None or importlib.util.find_spec("pytest") is None:
        why = (
            say("没有找到测试", "none were found")
            if place is None
            else say("没有安装 pytest", "pytest is not installed")
        )
        return {"promise": "own_tests", "sentence": str(TESTS), "holds": None, "faults": [why]}
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "core.kit.fixtures", "-p", "no:cacheprovider"]
    beside = ["--plugins-folder", str(folder)] if folder is not None else []
    done = subprocess.run([*command, "--import-mode=importlib", *beside, str(place)], capture_output=True, text=True)
    told = (done.stdout + done.stderr).strip().splitlines()
    return _row("own_tests", TESTS, told[-12:] if done.returncode else ())
