"""zhixing run, web and worker: the real program, started as people start it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ZHIXING = Path(sys.executable).with_name("zhixing")


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def started(tmp_path, port):
    """Starts the real command on a place of its own; ends what is still running."""
    running = []
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ZHIXING")}
    environ |= {"ZHIXING_HOME": str(tmp_path / "var"), "PYTHONUNBUFFERED": "1"}

    def start(*words):
        process = subprocess.Popen(
            [ZHIXING, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _until_running(process):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "正在运行" in line:
            return lines
    raise AssertionError("".join(lines))


def _trail(home):
    with sqlite3.connect(home / "zhixing.db") as connection:
        return connection.execute("SELECT COUNT(*) FROM audit_entry WHERE verb != 'link'").fetchone()[0]


@pytest.mark.pure
def test_run_makes_the_demo_group_once_and_serves_it(started, port, tmp_path):
    process = started("run", "--demo", "--port", str(port))
    lines = _until_running(process)
    assert [line.split()[0] for line in lines if "/link/" in line] == ["admin", "chenjing", "liming", "wangfang"]
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10).read() == b"ok"
    taken = started("run", "--port", str(port))
    assert taken.wait(30) == 1
    assert f"127.0.0.1:{port}" in taken.stdout.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    before, began = _trail(tmp_path / "var"), time.perf_counter()
    again = started("run", "--demo", "--port", str(port))
    assert [line.split()[0] for line in _until_running(again) if "/link/" in line] == ["admin"]
    assert time.perf_counter() - began < 15
    assert _trail(tmp_path / "var") == before


@pytest.mark.pure
def test_web_and_worker_run_apart(started, port, tmp_path):
    assert started("init").wait(30) == 0
    web = started("web", "--port", str(port))
    _until_running(web)
    worker = started("worker")
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10).read() == b"ok"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _worker_rows(tmp_path / "var"):
        time.sleep(0.1)
    assert _worker_rows(tmp_path / "var")
    for process in (worker, web):
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _worker_rows(home):
    with sqlite3.connect(home / "zhixing.db", timeout=10) as connection:
        return connection.execute("SELECT COUNT(*) FROM job_run WHERE job = 'core.worker'").fetchone()[0]


@pytest.mark.pure
def test_a_thousand_lines_through_the_real_command(started, tmp_path):
    assert started("init").wait(30) == 0
    environ = {**os.environ, "ZHIXING_HOME": str(tmp_path / "var")}
    environ.pop("ZHIXING_DATABASE", None)
    began = time.perf_counter()
    lines = "3 business days\t2026-02-13T10:00\n" * 1000
    done = subprocess.run([ZHIXING, "due", "-"], input=lines, capture_output=True, text=True, timeout=30, env=environ)
    assert time.perf_counter() - began < 3
    assert done.stdout.count('"due": "2026-02-25T17:30:00+08:00"') == 1000
