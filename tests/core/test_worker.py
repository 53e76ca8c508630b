"""The worker: goes on after errors, waits where the database is in trouble, ends cleanly, shares work with others."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import peewee
import pytest

from core import audit, checks, findings, outbox, records, reworking, sweep, switches, worker
from core.audit import verify
from core.clocks import Clock
from core.database import db, is_sqlite, refresh, transaction
from core.jobs import Job, JobRun
from core.outbox import Message
from core.testing import branch, console, local
from core.worker import WORKER, Worker, workers
from plugins.cases.models import Complaint

NOON = local("2026-02-10 12:00")


def message(subject="finding:1", kind="told", place=None):
    with transaction():
        outbox.tell(NOON, [("timeliness", kind, (place or branch("TJ")).id, subject, {"n": subject})])


def until(condition, seconds=8):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_a_thread_works_until_it_is_stopped_and_leaves_no_connection(settings, monkeypatch):
    got = []
    monkeypatch.setitem(outbox.handlers, "told", lambda plugin, payload, actor: got.append(payload))
    switches.switch(console(datetime.now(UTC)), "timeliness", branch("GZ"), "on", reason="测试")
    one = Worker(replace(settings, sweep_seconds=1), [])
    one.start()
    with transaction():
        outbox.tell(datetime.now(UTC), [("timeliness", "told", branch("GZ").id, "s:1", {"n": 1})])
    until(lambda: got)
    until(lambda: workers(datetime.now(UTC)))
    assert one.stop(10) and got == [{"n": 1}]
    assert workers(datetime.now(UTC)) == [] and JobRun.get(JobRun.job == WORKER).state == "done"
    assert not [thread for thread in threading.enumerate() if thread.name == "zhixing-worker"]


def test_an_error_in_one_part_is_noted_once_an_hour_and_leaves_the_others(settings, monkeypatch):
    ran = []
    monkeypatch.setattr(sweep, "sweep", lambda actor: 1 / 0)
    jobs = [
        Job("a", timedelta(seconds=1), lambda a, r: 1 / 0),
        Job("b", timedelta(seconds=1), lambda a, r: ran.append(1)),
    ]
    one = Worker(settings, jobs)
    for seconds in range(3):
        assert one.round(NOON + timedelta(seconds=seconds)) == settings.sweep_seconds
    assert len(ran) == 3
    noted = JobRun.get(JobRun.job == "error:core.sweep")
    assert (noted.state, noted.slot) == ("failed", "2026-02-10T04") and noted.error.startswith("ZeroDivisionError at ")
    assert JobRun.select().where(JobRun.job == "a", JobRun.state == "failed").count() == 3


def test_trouble_with_the_database_lets_the_worker_wait_longer_each_time_and_then_go_on(settings, monkeypatch):
    trouble = [peewee.InterfaceError("connection is closed")] * 9
    plain = worker.refresh

    def gone():
        if trouble:
            raise trouble.pop()
        plain()

    monkeypatch.setattr(worker, "refresh", gone)
    one = Worker(settings, [])
    assert [one.round(NOON) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert one.round(NOON) == settings.sweep_seconds
    assert not JobRun.select().where(JobRun.job.startswith("error:")).exists()


def test_a_locked_database_is_trouble_and_a_wrong_statement_is_not(settings):
    with pytest.raises(peewee.PeeweeException) as wrong:
        db.execute_sql("SELECT nothing FROM nowhere")
    assert not worker.is_trouble(wrong.value) and not worker.is_trouble(ValueError())
    if not is_sqlite():
        return
    other = peewee.SqliteDatabase(settings.database.removeprefix("sqlite:///"))
    other.execute_sql("BEGIN IMMEDIATE")
    db.execute_sql("PRAGMA busy_timeout = 50")
    one = Worker(settings, [])
    assert one.round(NOON) == 1  # seconds: it could not write
    other.execute_sql("ROLLBACK")
    other.close()
    assert one.round(NOON) == settings.sweep_seconds


def test_a_broken_connection_is_replaced(settings):
    one = Worker(settings, [])
    assert one.round(NOON) == settings.sweep_seconds
    db.connection().close()  # as a restarted server or an unmounted disk leaves it
    assert one.round(NOON + timedelta(minutes=1)) in (1, settings.sweep_seconds)
    assert one.round(NOON + timedelta(minutes=2)) == settings.sweep_seconds


def test_a_failing_message_leaves_the_others_and_its_own_later_ones_wait(settings, monkeypatch):
    got, broken = [], {"finding:1"}

    def told(plugin, payload, actor):
        with transaction():
            JobRun.insert(job="effect", slot=payload["n"], state="done", began_at=NOON).execute()
            if payload["n"] in broken:
                raise ValueError("因为测试")
        got.append((payload["n"], actor.now))

    monkeypatch.setitem(outbox.handlers, "told", told)
    monkeypatch.setitem(outbox.handlers, "after", lambda p, payload, a: got.append(("after " + payload["n"], a.now)))
    message("finding:1")
    message("finding:1", "after")
    message("finding:2")
    message("finding:3", place=branch("BJ"))
    broken_ = Message.get(Message.id == 1)
    assert outbox.deliver(NOON) == 3 and outbox.deliver(NOON) == 0
    assert [name for name, _ in got] == ["finding:2", "finding:3"]
    assert not JobRun.select().where(JobRun.job == "effect", JobRun.slot == "finding:1").exists()
    assert outbox.waiting() == (2, 0)
    broken.clear()
    later = NOON + timedelta(seconds=31)
    while outbox.deliver(later):
        pass
    assert [name for name, at in got if at == later] == ["finding:1", "after finding:1"]
    assert Message.get_by_id(broken_.id).done_at == later


def test_a_message_that_fails_each_time_is_given_up_seen_and_can_be_tried_again(settings, monkeypatch):
    fails = [True]
    monkeypatch.setitem(outbox.handlers, "told", lambda plugin, payload, actor: 1 / (0 if fails else 1))
    message()
    now = NOON
    for _ in range(20):
        outbox.deliver(now)
        now += timedelta(minutes=5)
    stuck = outbox.given_up().get()
    assert stuck.tries == outbox.TRIES and stuck.error.startswith("ZeroDivisionError at ")
    assert outbox.waiting() == (0, 1)
    fails.clear()
    assert outbox.try_again(now, [stuck.id]) == 1 and outbox.deliver(now) == 1 and outbox.waiting() == (0, 0)


def test_trouble_of_the_database_does_not_use_up_the_tries_of_a_message(settings, monkeypatch):
    def gone(plugin, payload, actor):
        raise peewee.InterfaceError("the connection is closed")

    monkeypatch.setitem(outbox.handlers, "told", gone)
    message()
    with pytest.raises(peewee.InterfaceError):
        outbox.deliver(NOON)
    assert Message.get().tries == 0 and outbox.waiting() == (1, 0)


def test_an_entry_made_ahead_starts_its_clocks_on_its_day(settings, actor, record):
    place = branch("GZ")
    switches.switch(console(local("2025-03-03 09:00")), "timeliness", place, "on", from_day=date(2025, 3, 10))
    assert Clock.select().where(Clock.branch_id == place.id).count() == 0
    late = local("2025-03-10 08:00")
    refresh()
    # the branch registers complaints from the first minute on; one lies there from before, brought in as history
    records.create_many(
        console(late), Complaint, [{"happened_at": "2025-03-06 10:00", "owner": "admin"}], branch=place, history=True
    )
    Clock.delete().where(Clock.branch_id == place.id).execute()  # as if it had been registered while it was off
    one = Worker(settings, [])
    one.round(late)
    started = list(Clock.select().where(Clock.branch_id == place.id).order_by(Clock.due_at))
    assert [c.state for c in started] == ["red", "running"]
    assert not findings.Finding.select().where(findings.Finding.branch_id == place.id).exists()  # judged, not warned of
    run = JobRun.get(JobRun.job == "core.follow_switches", JobRun.branch_id == place.id)
    assert (run.slot, run.state) == ("2025-03-10", "done")
    assert ["timeliness", True] in run.result["changed"]
    Worker(settings, []).round(late + timedelta(minutes=1))
    assert JobRun.get_by_id(run.id).tries == 1


def test_a_process_that_dies_between_a_switch_and_what_follows_leaves_it_to_the_worker(
    settings, record, actor, monkeypatch
):
    place, complaint = branch("TJ"), record("complaint", actor("alice", "2025-03-03 10:00"))
    switches.switch(console(local("2025-03-03 11:00")), "timeliness", place, "off", reason="测试")
    Clock.delete().execute()  # as if it had been registered while it was off
    monkeypatch.setattr(reworking, "_rework_all", lambda *_: os_is_gone())
    with pytest.raises(ConnectionAbortedError):
        switches.switch(console(local("2025-03-03 12:00")), "timeliness", place, "on", reason="测试")
    monkeypatch.undo()
    refresh()
    assert switches.is_on("timeliness", place.id, local("2025-03-03 12:00")) and Clock.select().count() == 0
    Worker(settings, []).round(local("2025-03-04 18:00"))
    assert {row.state for row in Clock.select().where(Clock.record_id == complaint.id)} == {"running"}
    Worker(settings, []).round(local("2025-03-04 18:00:10"))
    assert [row.colour for row in findings.Finding.select()] == ["red"]  # it fell due after the switch: it is warned of


def test_more_work_than_somebody_should_wait_for_is_left_to_the_worker(settings, record, actor, monkeypatch):
    complaint = record("complaint", actor("alice", "2025-03-03 10:00"))
    switches.switch(console(local("2025-03-03 11:00")), "timeliness", branch("TJ"), "off", reason="测试")
    Clock.delete().execute()
    monkeypatch.setattr(reworking, "AT_ONCE", -1)
    switches.switch(console(local("2025-03-03 12:00")), "timeliness", branch("TJ"), "on", reason="测试")
    assert JobRun.get(JobRun.job == reworking.REWORK.name, JobRun.state == "claimed").tries == 1
    Worker(settings, []).round(local("2025-03-03 12:01"))
    assert JobRun.get(JobRun.job == reworking.REWORK.name, JobRun.tries == 2).state == "done"
    assert {row.state for row in Clock.select().where(Clock.record_id == complaint.id)} == {"running"}


def os_is_gone():
    raise ConnectionAbortedError("killed")


def test_no_transaction_of_a_switch_is_long(settings, monkeypatch):
    """A switch over thousands of records works in chunks: other people write in between."""
    rows = [{"owner": "alice"}] * 1000
    records.create_many(console(local("2025-03-03 10:00")), Complaint, rows, branch=branch("TJ"))
    switches.switch(console(local("2025-03-04 09:00")), "timeliness", branch("TJ"), "off", reason="测试")
    sizes, followed = [], reworking.follow
    monkeypatch.setattr(
        reworking, "follow", lambda c, m, changes: sizes.append(len(changes)) or followed(c, m, changes)
    )
    monkeypatch.setattr(reworking, "CHUNK", 100)
    monkeypatch.setattr(reworking, "AT_ONCE", 60)  # seconds: however slow the machine
    switches.switch(console(local("2025-03-05 09:00")), "timeliness", branch("TJ"), "on", reason="测试")
    assert sum(sizes) == 1000 and max(sizes) == 100
    assert (
        JobRun.select().where(JobRun.job == "core.rework").order_by(JobRun.id.desc()).first().result["records"] == 1000
    )


def test_nothing_comes_into_force_before_its_day(settings):
    place = branch("GZ")
    switches.switch(console(local("2025-03-03 09:00")), "timeliness", place, "on", from_day=date(2025, 3, 10))
    Worker(settings, []).round(local("2025-03-09 23:59:59"))
    assert not JobRun.select().where(JobRun.job == "core.follow_switches").exists()


def test_the_jobs_of_the_installation_run(settings, record, actor):
    record("complaint", actor("alice", "2026-02-10 10:00"))
    one = Worker(settings)
    one.round(NOON)
    states = set(JobRun.select(JobRun.job, JobRun.state).where(JobRun.job.not_in((WORKER, "core.rework"))).tuples())
    wanted = {
        "core.backup",
        "core.close_month",
        "core.erase_run_out",
        "core.export_heads",
        "core.prune",
        *(f"check:{name}" for name in checks.all_checks()),
    }
    assert states == {(name, "done") for name in wanted}
    assert verify() == []


CHILD = """
import sys
from pathlib import Path
from core.settings import Settings
from core.start import start
from core.worker import Worker
settings = Settings(home=Path(sys.argv[1]), database=sys.argv[2], sweep_seconds=1)
start(settings)
print("ready", flush=True)
Worker(settings).run_forever()
print("ended", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signals like these on this system")
def test_a_worker_process_ends_cleanly_on_sigterm(settings):
    arguments = [sys.executable, "-c", CHILD, str(settings.home), settings.database]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=os.getcwd())
    assert child.stdout.readline() == "ready\n"
    until(lambda: workers(datetime.now(UTC)))
    child.send_signal(signal.SIGTERM)
    assert child.communicate(timeout=15)[0] == "ended\n" and child.returncode == 0
    assert JobRun.get(JobRun.job == WORKER).state == "done"
    assert not JobRun.select().where(JobRun.state == "claimed").exists()


def test_two_workers_in_one_process_share_the_jobs(settings):
    ran, both = [], threading.Barrier(2)

    def slow(actor, run):
        ran.append((run.slot, run.worker))
        time.sleep(0.002)

    def live():
        mine = Worker(settings, [Job("j", timedelta(seconds=1), slow, catch_up="each")])
        both.wait(10)
        for seconds in range(40):
            mine.round(NOON + timedelta(seconds=seconds))
        db.close()

    threads = [threading.Thread(target=live) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slots = [slot for slot, _ in ran]
    assert len(slots) == len(set(slots)) == 40
    assert JobRun.select().where(JobRun.job == "j", JobRun.state == "done", JobRun.tries == 1).count() == 40


def test_the_heads_of_the_trail_are_written_out_every_day(settings, record, actor):
    record("complaint", actor("alice", "2025-03-03 10:00"))
    Worker(settings).round(local("2025-03-03 10:01"))
    Worker(settings).round(local("2025-03-03 23:00"))
    Worker(settings).round(local("2025-03-04 00:01"))
    assert sorted(path.name for path in settings.audit_heads.iterdir()) == ["2025-03-03.json", "2025-03-04.json"]
    told = json.loads((settings.audit_heads / "2025-03-04.json").read_text())
    assert {h["branch_id"] for h in told["heads"]} == {h["branch_id"] for h in audit.heads()}


def test_a_message_says_whether_it_may_have_come_before(settings, monkeypatch):
    got = []

    def told(plugin, payload, actor):
        got.append((payload["n"], actor.delivery.id, actor.delivery.again))
        if len(got) == 1:
            raise KeyboardInterrupt  # the worker ends in the middle, as if it were killed
        if len(got) == 2:
            raise ValueError("因为测试")

    monkeypatch.setitem(outbox.handlers, "told", told)
    message("finding:1")
    with pytest.raises(KeyboardInterrupt):
        outbox.deliver(NOON)
    message("finding:2")
    for minutes in range(3):
        outbox.deliver(NOON + timedelta(minutes=minutes))
    one, two = Message.select().order_by(Message.id)
    first = ("finding:1", one.id)
    assert got == [(*first, False), (*first, True), ("finding:2", two.id, False), (*first, True)]


def test_a_lease_beside_the_main_loop_counts_from_when_it_is_taken(settings, monkeypatch):
    clock, taken = [0.0], []
    monkeypatch.setattr("core.worker.monotonic", lambda: clock[0])

    class Beside:
        def perform(self, job, run, now):
            taken.append(JobRun.get_by_id(run.id).lease_until)

        def deliver(self, now, limit):
            """A long call; meanwhile the main loop begins a round of its own."""
            clock[0] = 100.0
            one.round(NOON + timedelta(seconds=100))
            return 0

    one = Worker(settings, [Job("far", timedelta(hours=1), lambda actor, run: None, is_apart=True)], apart=Beside())
    one.round_apart(NOON)
    assert taken == [NOON + timedelta(seconds=100 + settings.hook_seconds) + one.lease]
