"""Offline: what `make bundle` packs runs without a network and checks itself; make drill packs and installs the whole archive."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.conftest import DRILL

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("bundle", ROOT / ".ci" / "bundle.py")
bundle = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bundle)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Our own wheel, put into a folder; what it needs comes from the environment of the tests."""
    folder = tmp_path_factory.mktemp("bundle")
    wheel = bundle.build(folder)
    place = folder / "installed"
    subprocess.run([*bundle.PIP, "install", "--no-index", "--no-deps", "--target", place, wheel], check=True)
    return place


def doctor(place, *words):
    """The rows of `zhixing doctor` of the program in a folder, as {check: row}, where it has no network."""
    netless = bundle.NETLESS if bundle.has_no_network() else ()
    script = 'ip link set lo up 2>/dev/null; exec "$@"' if netless else 'exec "$@"'
    zhixing = (sys.executable, "-c", "import sys; from core.commands import main; sys.exit(main())")
    command = [*netless, "sh", "-c", script, "sh", *zhixing, "doctor", "--json", *words]
    told = {**os.environ, "PYTHONPATH": str(place), "ZHIXING_HOME": str(place.parent / "var")}
    done = subprocess.run(command, cwd=place.parent, env=told, capture_output=True, text=True)
    return done.returncode, {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}, done.stderr


def test_the_packed_program_runs_without_a_network_and_checks_itself(installed):
    status, rows, told = doctor(installed, "--try")
    assert status == 0, (rows, told)
    shipped = {path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists()}
    assert {"program", "pages", *(f"plugin {name}" for name in shipped)} == set(rows)
    assert all(row["holds"] is True for row in rows.values()), rows


def test_a_file_that_was_changed_after_packing_is_named(installed, tmp_path):
    place = Path(shutil.copytree(installed, tmp_path / "installed"))
    with (place / "core" / "audit.py").open("a") as file:
        file.write("\n")
    status, rows, _ = doctor(place)
    assert (status, rows["program"]["holds"]) == (1, False) and "core/audit.py" in rows["program"]["told"]


def test_installing_refuses_a_folder_that_is_not_as_it_was_packed(tmp_path):
    shutil.copy(ROOT / "config" / "bundle" / "install", tmp_path)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  requirements.txt\n")
    told = {**os.environ, "PYTHON": sys.executable}
    command = ["./install", str(tmp_path / "into")]
    done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True)
    assert done.returncode == 1 and "not as they were packed" in done.stderr and not (tmp_path / "into").exists()


@pytest.mark.skipif(not DRILL, reason="make drill")
def test_the_whole_archive_installs_and_checks_itself(tmp_path):
    assert bundle.try_out(bundle.main(tmp_path)) == 0
