"""Background work: a ledger of runs, each claimed under a lease and done once, taken over when its worker dies.

The done-mark is written in the transaction of the effect where that is one transaction, so that neither is there without
the other; a worker that lost its lease meanwhile finds its mark refused and its effect undone.
"""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import monotonic

import peewee

from core.business_calendar import calendar_of
from core.database import Table, db, transaction
from core.failures import cause_of
from core.fields import JsonColumn, MomentColumn
from core.language import Words
from core.organisation import organisation, zone_of

TRIES = 5  # then a run stays failed, for all to see, until its next slot
MISSED_AT_MOST = 100  # missed slots that are recorded one by one; older ones are counted
STATES = {
    "claimed": Words("运行中", "Running"),
    "working": Words("在岗", "At work"),
    "done": Words("已完成", "Done"),
    "failed": Words("失败", "Failed"),
    "missed": Words("错过", "Missed"),
}


class LeaseLost(Exception):
    """Another worker has taken the run over: what this one did for it does not stand."""


class JobRun(Table):
    """One run: unique by job, branch (0: none) and slot (the time it is for)."""

    job = peewee.CharField(max_length=128)
    branch_id = peewee.BigIntegerField(default=0)
    slot = peewee.CharField(max_length=32)
    state = peewee.CharField(max_length=16)  # one of STATES
    worker = peewee.CharField(max_length=64, default="")
    lease_until = MomentColumn(null=True)  # of a failed run: when it is tried again
    tries = peewee.IntegerField(default=0)
    began_at = MomentColumn()
    done_at = MomentColumn(null=True)
    result = JsonColumn(null=True)
    error = peewee.TextField(default="")

    class Meta:
        indexes = ((("job", "branch_id", "slot"), True), (("state", "lease_until"), False))


@dataclass(frozen=True)
class Job:
    """Work that is done once for each slot: `run(actor, run)` returns what is kept as its result (a dict or None).

    `every` is a timedelta, "day" (of head office, or of the branch) or "month" (the month before, from the first business
    day on). Of slots that were missed, `catch_up` "once" runs only the latest, as of now, and records the others; "each"
    runs every one. Work in several transactions must be safe to repeat and calls `run.beat()` between them.
    """

    name: str
    every: object
    run: object
    per_branch: bool = False
    catch_up: str = "once"
    is_apart: bool = False  # calls code of plugins, in a process of its own that is ended at its deadline
    plugin: str = ""  # whose it is: not run while that is set aside
    missed: object = None  # called as missed(actor, rows) in the transaction that records missed or given-up runs

    def __post_init__(self):
        if self.every not in ("day", "month") and not (
            isinstance(self.every, timedelta) and self.every >= timedelta(seconds=1)
        ):
            raise ValueError(f'job {self.name}: every = {self.every!r} is neither a timedelta, "day" nor "month".')
        if self.catch_up not in ("once", "each"):
            raise ValueError(f'job {self.name}: catch_up = {self.catch_up!r} is neither "once" nor "each".')

    def branches(self):
        """The branches it runs for: 0 alone where it runs for all at once."""
        return sorted(organisation().branches) if self.per_branch else [0]

    def slot(self, now, branch_id=0):
        """The latest slot that has come by `now`."""
        if isinstance(self.every, timedelta):
            seconds = int(self.every.total_seconds())
            return _moment_text(datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC))
        today = now.astimezone(zone_of(branch_id or _root())).date()
        if self.every == "day":
            return today.isoformat()
        first = today.replace(day=1)
        has_opened = today >= calendar_of(branch_id or _root()).add_business_days(first, 0)
        return _month_before(first if has_opened else first - timedelta(days=1))

    def after(self, slot):
        """The slot that follows."""
        if isinstance(self.every, timedelta):
            return _moment_text(datetime.fromisoformat(slot) + self.every)
        if self.every == "day":
            return (date.fromisoformat(slot) + timedelta(days=1)).isoformat()
        return (date.fromisoformat(f"{slot}-01") + timedelta(days=32)).isoformat()[:7]


def _moment_text(moment):
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _month_before(day):
    return (day.replace(day=1) - timedelta(days=1)).isoformat()[:7]


def _root():
    return next((branch.id for branch in organisation().branches.values() if branch.parent_id is None), 0)


@dataclass
class Run:
    """A run in the hands of this worker, under a lease of `lease` (a timedelta)."""

    id: int
    job: str
    branch_id: int
    slot: str
    worker: str
    tries: int
    now: datetime
    lease: timedelta
    is_done: bool = False
    began: float = field(default_factory=monotonic)

    def _mark(self, **values):
        mine = (JobRun.id == self.id, JobRun.state == "claimed", JobRun.worker == self.worker)
        with transaction():
            if not JobRun.update(**values).where(*mine, JobRun.tries == self.tries).execute():
                raise LeaseLost(f"{self.job} {self.slot}: another worker has taken it over")

    @property
    def present(self):
        """The moment that it is by now, in the run's own time."""
        return self.now + timedelta(seconds=monotonic() - self.began)

    def beat(self):
        """Keep the lease: called between the transactions of long work. Raises LeaseLost."""
        self._mark(lease_until=self.present + self.lease)

    @contextmanager
    def kept_alive(self):
        """Keep the lease from a thread of its own, during one long step in which nothing can be written between."""
        ended = threading.Event()
        thread = threading.Thread(target=self._beat_until, args=(ended,), name="zhixing-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _beat_until(self, ended):
        try:
            while not ended.wait(self.lease.total_seconds() / 3):
                self.beat()
        except LeaseLost:
            pass  # said again to the work itself when it marks its end
        finally:
            db.close()

    def leave(self):
        """Let go of it: the next worker that looks takes it over."""
        self._mark(lease_until=self.present)

    def done(self, result=None):
        """Mark it done, as part of the transaction that is open. Raises LeaseLost, which must undo that transaction."""
        self._mark(state="done", done_at=self.present, lease_until=None, result=result, error="")
        self.is_done = True

    def failed(self, error):
        """Note the error; it is tried again later, a few times. Returns whether it was given up."""
        wait = None if self.tries >= TRIES else self.present + timedelta(seconds=10 * 3**self.tries)
        self._mark(state="failed", done_at=self.present, lease_until=wait, error=cause_of(error))
        return wait is None


def claim(job, branch_id, slot, worker, now, lease):
    """Take a run for `worker`: new, or left by a dead worker, or to be tried again. None where it is not to be had."""
    values = {"state": "claimed", "worker": worker, "lease_until": now + lease, "began_at": now}
    key = (JobRun.job == job, JobRun.branch_id == branch_id, JobRun.slot == slot)
    with transaction():
        new = JobRun.insert(job=job, branch_id=branch_id, slot=slot, tries=1, **values).on_conflict_ignore()
        if not new.as_rowcount().execute():
            free = (JobRun.state.in_(("claimed", "failed")), JobRun.lease_until < now, JobRun.tries < TRIES)
            if not JobRun.update(tries=JobRun.tries + 1, **values).where(*key, *free).execute():
                return None
        row = JobRun.get(*key)
    return Run(row.id, job, branch_id, slot, worker, row.tries, now, lease)


def stale(now):
    """The runs that wait to be taken over or tried again, oldest first."""
    return list(
        JobRun.select()
        .where(JobRun.state.in_(("claimed", "failed")), JobRun.lease_until < now)
        .order_by(JobRun.lease_until, JobRun.id)
        .limit(100)
    )


def give_up(job, actor, row):
    """Leave a run that killed or failed every worker that took it; where its slot is past, it counts as missed."""
    state = "failed" if row.tries >= TRIES else "missed"
    error = row.error or "no worker came to its end"
    with transaction():
        same = (JobRun.id == row.id, JobRun.state == row.state, JobRun.tries == row.tries)
        values = {"state": state, "lease_until": None, "done_at": actor.now, "error": error}
        if JobRun.update(**values).where(*same).execute() and job is not None and job.missed:
            job.missed(actor, [JobRun.get_by_id(row.id)])


def waiting_slots(job, branch_id, actor):
    """The slots to run now, oldest first. Slots that were missed and are not to be caught up are recorded."""
    current = job.slot(actor.now, branch_id)
    ours = JobRun.select().where(JobRun.job == job.name, JobRun.branch_id == branch_id)
    last = ours.order_by(JobRun.slot.desc()).first()
    if last is None:
        return [current]
    slots, slot = [], job.after(last.slot)
    while slot <= current:
        slots.append(slot)
        slot = job.after(slot)
    if job.catch_up == "each" or len(slots) < 2:
        return slots
    _record_missed(job, branch_id, slots[:-1], actor)
    return slots[-1:]


def _record_missed(job, branch_id, slots, actor):
    older = len(slots) - MISSED_AT_MOST
    rows = [
        {
            "job": job.name,
            "branch_id": branch_id,
            "slot": slot,
            "state": "missed",
            "began_at": actor.now,
            "done_at": actor.now,
            "result": {"and_before": older} if place == 0 and older > 0 else None,
        }
        for place, slot in enumerate(slots[-MISSED_AT_MOST:])
    ]
    with transaction():
        JobRun.insert_many(rows).on_conflict_ignore().execute()
        if job.missed:
            names = [row["slot"] for row in rows]
            key = (JobRun.job == job.name, JobRun.branch_id == branch_id, JobRun.slot.in_(names))
            job.missed(actor, list(JobRun.select().where(*key, JobRun.state == "missed").order_by(JobRun.slot)))


def last_run(job, branch_id=0):
    """The latest run of a job that came to an end, or None."""
    mine = (JobRun.job == job, JobRun.branch_id == branch_id, JobRun.state.in_(("done", "failed")))
    return JobRun.select().where(*mine).order_by(JobRun.slot.desc()).first()


def prune(before):
    """Forget what went well, or was missed, before a moment, in small transactions. Returns how many.

    Failures stay, and the latest slot of each job, from which the next ones are counted.
    """
    gone, later = 0, JobRun.alias()
    same = (later.job == JobRun.job, later.branch_id == JobRun.branch_id, later.slot > JobRun.slot)
    while True:
        went_well = JobRun.state.in_(("done", "missed")) & peewee.fn.EXISTS(later.select(later.id).where(*same))
        old = JobRun.select(JobRun.id).where(JobRun.done_at < before, went_well | (JobRun.state == "working"))
        ids = [row.id for row in old.order_by(JobRun.id).limit(500)]
        gone += JobRun.delete().where(JobRun.id.in_(ids)).execute() if ids else 0
        if len(ids) < 500:
            return gone
