"""zhixing plugin new and prove: what is written passes at once, and what is then broken is named."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core.kit import PROMISES

pytestmark = pytest.mark.pure  # proves on a database of its own
NAME = "trial_breaches"
ROOT = Path(__file__).parents[3]


def zhixing(*words, at):
    command = [sys.executable, "-c", "import sys; from core.commands import main; sys.exit(main())", *map(str, words)]
    told = {**os.environ, "ZHIXING_HOME": str(at / "var"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=at, env=told, capture_output=True, text=True)


def proved(at):
    done = zhixing("plugin", "prove", NAME, "--folder", at / "plugins", "--json", at=at)
    rows = {row["promise"]: row for row in map(json.loads, done.stdout.splitlines())}
    return done.returncode, rows, done.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    at = tmp_path_factory.mktemp("written")
    done = zhixing("plugin", "new", NAME, "--into", at / "plugins", "--title", "数据泄露", at=at)
    assert done.returncode == 0, done.stderr
    return at


@pytest.fixture
def begun(written, tmp_path):
    """A folder with a new plugin in it, as it was written."""
    return Path(shutil.copytree(written, tmp_path, dirs_exist_ok=True))


def test_a_new_plugin_is_proved_and_well_formed_at_once(begun):
    status, rows, told = proved(begun)
    assert {name: row["faults"] for name, row in rows.items() if row["holds"] is not True} == {}, told
    assert status == 0 and {"own_tests", "claims_are_proved", *(promise.name for promise in PROMISES)} <= set(rows)
    proofs = tomllib.loads((begun / "plugins" / NAME / "proofs.toml").read_text(encoding="utf-8"))
    assert {what for by in proofs.values() for what in by} == {
        "field:trial_breach.summary", "check:trial_breaches.urgent_ones_have_a_measure",
        "limit:trial_breaches.report", "transition:trial_breach.report",
    }  # fmt: skip
    for words in (("check",), ("format", "--check")):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *words,
            "--no-cache",
            "--config",
            ROOT / "ruff.toml",
            "--config",
            f"src = ['{ROOT}']",
            ".",
        ]
        done = subprocess.run(ruff, cwd=begun, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


BROKEN = [
    ("checks.py", '    """For each urgent one it is written down what is done about it."""\n', "", "starts", "has no docstring"),
    ("limits.toml", '"reported_at"', '"told_at"', "starts", "has no field 'told_at'"),
    ("models.py", '"采取的措施"', '"measure"', "texts_are_in_both_languages", "is not Chinese"),
    ("__init__.py", '"员工", "Staff"', '"员工"', "texts_are_in_both_languages", "the English text is missing"),
    ("models.py", "    is_urgent =", '    contact_means = Text("联系方式", null=True)\n    is_urgent =', "personal_data_is_declared", "looks like personal data"),
    ("__init__.py", "trial_breaches.measure.view", "cases.complaint.view", "permissions_are_of_what_it_has", "cases.complaint.view"),
    ("models.py", '"department_head"', '"nobody"', "somebody_may_do_each_step", "nobody is 'nobody'"),
    ("limits.toml", "TB1.2", "TB1.3", "what_enforces_names_a_clause_that_exists", "TB1.3"),
    ("regulation.toml", "uncovered = []", 'uncovered = ["TB1.2"]', "clauses_are_covered_or_declared_uncovered", "Take it off"),
    ("checks.py", "if not row.measure", "if row.measure", "every_check_speaks_and_is_silent", "it is silent"),
    ("examples.py", "@silent", "@speaks", "every_check_speaks_and_is_silent", "@silent(urgent_ones_have_a_measure)"),
    ("models.py", "    is_urgent =", '    more = Text("更多", null=True)\n    is_urgent =', "migrations_go_up_and_down", "differs from the models"),
]  # fmt: skip


@pytest.mark.parametrize("file, right, wrong, promise, told", BROKEN, ids=[f"{row[3]}-{row[4]}" for row in BROKEN])
def test_what_is_broken_is_named(begun, file, right, wrong, promise, told):
    path = begun / "plugins" / NAME / file
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    status, rows, _ = proved(begun)
    assert status == 1 and not rows[promise]["holds"]
    assert any(told in fault for fault in rows[promise]["faults"]), rows[promise]["faults"]


def test_a_claim_that_no_test_is_about_is_named(begun):
    path = begun / "tests" / "plugins" / f"test_{NAME}.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('@pytest.mark.clause("TB1.2")\n', ""), encoding="utf-8")
    status, rows, _ = proved(begun)
    assert status == 1 and rows["own_tests"]["holds"]
    named = ("limit:trial_breaches.report", "transition:trial_breach.report")
    told = {f"TB1.2: no test carries its mark, but {what} names it." for what in named}
    assert set(rows["claims_are_proved"]["faults"]) == told


def test_a_check_that_speaks_at_a_new_branch_is_named(begun):
    path = begun / "plugins" / NAME / "checks.py"
    text = path.read_text(encoding="utf-8").replace(
        "from .models import TrialBreach", "from core.organisation import Branch"
    )
    text = text.replace("TrialBreach.select().where(TrialBreach.is_urgent)", "Branch.select()")
    path.write_text(text.replace("if not row.measure", "if row"), encoding="utf-8")
    status, rows, _ = proved(begun)
    assert status == 1 and "nothing was recorded yet" in rows["says_nothing_at_a_new_branch"]["faults"][0]


@pytest.mark.parametrize("name", ["Data", "a-b", "class", "timeliness", "complaints", "core", "a" * 40])
def test_a_bad_name_is_refused(tmp_path, name):
    done = zhixing("plugin", "new", name, "--into", tmp_path / "plugins", at=tmp_path)
    assert done.returncode == 1 and done.stderr and not (tmp_path / "plugins").exists()


def test_an_existing_folder_is_left_alone(begun):
    done = zhixing("plugin", "new", NAME, "--into", begun / "plugins", at=begun)
    assert done.returncode == 1 and (begun / "plugins" / NAME / "models.py").exists()
