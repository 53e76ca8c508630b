"""A worker killed at any moment: whatever it was doing is done once in the end, nothing twice, nothing half."""

import os
import random
import signal
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from core import audit, database, outbox, records, worker
from core.clocks import Clock
from core.database import refresh, transaction
from core.findings import Finding
from core.jobs import Job, JobRun
from core.notices import Notice
from core.testing import branch, console, local
from core.worker import Worker
from plugins.cases.models import Complaint
from plugins.timeliness.models import RectificationReport, Warning
from tests.core.processes import START, begin

RECEIVED, PAST = local("2025-03-03 10:00"), local("2025-03-04 17:31")
COMPLAINTS, KILLS, SLOTS = 60, 5, 60
SEED = random.SystemRandom().randrange(10**6)  # another set of moments each time; told where the test fails


def count_once(actor, run):
    """An effect and its done-mark in one transaction."""
    with transaction():
        audit.note(actor, "effect", "job_run", run.id, 0, {"slot": [None, run.slot]})
        time.sleep(random.random() / 500)
        run.done()


def count_in_steps(actor, run):
    """Long work in two transactions, safe to repeat."""
    for step in range(2):
        with transaction():
            key = {"job": "step", "branch_id": step, "slot": run.slot}
            JobRun.insert(**key, state="done", began_at=actor.now).on_conflict_ignore().execute()
        run.beat()


JOBS = [
    Job("once", timedelta(seconds=1), count_once, catch_up="each"),
    Job("steps", timedelta(seconds=1), count_in_steps, catch_up="each"),
]


def live(settings, offset):
    """Work as a worker does, as of the moments after PAST, in small bites, until it is killed."""
    worker.DELIVERED_AT_ONCE = 5
    began, mine = time.monotonic(), Worker(replace(settings, job_lease_seconds=1), JOBS)
    while True:
        mine.round(PAST + offset + timedelta(seconds=time.monotonic() - began))


@pytest.mark.skipif(START is None, reason="this system cannot fork")
def test_a_worker_killed_at_any_moment_leaves_nothing_undone_and_nothing_done_twice(settings):
    for code in ("TJ", "BJ"):
        rows = [{"owner": "alice", "department": "KF"}] * COMPLAINTS
        records.create_many(console(RECEIVED), Complaint, rows, branch=branch(code))
    with transaction():
        for job in JOBS:  # a minute of slots waits to be caught up
            first = job.slot(PAST - timedelta(seconds=SLOTS))
            JobRun.insert(job=job.name, slot=first, state="done", began_at=PAST, done_at=PAST).execute()
    chance, offset, died = random.Random(SEED), timedelta(0), []
    for _ in range(KILLS):
        workers = [begin(settings, live, offset) for _ in range(2)]
        time.sleep(0.1 + chance.random() * 0.5)
        while not died and not Warning.select().exists():
            time.sleep(0.01)  # the first ones die in the middle of their work, also on a slow machine
        database.db.close()
        for process in workers:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        offset += timedelta(seconds=2)  # and the leases of the dead run out
        died.append((Finding.select().count(), Warning.select().count(), outbox.waiting()[0]))
    end = PAST + offset + timedelta(seconds=60)
    last = Worker(settings, JOBS)
    refresh()
    for minutes in range(3):
        last.round(end + timedelta(minutes=minutes))
    told = f"seed {SEED}, left by the dead: {died}"
    _each_once(told)
    assert any(0 < warnings < 2 * COMPLAINTS for _, warnings, _ in died), f"no worker died in the middle; {told}"


def _each_once(told):
    red = Finding.select().where(Finding.colour == "red", Finding.record == "complaint")
    assert (
        red.count() == 2 * COMPLAINTS == Clock.select().where(Clock.state == "red", Clock.record == "complaint").count()
    ), told
    assert Finding.select().where(Finding.episode > 1).count() == 0, told
    assert Warning.select().count() == Warning.select(Warning.finding).distinct().count() == 2 * COMPLAINTS, told
    assert Warning.select().where(Warning.state != "rectifying").count() == 0, told
    assert sorted(r.branch.code for r in RectificationReport.select()) == ["BJ", "TJ"], told
    occasions = list(Notice.select(Notice.person, Notice.occasion).tuples())
    assert len(occasions) == len(set(occasions)) > 2 * COMPLAINTS, told
    assert outbox.waiting() == (0, 0), told
    effects = audit.AuditEntry.select().where(audit.AuditEntry.verb == "effect")
    slots = [entry.changes["slot"][1] for entry in effects]
    assert len(slots) == len(set(slots)) >= SLOTS, told
    for job in JOBS:
        rows = JobRun.select().where(JobRun.job == job.name)
        assert {row.state for row in rows} == {"done"} and len(rows) == len(slots) + 1, told
    assert audit.verify() == [], told
