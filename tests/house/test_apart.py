"""A plugin that hangs holds neither the sweep nor the end of the worker; with the worker gone, its process goes too."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import records
from core.access import system
from core.findings import Finding
from core.outbox import Message
from core.testing import branch
from plugins.cases.models import Complaint
from tests.house.troublemakers import Troublemakers

PROGRAM = """
import sys
from pathlib import Path
from core import apart, switches
from core.apart import Apart
from core.plugins import include
from core.settings import Settings
from core.start import start
from core.testing import branch, console
from core.worker import Worker
if __name__ == "__main__":
    settings = Settings(home=Path(sys.argv[1]), database=sys.argv[2], sweep_seconds=1, hook_seconds=600)
    apart.STOPS_WITHIN = 2  # seconds
    include(sys.argv[3])
    start(settings)
    switches.switch(console(), "trouble", branch("TJ"), "on", reason="x")
    Worker(settings, [], apart=Apart(settings)).run_forever()
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this system")


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def children(pid):
    """The processes that a process began: their ids."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = path.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if told[1] == str(pid) and told[0] != "Z":
            found.append(int(path.parent.name))
    return found


def is_there(pid):
    path = Path(f"/proc/{pid}/stat")
    try:
        return path.read_text().rpartition(") ")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def hanging(settings, tmp_path):
    """A worker of its own, in which a plugin hangs as soon as it is told of a complaint: (process, tell)."""
    folder = tmp_path / "more"
    folder.mkdir()
    makers = Troublemakers(folder, ["trouble"])
    makers.order({"trouble.finding_opened": "deaf"})

    def tell():
        records.create_many(
            system(datetime(2025, 3, 3, 2, tzinfo=UTC)), Complaint, [{"owner": "alice"}], branch=branch("TJ")
        )

    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    words = [sys.executable, str(program), str(settings.home), settings.database, str(folder)]
    worker = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": os.getcwd()})
    yield worker, tell, makers
    worker.kill()
    worker.wait()


def apart_of(worker):
    """The process in which a worker calls plugins."""
    (apart,) = [
        pid for pid in children(worker.pid) if "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text()
    ]
    return apart


def test_a_plugin_that_hangs_does_not_hold_the_sweep_and_ends_with_the_worker(hanging):
    worker, tell, makers = hanging
    tell()
    until(lambda: ("trouble.finding_opened", "deaf") in makers.done())
    apart, before = apart_of(worker), Finding.select().count()
    tell()
    until(lambda: Finding.select().count() > before)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    until(lambda: not is_there(apart), 5)


def test_the_worker_ends_on_sigterm_though_a_plugin_hangs(hanging, monkeypatch):
    worker, tell, makers = hanging
    tell()
    until(lambda: ("trouble.finding_opened", "deaf") in makers.done())
    apart = apart_of(worker)
    os.kill(apart, signal.SIGTERM)  # both come to the whole group of processes
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(60) == 0
    assert not is_there(apart)
    assert Message.get(Message.plugin == "trouble").tries == 0  # it is not blamed for the end: it is told again
