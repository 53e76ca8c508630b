"""The worker: sweeps, delivers and runs the jobs that are due, as many workers as wanted, each able to die at any moment."""

import logging
import os
import secrets
import signal
import socket
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from time import monotonic

from core import jobs, messages, outbox, schedule, sweep, transfer
from core.access import system
from core.database import db, is_trouble, refresh, transaction
from core.failures import cause_of, trace_of
from core.faulty import is_aside
from core.jobs import JobRun, LeaseLost
from core.language import set_language

log = logging.getLogger("zhixing.worker")
WORKER = "core.worker"  # the job under which workers give signs of life in the ledger
DELIVERED_AT_ONCE = 100  # messages between two looks at whether the worker is to stop
LONGEST_WAIT = 60  # seconds, where the database is locked, full or gone


class Worker:
    """Background work of one process: in a thread (`start`, `stop`) or alone (`run_forever`, ends on SIGTERM).

    `jobs` replaces the jobs of the installation. Code of plugins is called in a process that `apart` (a core.apart.Apart)
    looks after, in a thread of its own, so that one that hangs holds nothing else; without it, in this thread.
    """

    def __init__(self, settings, jobs=None, apart=None):
        self.settings, self.apart = settings, apart
        self.name = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease = timedelta(seconds=settings.job_lease_seconds)
        self._jobs = {job.name: job for job in (schedule.all_jobs(settings) if jobs is None else jobs)}
        self._planned = {}  # (job, branch id) -> the slot up to which nothing is left to plan
        self._stopping, self._thread = threading.Event(), None
        self._troubles, self._seen_at = Counter(), None
        self._began = {}  # of the round at hand, in each of the two threads
        if apart:
            apart.is_stopping = self._stopping.is_set

    # ---- its life ----------------------------------------------------------------------------------------------------

    def start(self):
        """Work in a thread of this process, until `stop`."""
        self._thread = threading.Thread(target=self._live, name="zhixing-worker", daemon=True)
        self._thread.start()

    def stop(self, timeout=30):
        """End after the piece of work at hand. Returns whether it has ended within `timeout` seconds."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    def run_forever(self):
        """Work in this thread until SIGTERM or SIGINT, then end cleanly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self._live()

    def _live(self):
        log.info("worker %s works", self.name)
        beside = threading.Thread(target=self._go_on, args=(self.round_apart,), name="zhixing-plugins", daemon=True)
        try:
            if self.apart:
                beside.start()
            self._go_on(self.round)
        finally:
            self._stopping.set()
            if self.apart:
                beside.join()
                self.apart.end()
            log.info("worker %s has ended", self.name)

    def _go_on(self, round_):
        set_language(self.settings.language)
        try:
            while not self._stopping.is_set():
                self._stopping.wait(round_(datetime.now(UTC)))
            if round_ == self.round:
                self._guarded(WORKER, lambda: self._sign_of_life(datetime.now(UTC), is_last=True))
        finally:
            _disconnect()

    # ---- one round ---------------------------------------------------------------------------------------------------

    def round(self, now):
        """Everything that is due at `now`. Returns how many seconds to wait before the next round.

        An error in one part is noted and leaves the others; trouble with the database lets the worker wait longer.
        """
        plugins = {} if self.apart else self._plugins(now)
        parts = {
            "core.refresh": refresh,
            "core.sweep": lambda: sweep.sweep(system(now, "job")),
            **plugins,
            "core.take_over": lambda: self._take_over_all(now, is_apart=False),
            "core.undo_imports": lambda: transfer.clean_up(now),
            schedule.FOLLOW_SWITCHES.name: lambda: self._follow_switches(now),
            **self._due({name: job for name, job in self._jobs.items() if not job.is_apart}, now),
            "core.messages": lambda: messages.deliver(now, self.settings),
            WORKER: lambda: self._sign_of_life(now),
        }
        return self._do("here", parts, now)

    def round_apart(self, now):
        """What calls code of plugins, where that is done beside the rest. Returns what `round` returns."""
        return self._do("apart", {"core.refresh": refresh, **self._plugins(now)}, now)

    def _plugins(self, now):
        return {
            "core.outbox": lambda: self._deliver(now),
            "core.take_over_apart": lambda: self._take_over_all(now, is_apart=True),
            **self._due({name: job for name, job in self._jobs.items() if job.is_apart}, now),
        }

    def _due(self, jobs_, now):
        return {name: lambda job=job: self._run_due(job, now) for name, job in jobs_.items()}

    def _do(self, place, parts, now):
        self._began[place] = monotonic()
        for part, act in parts.items():
            if not self._stopping.is_set() and not self._guarded(part, act, now):
                self._troubles[place] += 1
                return min(2 ** (self._troubles[place] - 1), LONGEST_WAIT)
        self._troubles[place] = 0
        return self.settings.sweep_seconds

    def _guarded(self, part, act, now=None):
        """Do a part; an error is logged and noted. Returns False where the database itself is in trouble."""
        try:
            act()
        except Exception as error:
            if is_trouble(error):
                log.warning("%s: the database is not to be had now: %s", part, cause_of(error))
                _disconnect()
                return False
            log.error("%s failed\n%s", part, trace_of(error))
            return now is None or self._note(part, error, now)
        return True

    def _note(self, part, error, now):
        """Keep an error of a part in the ledger, once an hour: what runs all the time has no rows of its own."""
        key = {"job": f"error:{part}", "branch_id": 0, "slot": f"{now.astimezone(UTC):%Y-%m-%dT%H}"}
        values = {
            "state": "failed",
            "worker": self.name,
            "began_at": now,
            "done_at": now,
            "error": cause_of(error),
            "tries": 1,
        }
        return self._guarded("note", lambda: JobRun.insert(**key, **values).on_conflict_ignore().execute())

    def _deliver(self, now):
        deliver = self.apart.deliver if self.apart else outbox.deliver
        while not self._stopping.is_set() and deliver(now, DELIVERED_AT_ONCE):
            pass

    def _sign_of_life(self, now, is_last=False):
        """Tell the ledger that this worker is there, three times in a lease."""
        if not is_last and self._seen_at is not None and now - self._seen_at < self.lease / 3:
            return
        values = {"state": "done" if is_last else "working", "lease_until": now + self.lease, "done_at": now}
        mine = (JobRun.job == WORKER, JobRun.branch_id == 0, JobRun.slot == self.name[-32:])
        with transaction():
            if not JobRun.update(**values).where(*mine).execute():
                JobRun.insert(job=WORKER, slot=self.name[-32:], worker=self.name, began_at=now, **values).execute()
        self._seen_at = now

    # ---- jobs --------------------------------------------------------------------------------------------------------

    def _take_over_all(self, now, is_apart):
        for row in jobs.stale(now):
            job = self._jobs.get(row.job) or schedule.FOLLOWING.get(row.job)
            if (job is not None and job.is_apart) == is_apart and not _is_aside(job):
                self._take_over(job, row, now)

    def _follow_switches(self, now):
        for branch_id, slot in schedule.switch_slots(self.settings, now):
            if (branch_id, slot) not in self._planned:
                self._run(schedule.FOLLOW_SWITCHES, branch_id, slot, now)
                self._planned[branch_id, slot] = slot

    def _run_due(self, job, now):
        for branch_id in () if _is_aside(job) else job.branches():
            current = job.slot(now, branch_id)
            if self._planned.get((job.name, branch_id)) != current:
                for slot in jobs.waiting_slots(job, branch_id, system(now, "job")):
                    self._run(job, branch_id, slot, now)
                self._planned[job.name, branch_id] = current

    def _take_over(self, job, row, now):
        is_past = job is None or (job.catch_up == "once" and row.slot < job.slot(now, row.branch_id))
        if is_past or row.tries >= jobs.TRIES:
            jobs.give_up(job, system(now, "job"), row)
        else:
            self._run(job, row.branch_id, row.slot, now)

    def _run(self, job, branch_id, slot, now):
        """Run a slot if it is to be had. An error of the job is noted in its row; trouble of the database goes up."""
        if self._stopping.is_set():
            return
        is_apart = job.is_apart and self.apart
        longer = timedelta(seconds=self.settings.hook_seconds) if is_apart else timedelta()
        present = now + timedelta(
            seconds=monotonic() - self._began["apart" if is_apart else "here"]
        )  # a lease counts from when it is taken
        run = jobs.claim(job.name, branch_id, slot, self.name, present, self.lease + longer)
        if run is None:
            return
        if is_apart:
            self.apart.perform(job, run, now)
        else:
            perform(job, run, now)


def perform(job, run, now):
    """Do a claimed run. An error of the job is noted in its row; trouble of the database goes up."""
    try:
        result = job.run(system(now, "job"), run)
        if not run.is_done:
            run.done(result)
    except LeaseLost as lost:
        log.warning("%s", lost)
    except (Exception, SystemExit) as error:  # what a plugin does in its checks and measures ends no worker
        if is_trouble(error):
            raise
        log.error("job %s for %s failed\n%s", job.name, run.slot, trace_of(error))
        failed(job, run, error, now)


def failed(job, run, error, now):
    """Note in the ledger that a run failed, and what follows where it was given up."""
    try:
        with transaction():
            if run.failed(error) and job.missed:
                job.missed(system(now, "job"), [JobRun.get_by_id(run.id)])
    except LeaseLost as lost:
        log.warning("%s", lost)


def _is_aside(job):
    return job is not None and is_aside(job.plugin)


def _disconnect():
    """Close this thread's connection; the next question opens a new one."""
    try:
        if not db.is_closed():
            db.close()
    except Exception:
        log.warning("the connection was broken already")


def workers(now):
    """The workers that have given a sign of life within their lease, as rows of the ledger."""
    return list(JobRun.select().where(JobRun.job == WORKER, JobRun.state == "working", JobRun.lease_until >= now))
