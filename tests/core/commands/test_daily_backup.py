"""The daily backup: made while people work, the newest kept, restored whole; a failed or missing one is a finding."""

import hashlib
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from core import audit, backup, checks, daily_backup, database, records
from core.access import system
from core.database import refresh
from core.findings import Finding
from core.jobs import JobRun
from core.plugins import registry
from core.schedule import all_jobs
from core.schema import core_models
from core.start import start
from core.testing import local
from core.worker import Worker

MORNING = local("2025-03-04 09:00")
DAY = timedelta(days=1)


def only_backup(settings):
    """A worker that makes backups and looks whether they were made, and does nothing else."""
    wanted = (daily_backup.NAME, daily_backup.SOURCE)
    return Worker(settings, [job for job in all_jobs(settings) if job.name in wanted])


def names(settings):
    return [path.name for path in daily_backup.kept(settings)]


def standing():
    return list(Finding.select().where(Finding.source == daily_backup.SOURCE, Finding.state == "open"))


def digests():
    """A digest of every row of every table of the core and the plugins, by table; of the ledger of jobs what is past."""
    found = {}
    for model in [*core_models(), *registry().models.values()]:
        if model is not JobRun:  # the run itself goes on while it writes
            rows = list(model.select().order_by(model.id).tuples())
            found[model._meta.table_name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


@pytest.fixture
def started(settings):
    """The settings of a group in which daily backups are on, as shipped."""
    start(settings, upgrade=False)
    return settings


def test_a_worker_makes_one_a_day_and_keeps_the_newest(started):
    few = replace(started, keep_backups=3)
    for day in range(5):
        for minutes in (0, 1, 700):
            only_backup(few).round(MORNING + day * DAY + timedelta(minutes=minutes))
    assert names(few) == [f"zhixing-2025-03-0{day}.zip" for day in (6, 7, 8)]
    assert standing() == [] and sorted(few.backups.iterdir()) == daily_backup.kept(few)
    assert {path.stat().st_mode & 0o077 for path in few.backups.iterdir()} == {0}
    run = JobRun.select().where(JobRun.job == daily_backup.NAME).order_by(JobRun.slot.desc()).first()
    assert (run.state, run.result) == ("done", {"file": str(daily_backup.path_of(few, "2025-03-08"))})


def test_every_one_stays_where_none_is_to_go(started):
    for day in range(3):
        only_backup(replace(started, keep_backups=0)).round(MORNING + day * DAY)
    assert len(names(started)) == 3


def test_restored_into_an_empty_place_every_table_and_the_chain_are_equal(started, record, actor, empty, call):
    database.connect(started.database)
    refresh()
    made = record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢")
    records.transition(actor("alice", "2025-03-03 11:00"), made, "accept")
    only_backup(started).round(MORNING)
    before, chain = digests(), audit.heads()
    answer = call("restore", daily_backup.path_of(started, "2025-03-04"), "--keys", started.keys)
    assert (answer.status, answer.err) == (0, "")
    refresh()
    after = digests()
    assert {name for name in before if before[name] != after[name]} == set()
    assert audit.verify() == [] and audit.heads() == chain


def test_one_made_while_people_write_ends_and_is_whole(started, record, actor, empty, call):
    database.connect(started.database)
    refresh()
    ended, failed = threading.Event(), []

    def write():
        try:
            while not ended.is_set():
                record("complaint", actor("alice", "2025-03-03 10:00"), content="忙")
        except Exception as error:
            failed.append(error)
        finally:
            database.db.close()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    began = time.monotonic()
    try:
        only_backup(started).round(MORNING)
    finally:
        took = time.monotonic() - began
        ended.set()
        for writer in writers:
            writer.join()
    assert failed == [] and took < 60
    answer = call("restore", daily_backup.path_of(started, "2025-03-04"), "--keys", started.keys)
    assert (answer.status, answer.err) == (0, "") and "审计链完整" in answer.out


def test_one_that_fails_is_tried_again_then_a_finding_until_there_is_one(started, group):
    started.backups.write_text("a file where the folder should be")
    worker = only_backup(started)
    for minutes in range(0, 60, 2):
        worker.round(MORNING + timedelta(minutes=minutes))
    assert JobRun.get(JobRun.job == daily_backup.NAME).state == "failed"
    (found,) = standing()
    assert "2025-03-04" in found.message and "FileExistsError" in found.message
    only_backup(started).round(MORNING + timedelta(hours=2))
    assert len(standing()) == 1  # the check finds the same, not another
    started.backups.unlink()
    only_backup(started).round(MORNING + DAY)
    assert standing() == [] and names(started) == ["zhixing-2025-03-05.zip"]


def test_days_on_which_nobody_made_one_and_a_file_that_is_gone_are_found(started):
    only_backup(started).round(MORNING)
    only_backup(started).round(MORNING + 3 * DAY)
    about = Finding.select().where(Finding.source == daily_backup.SOURCE)
    assert [(row.state, "2025-03-06" in row.message) for row in about] == [("closed", True)]  # there is one again
    daily_backup.path_of(started, "2025-03-07").unlink()
    only_backup(started).round(MORNING + 3 * DAY + timedelta(hours=1))
    assert [row.episode for row in standing()] == [2]


def test_what_a_killed_worker_left_is_cleared_and_what_it_made_is_taken_as_made(started):
    (started.backups / "backup-abc").mkdir(parents=True)
    (started.backups / "zhixing-2025-03-04.zip.part").write_bytes(b"half")
    only_backup(started).round(MORNING)
    assert [path.name for path in started.backups.iterdir()] == ["zhixing-2025-03-04.zip"]
    before = daily_backup.path_of(started, "2025-03-04").read_bytes()
    JobRun.update(state="claimed", lease_until=MORNING).where(JobRun.job == daily_backup.NAME).execute()
    only_backup(started).round(MORNING + timedelta(minutes=5))
    assert JobRun.get(JobRun.job == daily_backup.NAME).state == "done"
    assert daily_backup.path_of(started, "2025-03-04").read_bytes() == before


def test_a_long_one_keeps_its_lease(started, monkeypatch):
    seen, save = [], backup.save

    def slow(*args):
        time.sleep(2.5)
        seen.append(JobRun.get(JobRun.job == daily_backup.NAME).lease_until)
        return save(*args)

    monkeypatch.setattr(backup, "save", slow)
    only_backup(replace(started, job_lease_seconds=1)).round(MORNING)
    assert seen[0] > MORNING + timedelta(seconds=2.5)
    assert JobRun.get(JobRun.job == daily_backup.NAME).state == "done"


def test_switched_off_there_is_neither_job_nor_check(settings):
    off = replace(settings, backup_daily=False)
    start(off, upgrade=False)
    jobs, known = {job.name for job in all_jobs(off)}, set(checks.all_checks())
    start(settings, upgrade=False)  # as it was, for the tests that follow
    assert daily_backup.NAME not in jobs and "core.daily_backup_made" not in known
    assert "core.daily_backup_made" in checks.all_checks()


def test_its_finding_is_shown_to_the_admin(started, actor):
    refresh()
    daily_backup._missed(system(MORNING, "job"), [JobRun(slot="2025-03-03", error="OSError: 磁盘已满")])
    (found,) = standing()
    assert found.branch_id in (actor("admin", MORNING).branches("core.check.view") or {found.branch_id})
