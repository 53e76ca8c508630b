"""Power cuts: the real processes killed with SIGKILL at random moments of all their work, on the database at hand.

In the end each thing was done, once where it can be once, and said to be a repeat where it cannot.
"""

import csv
import random
import shutil
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import attachments, audit, organisation, outbox, people, records, switches
from core.audit import AuditEntry
from core.clocks import Clock
from core.closings import FrozenMeasure
from core.database import db, is_sqlite, refresh, transaction
from core.drafts import Draft
from core.findings import Finding
from core.jobs import JobRun
from core.notices import Notice
from core.outbox import Message
from core.records.model import Batch
from core.schedule import all_jobs
from core.start import start
from core.testing import actor, branch, console
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationReport, Warning
from tests.house.conftest import DRILL
from tests.house.drill import PASSWORD, ROOT, Clerk, Command, House

KILLS = 8  # in one drill; the hundred are that many drills more (make drill)
SEEDS = range(1, 13) if DRILL else ()
ROWS = 400  # of the file that is imported
MONTHS = 8  # waiting to be closed in each branch
MAPPING = ROOT / "config" / "imports" / "tdi_complaints.toml"
CONSTANT = (("worker",), ("worker",), ("run",))
WEBS = (("web",), ("web", "--workers", "2"))  # waitress, gunicorn


@pytest.fixture
def house(settings, tmp_path, monkeypatch, without):
    """The commands, over the small group with the recorder installed and on; ended when the test is."""
    site = tmp_path / "site"
    (site / "recorder-1.0.dist-info").mkdir(parents=True)
    (site / "recorder-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: recorder\nVersion: 1.0\n")
    (site / "recorder-1.0.dist-info" / "entry_points.txt").write_text("[zhixing.plugins]\nrecorder = recorder\n")
    (site / "recorder").mkdir()
    shutil.copy(Path(__file__).with_name("recorder.py"), site / "recorder" / "__init__.py")
    monkeypatch.syspath_prepend(site)
    start(settings, without=without)
    if is_sqlite():
        db.execute_sql("PRAGMA busy_timeout = 60000")  # the test itself waits as long as it takes
    made = House(settings, tmp_path, *CONSTANT, random.choice(WEBS))
    yield made
    for command in made.constant:
        if command.process and command.process.is_alive():
            command.kill()
    monkeypatch.undo()
    sys.modules.pop("recorder")
    start(settings, without=without, upgrade=False)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.drill) for seed in SEEDS)])
def test_whatever_is_killed_at_whatever_moment_all_is_done_in_the_end_and_once(house, settings, tmp_path, seed):
    """Workers, the web alone and with its worker, and an import are killed during sweeps, deliveries, closings and forms."""
    seed = random.SystemRandom().randrange(10**6) * 100 + seed  # other moments each time; told where the test fails
    chance, now = random.Random(seed), datetime.now(UTC)
    file = _file(tmp_path / "complaints.csv")
    _prepare(now, settings)
    _feed(now, [*range(4, 17), *range(30, 30 * MONTHS, 10)])
    clerk = Clerk(house, "alice")
    told = _kill(house, chance, clerk, file)
    told, began = f"seed {seed}: {told}", time.monotonic()
    assert clerk.stop() and clerk.failure is None, f"{told}; {clerk.failure!r}"
    _until(lambda: _importing(house, file).begin().wait() == 0, f"the import came to no end; {told}")
    _until(_nothing_waits, f"work was left; {told}")
    told = f"{told}, all done {time.monotonic() - began:.0f} s later"
    house.end()
    refresh()
    _until(lambda: not house.left_over(), f"what was killed left children that go on; {told}", 30)
    _each_finding_once(told)
    _each_run_once(told)
    repeats = _each_message_told(house, told)
    _the_import_whole(told)
    _each_form_once(clerk, told)
    assert audit.verify() == [], told
    assert list(settings.home.rglob("*.part*")) == [] == list(settings.backups.glob("backup-*/")), told
    print(
        f"{told}, {len(clerk.sent)} forms, {clerk.unanswered} unanswered, {clerk.offered} offered again, {repeats} repeats"
    )


def _file(path):
    """The first rows of the real file, each number once."""
    with open(ROOT / "tests" / "data" / "tdi_complaints.csv", encoding="utf-8-sig", newline="") as source:
        rows = list(csv.reader(source))
    numbers, kept = set(), [rows[0]]
    for row in rows[1:]:
        if row[0] not in numbers and len(kept) <= ROWS:
            numbers.add(row[0])
            kept.append(row)
    with open(path, "w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(kept)
    return path


def _prepare(now, settings):
    """The recorder is on, months wait to be closed, and a clerk has a password."""
    for code in ("TJ", "BJ"):
        switches.switch(console(now), "recorder", branch(code), "on", reason="演练")
    people.set_password(console(now), people.person_by_login("alice"), PASSWORD)
    job = next(job for job in all_jobs(settings) if job.name == "core.close_month")
    first = f"{now - timedelta(days=30 * MONTHS):%Y-%m}"
    with transaction():
        for branch_id in organisation.organisation().branches:
            JobRun.insert(
                job=job.name, branch_id=branch_id, slot=first, state="done", began_at=now, done_at=now
            ).execute()


def _feed(now, days):
    """Complaints that came in so many days ago and that nobody has touched since: near their limit by now, or past it."""
    for ago in days:
        then = console(now - timedelta(days=ago))
        records.create_many(then, Complaint, [{"owner": "alice", "department": "KF"}], branch=branch("TJ"))


def _kill(house, chance, clerk, file):
    """Let all work and kill KILLS times: the one whose moment has come, which is begun anew. Returns what was seen."""
    began, killed, moments = time.monotonic(), Counter(), {}
    for command in house.constant:
        moments[command.begin()] = 0
    clerk.start()
    _until(lambda: clerk.sent or clerk.failure, "no clerk could work")
    importing = _importing(house, file).begin()
    _until(lambda: _imported() > 0, "no import began")
    time.sleep(chance.random() / 3)
    killed["import"] += importing.kill()
    opening = time.monotonic()
    for command in moments:
        moments[command] = opening + chance.random() * 2
    while killed.total() < KILLS:
        command = min(moments, key=moments.get)
        _feed(datetime.now(UTC), [chance.randrange(1, 60) for _ in range(5)])
        _wait_for(moments[command], command, clerk, chance)
        killed[command.words[0]] += command.kill()
        moments[command.begin()] = time.monotonic() + 0.5 + chance.random() * 2
    left = f"{outbox.waiting()[0]} messages, {JobRun.select().where(JobRun.state == 'claimed').count()} runs in hand"
    return f"{dict(killed)} killed in {time.monotonic() - began:.0f} s, left then: {left}"


def _wait_for(moment, command, clerk, chance):
    """Wait until a moment, and mostly until there is something to break off; an import is not seen all the while."""
    latest = moment + (4 if chance.random() < 0.8 else 0)
    while time.monotonic() < moment or (time.monotonic() < latest and not _is_busy(command, clerk)):
        refresh()
        seen = _visible()
        assert seen in (0, ROWS), f"{seen} rows of an import are seen that has not come to its end"
        time.sleep(0.005)
    time.sleep(chance.random() / 40)


def _is_busy(command, clerk):
    return clerk.asks == command.port if command.serves else command.tells


def _importing(house, file):
    return Command(house, "import", "complaint", str(file), "--branch", "BJ", "--mapping", str(MAPPING))


def _imported():
    return Complaint.select().where(Complaint.batch.is_null(False)).count()


def _visible():
    """How many rows of an import the head of the branch sees."""
    seen = records.visible_to(actor("grace", datetime.now(UTC)), Complaint)
    return seen.where(Complaint.batch.is_null(False)).count()


def _nothing_waits():
    refresh()
    claimed = JobRun.select().where(JobRun.state.in_(("claimed", "failed"))).exists()
    due = Clock.select().where(Clock.next_at <= datetime.now(UTC)).exists()
    return not claimed and not due and outbox.waiting() == (0, 0) and not _unclosed()


def _unclosed():
    """Whether a month of a branch is still to be closed."""
    month = datetime.now(UTC).replace(day=1) - timedelta(days=50)  # certainly closable, whatever day it is today
    slot = JobRun.slot == f"{month:%Y-%m}"
    done = JobRun.select().where(JobRun.job == "core.close_month", JobRun.state == "done", slot)
    return done.count() < len(organisation.organisation().branches)


def _until(condition, told, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, told
        time.sleep(0.05)


def _each_finding_once(told):
    """One warning for each limit, record and episode; none for what came in by import."""
    spoken = Counter(Finding.select(Finding.clock_id, Finding.colour).where(Finding.record == "complaint").tuples())
    clocks = Clock.select().join(Complaint, on=(Clock.record_id == Complaint.id)).where(Clock.record == "complaint")
    due = {(c.id, c.state) for c in clocks.where(Complaint.batch.is_null()) if c.state in ("yellow", "red")}
    assert len(due) > 50 and {colour for _, colour in due} == {"yellow", "red"}, told
    assert spoken.keys() >= due and set(spoken.values()) == {1}, f"{told}: {len(due)} due, {len(spoken)} found"
    assert Finding.select().where(Finding.episode > 1).count() == 0, told
    assert Warning.select().count() == Warning.select(Warning.finding).distinct().count() == len(spoken), told
    assert RectificationReport.select().count() == 1, told  # one open report of the department takes all of them up
    occasions = list(Notice.select(Notice.person, Notice.occasion).tuples())
    assert len(occasions) == len(set(occasions)) > len(due), told


def _each_run_once(told):
    """Each slot has come to its end; each month of each branch was closed once, with all of its figures."""
    assert {run.state for run in JobRun.select().where(JobRun.job != "core.worker")} <= {"done", "missed"}, told
    closings = JobRun.select().where(JobRun.job == "core.close_month", JobRun.state == "done")
    assert closings.count() >= len(organisation.organisation().branches) * (MONTHS - 1), told
    whole = Counter(
        FrozenMeasure.select(FrozenMeasure.branch, FrozenMeasure.period, FrozenMeasure.closed_at).distinct().tuples()
    )
    closed = Counter(AuditEntry.select(AuditEntry.branch_id).where(AuditEntry.verb == "close_period").tuples())
    once = Counter((branch_id,) for branch_id, _, _ in whole)
    assert closed == once and len(whole) == len({pair[:2] for pair in whole}) >= MONTHS - 1, told
    assert not AuditEntry.select().where(AuditEntry.verb == "correct_period").exists(), told


def _each_message_told(house, told):
    """Each message came outside at least once and says so where it came again; inside it stands once. How many repeats."""
    lines = house.lines()
    mine = {
        m.id for m in Message.select(Message.id).where(Message.plugin == "recorder", Message.done_at.is_null(False))
    }
    assert len(mine) > 100 and {line["id"] for line in lines} == mine, told
    first = set()
    for line in lines:
        assert line["again"] or line["id"] not in first, f"{told}: message {line['id']} came again and did not say so"
        first.add(line["id"])
    inside = Counter(AuditEntry.select(AuditEntry.row_id).where(AuditEntry.verb == "recorded").tuples())
    assert set(inside) == {(key,) for key in mine} and set(inside.values()) == {1}, told
    return len(lines) - len(mine)


def _the_import_whole(told):
    """What was killed has left nothing; what was run again is there whole, under one batch."""
    assert _visible() == _imported() == ROWS, told
    finished = Batch.select().where(Batch.done_at.is_null(False), ~Batch.failed)
    assert finished.count() == 1 and not Batch.select().where(Batch.done_at.is_null()).exists(), told
    gone = Clock.select().where(Clock.record == "complaint", Clock.record_id.not_in(Complaint.select(Complaint.id)))
    assert not gone.exists(), told


def _each_form_once(clerk, told):
    """Each form that the clerk sent is one complaint with its trail and its clock, and no draft is left of it."""
    rows = {row.content: row.id for row in Complaint.select().where(Complaint.content.startswith("alice-"))}
    sent = Counter(row.content for row in Complaint.select().where(Complaint.content.startswith("alice-")))
    assert sent == Counter(clerk.sent) and sent, told
    entries = AuditEntry.select(AuditEntry.row_id).where(AuditEntry.record == "complaint", AuditEntry.verb == "create")
    assert set(rows.values()) <= {entry.row_id for entry in entries}, told
    clocks = Clock.select(Clock.record_id).where(Clock.record == "complaint")
    assert set(rows.values()) <= {clock.record_id for clock in clocks}, told
    assert not Draft.select().exists(), told


def test_a_file_that_lost_its_row_is_taken_away_a_day_later_and_no_other(settings, filled):
    """A process killed between a file and its row leaves the file: the daily tidying takes it, however many there are."""
    now, folder = datetime.now(UTC), settings.files
    orphans = [folder / f"{n:064x}" for n in range(3)] + [folder / f"{'0' * 64}.ab12cd34"]
    kept = sorted(path for path in folder.iterdir())
    for path in orphans:
        path.write_bytes(b"x")
    assert kept and attachments.tidy(folder, now - timedelta(days=1)) == 0
    assert attachments.tidy(folder, now + timedelta(minutes=1)) == len(orphans)
    assert sorted(folder.iterdir()) == kept
