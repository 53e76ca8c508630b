"""A plugin written next year is tested by what stands here today: a generated one, without a line added to any test."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.plugins import registry

ROOT = Path(__file__).resolve().parents[2]
ZHIXING = ("-c", "import sys; from core.commands import main; sys.exit(main())")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "build", "dist", "var", "*.egg-info")
NEW = "next_year"
PATIENCE = 3600
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
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-4000:]
    return ran.stdout


@pytest.fixture
def copied(tmp_path):
    """A copy of the program into which a new plugin was written."""
    there = tmp_path / "program"
    shutil.copytree(ROOT, there, ignore=LEFT_OUT)
    run(there, *ZHIXING, "plugin", "new", NEW, "--title", "明年的制度")
    return there


def asked(place, pytestconfig, *tests):
    """Run tests in a place; gives for each of which tables it made rows."""
    options = ("--database", pytestconfig.getoption("--database"), "-m", "not browser and not drill", "-q")
    run(place, "-m", "pytest", "-p", "tests.house.noting", *options, *tests)
    return json.loads((place / "noted.json").read_text(encoding="utf-8"))


def walked(noted):
    """The tests that made rows of every record type that ships."""
    shipped = {model._meta.table_name for model in registry().models.values()}
    return {test: set(tables) for test, tables in noted.items() if shipped <= set(tables)}


def test_a_new_plugin_takes_part_in_the_tests_of_the_house(settings, copied, pytestconfig):
    found = walked(asked(copied, pytestconfig, *FEW))
    assert set(found) == set(FEW)
    assert [test for test, tables in found.items() if NEW not in tables] == []


@pytest.mark.drill
def test_a_new_plugin_takes_part_in_every_test_that_walks_over_all_record_types(settings, copied, pytestconfig):
    run(copied, *ZHIXING, "plugin", "prove", NEW)
    itself = f"--deselect=tests/house/{Path(__file__).name}"
    tests = ("tests/house", "tests/test_every_plugin.py", "tests/api", f"tests/plugins/test_{NEW}.py", itself)
    noted = asked(copied, pytestconfig, *tests)
    found = walked(noted)
    assert len(noted) > 300 and len(found) > 80
    assert [test for test, tables in found.items() if NEW not in tables] == []
