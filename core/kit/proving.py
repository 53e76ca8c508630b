"""Proving one plugin: every promise of the kit asked of it on a small group in a place of its own, then its own tests."""

import importlib.util
import tempfile
from contextlib import contextmanager
from pathlib import Path

from core import database, testing
from core.errors import Fault, NotFound, Refused, StartError
from core.kit import PROMISES, keeping, taking_away
from core.kit.promises import undone
from core.kit.taking_away import Tests
from core.language import Words, say
from core.plugins import include, registry
from core.settings import Settings
from core.start import start

STARTS = Words("能装载", "It starts.")
BY_TESTS = (
    ("own_tests", Words("自带的测试通过", "Its own tests pass.")),
    (
        "claims_are_proved",
        Words("拿掉任何一项落实,都有测试发现", "Whatever enforces a clause, a test notices when it is taken away."),
    ),
)
MEND_FIRST = Words("先改正以上问题", "Mend the above first.")


def prove(name, *, folder=None, url="", by_tests=True):
    """Ask a plugin everything: [{promise, sentence, holds, faults}]; `holds` is None for what was not asked.

    `folder` holds plugins beside those that are found anyhow. `url` is an empty database, else SQLite in a temporary place.
    Its own tests are asked too, where `by_tests`.
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
        plugin, pairs = registry().plugins[name], registry().enforcers_of(name)
    return [*rows, *(_by_its_tests(plugin, pairs, folder, all(row["holds"] for row in rows)) if by_tests else ())]


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


def tests_of(plugin):
    """Where a plugin's own tests lie: beside the folder of plugins, or in its own folder; None where there are none."""
    beside = plugin.folder.parent.parent / "tests" / "plugins"
    places = (beside / f"test_{plugin.name}.py", beside / plugin.name, plugin.folder / "tests")
    found = next((place for place in places if place.exists()), None)
    return found or next(iter(sorted(beside.glob(f"test_{plugin.name}_*.py"))), None)


def _by_its_tests(plugin, pairs, folder, is_whole):
    """What its tests say of it: that they pass, and that each thing that enforces a clause is noticed when it is taken away."""
    place = tests_of(plugin)
    why = _not_asked(place, is_whole)
    if why:
        return [
            {"promise": promise, "sentence": str(sentence), "holds": None, "faults": [why]}
            for promise, sentence in BY_TESTS
        ]
    root = plugin.folder.parent.parent
    options = ["--import-mode=importlib", f"--rootdir={root}", "-p", "core.kit.fixtures"]
    options += ["--plugins-folder", str(folder)] if folder is not None else []
    there = root / "tests" if place.is_relative_to(root / "tests") else place
    tests = Tests(root, tuple(options), (str(there),))
    own = tests.run([str(place)])
    if own["failed"] or own["broken"]:
        return [_row(*BY_TESTS[0], own["told"].strip().splitlines()[-12:]), _row(*BY_TESTS[1], [MEND_FIRST])]
    faults = _taken_away(plugin, pairs, tests)
    return [_row(*BY_TESTS[0], ()), _row(*BY_TESTS[1], faults)]


def _taken_away(plugin, pairs, tests):
    marked = tests.run(collect_only=True)["marked"]
    proofs, faults = taking_away.prove(taking_away.by_enforcer(pairs), tests, marked)
    if plugin.regulation:
        taking_away.write(plugin, proofs)
    return faults


def _not_asked(place, is_whole):
    if not is_whole:
        return MEND_FIRST
    if place is None:
        return say("没有找到测试", "none were found")
    if importlib.util.find_spec("pytest") is None:
        return say("没有安装 pytest", "pytest is not installed")
    return ""
