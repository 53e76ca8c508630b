"""No write transaction is long: whoever writes much writes in chunks, so that a clerk beside it is not kept waiting."""

import csv
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from core import closings, database, records, switches
from core.access import system
from core.plugins import registry
from core.records.model import Batch
from core.sweep import sweep
from core.testing import branch, console, local
from core.transfer import batches, import_file
from plugins.cases.models import Complaint
from tests.house.drill import ROOT

RECEIVED, NOW = local("2025-03-03 10:00"), local("2025-04-10 10:00")
LONGEST = 0.4  # seconds of work, twice what the rule says: a loaded machine measures more
ROWS = 1200


@pytest.fixture
def durations(settings, monkeypatch):
    """The seconds that this thread worked in each outermost transaction."""
    taken, begin = [], type(database.db.obj).begin
    ends = {name: getattr(type(database.db.obj), name) for name in ("commit", "rollback")}
    began = []

    def timed_begin(self, *args, **options):
        begin(self, *args, **options)
        began.append(time.thread_time())

    def timed_end(name):
        def end(self, *args, **options):
            ends[name](self, *args, **options)
            if began:
                taken.append(time.thread_time() - began.pop())

        return end

    monkeypatch.setattr(type(database.db.obj), "begin", timed_begin)
    for name in ends:
        monkeypatch.setattr(type(database.db.obj), name, timed_end(name))
    return taken


@contextmanager
def short(durations, at_least):
    """What happens within takes at least so many transactions, none of them long."""
    durations.clear()
    yield
    assert len(durations) >= at_least, f"only {len(durations)} transactions were seen"
    assert max(durations) < LONGEST, f"{max(durations) * 1000:.0f} ms in one of {len(durations)} transactions"


def with_gaps(mapping):
    """The text of a mapping that lifts what plugins ask for beyond what it was written for."""
    asked = {f for _, added in registry().extensions["complaint"] for each in added.requires for f in each.fields}
    names = sorted(name for name in asked if "__" in name)
    return mapping.replace("gaps = [", "gaps = [" + "".join(f'"{name}", ' for name in names))


def test_no_transaction_of_long_work_is_long(settings, durations, tmp_path):
    """Import, its undoing, sweep, closing and switches over a thousand records."""
    file, mapping = tmp_path / "complaints.csv", tmp_path / "mapping.toml"
    shipped = ROOT / "config" / "imports" / "tdi_complaints.toml"
    mapping.write_text(with_gaps(shipped.read_text("utf-8")), "utf-8")
    with open(ROOT / "tests" / "data" / "tdi_complaints.csv", encoding="utf-8-sig", newline="") as source:
        rows = {row[0]: row for row in csv.reader(source)}
    with open(file, "w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(list(rows.values())[: ROWS + 1])
    with short(durations, 4):
        assert import_file(console(NOW), Complaint, file, branch("BJ"), mapping=mapping).created == ROWS
    with short(durations, 4):
        batches.undo(console(NOW), Batch.get())
    for _ in range(ROWS // 100):
        values = [{"owner": "alice", "department": "KF"}] * 100
        with short(durations, 1):
            records.create_many(console(RECEIVED), Complaint, values, branch=branch("TJ"))
    with short(durations, 4):
        assert sweep(system(NOW, "job"))["red"] >= ROWS
    with short(durations, 1):
        closings.close_period(system(NOW, "job"), branch("BJ"), "2014-05")
    for minutes, value in enumerate(("off", "on")):
        with short(durations, 1):
            at = console(NOW + timedelta(minutes=minutes))
            switches.switch(at, "timeliness", branch("TJ"), value, reason="测试")
