"""An import that breaks off leaves nothing that anybody sees, and the next one works."""

import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from core import audit, database, measures
from core.clocks import Clock
from core.database import db
from core.errors import Refused
from core.language import speaking
from core.records import visible_to
from core.records.model import Batch
from core.sweep import look
from core.testing import branch, work
from core.transfer import batches, clean_up, import_file
from core.worker import Worker
from plugins.cases.models import Complaint

NOW = "2025-03-10 10:00"
ROWS = 450  # more than one chunk
CHILD = """
import os, signal, sys
from pathlib import Path
from core import start, testing
from core.settings import Settings
from core.transfer import import_file
from plugins.cases.models import Complaint

start.start(Settings(home=Path(sys.argv[1]).parent, database=sys.argv[2]))

def die(done, total):
    if done:
        os.kill(os.getpid(), signal.SIGKILL)

bob = testing.actor("bob", "2025-03-10 10:00")
import_file(bob, Complaint, sys.argv[1], testing.branch("TJ"), progress=die)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "f.csv"
    lines = [f"N{n},2025-03-07,phone,text" for n in range(ROWS)]
    path.write_text("\n".join(["number,happened_at,channel,content", *lines]), encoding="utf-8")
    return path


@pytest.fixture
def bring(actor, file):
    def bring(**options):
        with speaking("en"):
            return import_file(actor("bob", NOW), Complaint, file, branch(), **options)

    return bring


def seen(actor):
    return visible_to(actor("bob", NOW), Complaint).count()


def in_the_middle(what):
    """A progress that does something after the first chunk."""

    def progress(done, total):
        if 0 < done < total:
            what()

    return progress


def test_nothing_is_seen_swept_or_counted_before_the_last_chunk(bring, actor):
    found = []

    def look_around():
        late = actor("bob", "2025-03-20 10:00")
        rows = measures.measured(late, branch(), "2025-03")
        found.append((Complaint.select().count() > 0, seen(actor), look(late), {r["denominator"] for r in rows}))

    bring(progress=in_the_middle(look_around))
    assert found[0] == (True, 0, [], {0})
    assert seen(actor) == ROWS and len(look(actor("bob", "2025-03-20 10:00"))) == 2 * ROWS


def test_an_import_killed_in_the_middle_leaves_nothing_and_the_next_one_works(
    bring, actor, settings, file, monkeypatch
):
    done = subprocess.run([sys.executable, "-c", CHILD, str(file), settings.database], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert 0 < Complaint.select().count() < ROWS and seen(actor) == 0
    with pytest.raises(Refused, match='"f.csv" is being imported.*try in 10 seconds'):
        bring()  # it may be alive yet
    monkeypatch.setattr(batches, "LEASE", timedelta())
    assert bring().created == ROWS
    assert seen(actor) == Complaint.select().count() == ROWS
    assert Clock.select().where(Clock.record_id.not_in(Complaint.select(Complaint.id))).count() == 0
    assert not audit.verify()


def test_the_trail_keeps_that_rows_came_and_went_without_their_values_and_no_id_is_given_twice(bring, actor):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(progress=in_the_middle(stop))
    assert Complaint.select().count() == 0 and Batch.get().failed
    [undo] = [e for e in audit.trail("batch", Batch.get().id) if e.verb == "undo"]
    gone = undo.changes["complaint"][0]
    assert [(e.verb, e.changes) for e in audit.trail("complaint", gone[0])] == [("create", None)]
    bring()
    assert Complaint.select().where(Complaint.id.in_(gone)).count() == 0
    assert not audit.verify()


def test_an_import_that_was_given_up_writes_no_more(bring, actor):
    later = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(Refused, match="was undone. Nothing was imported"):
        bring(progress=in_the_middle(lambda: clean_up(later)))
    assert Complaint.select().count() == 0 and clean_up(later) == 0


def test_the_worker_undoes_what_broke_off(actor, settings):
    batch = batches.begin(actor("bob", NOW), Complaint, branch().id, "f.csv")
    Worker(settings, jobs=[]).round(datetime.now(UTC))
    assert not Batch.get_by_id(batch.id).failed  # it may be alive yet
    Worker(settings, jobs=[]).round(datetime.now(UTC) + timedelta(minutes=1))
    assert Batch.get_by_id(batch.id).failed


def test_two_imports_of_the_same_records_do_not_run_at_once(bring):
    told = []

    def again():
        with pytest.raises(Refused, match="is being imported into this branch") as refused:
            bring()
        told.append(refused)

    assert bring(progress=in_the_middle(again)).created == ROWS and told


def test_a_number_taken_meanwhile_imports_nothing(bring, actor, file, monkeypatch):
    prepared = batches.begin

    def meanwhile(*args):
        monkeypatch.setattr(batches, "begin", prepared)
        (file.parent / "g.csv").write_text("number,content\nN7,x\n", encoding="utf-8")
        import_file(actor("bob", NOW), Complaint, file.parent / "g.csv", branch())
        return prepared(*args)

    monkeypatch.setattr(batches, "begin", meanwhile)
    with pytest.raises(Refused, match="the number is taken"):
        bring()
    assert [row.number for row in Complaint.select()] == ["N7"]


def test_a_full_disk_imports_nothing_and_says_so(bring, actor):
    if not database.is_sqlite():
        pytest.skip("simulated by SQLite's max_page_count")
    pages = db.execute_sql("PRAGMA page_count").fetchone()[0]
    db.execute_sql(f"PRAGMA max_page_count = {pages + 60}")
    with pytest.raises(Refused, match="the disk is full and nothing was imported. Make room") as refused:
        bring()
    assert database.is_trouble(
        refused.value.__cause__
    )  # SQLite had undone the transaction itself; what was wrong is told
    assert seen(actor) == 0
    db.execute_sql(f"PRAGMA max_page_count = {pages + 100_000}")
    clean_up(datetime.now(UTC) + timedelta(minutes=1))
    assert bring().created == ROWS


def test_a_locked_database_imports_nothing_and_says_so(bring, actor, settings):
    if not database.is_sqlite():
        pytest.skip("PostgreSQL locks rows, not the database")
    db.execute_sql("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(settings.database.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused, match="the database is busy and nothing was imported. Import it anew"):
        bring()
    other.execute("ROLLBACK")
    other.close()
    assert bring().created == ROWS and work(NOW) == {"yellow": 0, "red": 0}
