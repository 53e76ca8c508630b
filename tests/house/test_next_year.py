"""A plugin written next year is tested by what stands here today: a generated one, without a line added to any test."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.plugins import registry
from tests.house.conftest import DRILL

ROOT = Path(__file__).resolve().parents[2]
ZHIXING = ("-c", "import sys; from core.commands import main; sys.exit(main())")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "build", "dist", "var", "*.egg-info")
NEW = "next_year"
NOTHING = 5  # pytest: no test was asked for, as where all are of one database
PATIENCE = 280  # seconds: a test that hangs is ended after 300
APART = {Path(__file__).name, "test_bundle.py", "test_crash.py"}  # this file, and what starts whole programs of its own
HOUSE = sorted(path.name for path in (ROOT / "tests" / "house").glob("test_*.py") if path.name not in APART)
ALL = [f"tests/house/{name}" for name in HOUSE] if DRILL else []
# A telling few: rights of fields, two at one record, who sees what, all or nothing, and the kit.
FEW = (
    "tests/house/test_field_rights.py::test_no_column_can_be_slipped_into_a_change",
    "tests/house/test_grants.py::test_an_auditor_sees_every_record_of_every_branch",
    "tests/house/test_conflicts.py::test_the_second_to_save_a_form_is_shown_both_versions_and_loses_nothing",
    "tests/house/test_isolation.py::test_a_missing_actor_raises_and_never_means_all[nobody]",
    "tests/house/test_all_or_nothing.py::test_a_record_that_is_taken_a_step_further",
)


def run(place, *command):
    """Run Python in a place. Returns what it said; fails with that where it did not end well."""
    told = {**os.environ, "ZHIXING_HOME": str(place / "home"), "ZHIXING_NOTED": str(place / "noted.json")}
    told.pop("ZHIXING_DRILL", None)  # the long forms of the other tests run for themselves
    ran = subprocess.run(
        [sys.executable, *command], cwd=place, env=told, capture_output=True, text=True, timeout=PATIENCE
    )
    assert ran.returncode in (0, NOTHING), ran.stdout[-8000:] + ran.stderr[-4000:]
    return ran.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the program into which a new plugin was written."""
    there = tmp_path_factory.mktemp("next_year") / "program"
    shutil.copytree(ROOT, there, ignore=LEFT_OUT)
    run(there, *ZHIXING, "plugin", "new", NEW, "--title", "明年的制度")
    return there


@pytest.fixture(scope="module")
def proved(copied):
    """The copy, with the new plugin proved and its proofs written down."""
    run(copied, *ZHIXING, "plugin", "prove", NEW)
    return copied


def asked(place, pytestconfig, *tests):
    """Run tests in a place; gives for each of which tables it made rows."""
    options = ("--database", pytestconfig.getoption("--database"), "-m", "not browser and not drill", "-q")
    run(place, "-m", "pytest", "-p", "tests.house.noting", *options, *tests)
    return json.loads((place / "noted.json").read_text(encoding="utf-8"))


def walked(noted):
    """The tests that made rows of every record type that ships."""
    shipped = {model._meta.table_name for model in registry().models.values()}
    return {test: set(tables) for test, tables in noted.items() if shipped <= set(tables)}


@pytest.mark.pure  # once will do: the tests themselves run on both databases
def test_a_new_plugin_takes_part_in_the_tests_of_the_house(settings, copied, pytestconfig):
    found = walked(asked(copied, pytestconfig, *FEW))
    assert set(found) == set(FEW)
    assert [test for test, tables in found.items() if NEW not in tables] == []


@pytest.mark.parametrize("tests", [pytest.param(each, marks=pytest.mark.drill) for each in ALL])
def test_a_new_plugin_takes_part_in_every_test_that_walks_over_all_record_types(settings, proved, pytestconfig, tests):
    noted = asked(proved, pytestconfig, tests)
    assert [test for test, tables in walked(noted).items() if NEW not in tables] == []


@pytest.mark.drill
@pytest.mark.skipif(not DRILL, reason="make drill")
def test_a_new_plugin_is_asked_for_every_promise(settings, proved, pytestconfig):
    noted = asked(proved, pytestconfig, "tests/test_every_plugin.py")
    promises = {
        name: {test.rpartition("-")[0] for test in noted if test.endswith(f"-{name}]")} for name in (NEW, "timeliness")
    }
    assert len(promises[NEW]) > 5 and promises[NEW] >= promises["timeliness"]
