"""The ledger of background work: each slot once, whatever dies; missed slots recorded or caught up."""

from datetime import timedelta

import pytest

from core import jobs
from core.database import transaction
from core.jobs import Job, JobRun, LeaseLost
from core.testing import branch, local
from core.worker import Worker

LEASE = timedelta(seconds=60)
NOON = local("2026-02-10 12:00")


def nothing(actor, run):
    return None


@pytest.mark.parametrize(
    "every, at, slot",
    [
        pytest.param("day", "2026-02-10 00:00", "2026-02-10", id="a day begins at midnight in Shanghai"),
        pytest.param("day", "2026-02-09 23:59:59", "2026-02-09", id="not a second before"),
        pytest.param("month", "2026-03-02 00:00", "2026-02", id="a month closes on Monday, where the 1st is a Sunday"),
        pytest.param("month", "2026-03-01 23:59", "2026-01", id="and not on that Sunday"),
        pytest.param("month", "2026-01-04 00:00", "2025-12", id="a Sunday that is worked is a business day: 4 January"),
        pytest.param("month", "2026-01-03 12:00", "2025-11", id="New Year's holidays are none"),
        pytest.param("month", "2026-10-08 00:00", "2026-09", id="after the National Day week"),
        pytest.param(timedelta(minutes=10), "2026-02-10 12:09:59", "2026-02-10T04:00:00Z", id="ten minutes are cut in UTC"),
    ],
)  # fmt: skip
def test_the_latest_slot_that_has_come(group, every, at, slot):
    assert Job("j", every, nothing).slot(local(at), branch("TJ").id) == slot


@pytest.mark.parametrize("every", [timedelta(0), "weekly", "* * * * *", None])
@pytest.mark.pure
def test_a_job_with_a_wrong_interval_does_not_start(every):
    with pytest.raises(ValueError, match='neither a timedelta, "day" nor "month"'):
        Job("j", every, nothing)


def test_a_slot_is_claimed_once(group):
    assert jobs.claim("j", 0, "2026-02-10", "one", NOON, LEASE).tries == 1
    assert jobs.claim("j", 0, "2026-02-10", "two", NOON, LEASE) is None
    assert jobs.claim("j", 5, "2026-02-10", "two", NOON, LEASE).tries == 1  # another branch is another run


def test_a_run_is_taken_over_when_its_lease_is_past_and_the_first_worker_cannot_finish_it(group):
    first = jobs.claim("j", 0, "s", "one", NOON, LEASE)
    assert jobs.stale(NOON + LEASE) == []
    later = NOON + LEASE + timedelta(seconds=1)
    assert [row.slot for row in jobs.stale(later)] == ["s"]
    second = jobs.claim("j", 0, "s", "two", later, LEASE)
    for give_in in (first.beat, first.done, lambda: first.failed(ValueError())):
        with pytest.raises(LeaseLost):
            give_in()
    second.done({"n": 1})
    row = JobRun.get(JobRun.job == "j")
    assert (row.state, row.worker, row.tries, row.result) == ("done", "two", 2, {"n": 1})
    assert jobs.claim("j", 0, "s", "three", later + timedelta(days=1), LEASE) is None


def test_a_lost_lease_undoes_the_effect(group):
    first = jobs.claim("j", 0, "s", "one", NOON, LEASE)
    jobs.claim("j", 0, "s", "two", NOON + 2 * LEASE, LEASE)
    with pytest.raises(LeaseLost), transaction():
        JobRun.insert(job="effect", slot="x", state="done", began_at=NOON).execute()
        first.done()
    assert not JobRun.select().where(JobRun.job == "effect").exists()


def test_a_beat_keeps_the_lease(group):
    run = jobs.claim("j", 0, "s", "one", NOON, LEASE)
    run.began -= 50  # as if 50 seconds had gone by
    run.beat()
    assert jobs.stale(NOON + timedelta(seconds=100)) == []
    assert jobs.stale(NOON + timedelta(seconds=120)) != []


def test_a_failing_run_is_tried_again_a_few_times_and_then_stays_for_all_to_see(settings):
    tried, told = [], []

    def fail(actor, run):
        tried.append(actor.now)
        raise ValueError("因为测试")

    worker = Worker(settings, [Job("j", "day", fail, missed=lambda actor, rows: told.append([r.slot for r in rows]))])
    for minutes in range(0, 60, 1):
        worker.round(NOON + timedelta(minutes=minutes))
    row = JobRun.get(JobRun.job == "j")
    assert (row.state, row.tries, row.lease_until) == ("failed", jobs.TRIES, None) and row.error.startswith(
        "ValueError at "
    )
    assert len(tried) == jobs.TRIES and told == [["2026-02-10"]]
    waits = [(b - a).total_seconds() for a, b in zip(tried, tried[1:], strict=False)]
    assert waits == sorted(waits) and waits[0] >= 30


def test_a_run_that_kills_its_workers_is_given_up(settings):
    for n in range(jobs.TRIES):
        jobs.claim("j", 0, "2026-02-10", f"w{n}", NOON + n * 2 * LEASE, LEASE)
    told = []
    worker = Worker(settings, [Job("j", "day", nothing, missed=lambda actor, rows: told.extend(rows))])
    worker.round(NOON + timedelta(hours=1))
    row = JobRun.get(JobRun.job == "j")
    assert (row.state, row.error) == ("failed", "no worker came to its end") and told == [row]


def test_missed_slots_are_recorded_and_the_latest_runs_once(settings):
    ran, told = [], []
    job = Job("j", "day", lambda a, run: ran.append((run.slot, a.now)), missed=lambda a, rows: told.extend(rows))
    Worker(settings, [job]).round(NOON)
    back = NOON + timedelta(days=4)
    for worker in (Worker(settings, [job]), Worker(settings, [job])):
        worker.round(back)
        worker.round(back + timedelta(seconds=10))
    assert ran == [("2026-02-10", NOON), ("2026-02-14", back)]
    missed = JobRun.select().where(JobRun.state == "missed").order_by(JobRun.slot)
    assert [row.slot for row in missed] == ["2026-02-11", "2026-02-12", "2026-02-13"] and told == list(missed)


def test_a_long_gap_is_recorded_within_bounds(settings):
    job = Job("j", timedelta(minutes=10), nothing)
    Worker(settings, [job]).round(NOON)
    Worker(settings, [job]).round(NOON + timedelta(days=2))
    missed = list(JobRun.select().where(JobRun.state == "missed").order_by(JobRun.slot))
    assert len(missed) == jobs.MISSED_AT_MOST
    assert missed[0].result == {"and_before": 2 * 144 - 1 - jobs.MISSED_AT_MOST}


def test_a_job_that_catches_up_runs_once_for_each_missed_period_and_branch(settings):
    ran = []
    job = Job("j", "month", lambda a, run: ran.append((run.branch_id, run.slot)), per_branch=True, catch_up="each")
    Worker(settings, [job]).round(local("2026-02-02 08:00"))
    everywhere = job.branches()
    assert ran == [(branch_id, "2026-01") for branch_id in everywhere]
    Worker(settings, [job]).round(local("2026-05-06 08:00"))
    later = [pair for pair in ran if pair[1] != "2026-01"]
    assert later == [(branch_id, slot) for branch_id in everywhere for slot in ("2026-02", "2026-03", "2026-04")]


def test_an_older_slot_left_by_a_dead_worker_counts_as_missed_where_only_the_latest_runs(settings):
    jobs.claim("j", 0, "2026-02-09", "dead", NOON - timedelta(days=1), LEASE)
    ran = []
    Worker(settings, [Job("j", "day", lambda a, run: ran.append(run.slot))]).round(NOON)
    states = dict(JobRun.select(JobRun.slot, JobRun.state).where(JobRun.job == "j").tuples())
    assert ran == ["2026-02-10"] and states == {"2026-02-09": "missed", "2026-02-10": "done"}


def test_what_went_well_is_forgotten_and_failures_and_the_latest_slot_stay(group):
    with transaction():
        JobRun.delete().execute()
        for slot, state in (("1", "done"), ("2", "failed"), ("3", "missed"), ("4", "done"), ("5", "done")):
            JobRun.insert(job="j", slot=slot, state=state, began_at=NOON, done_at=NOON).execute()
        JobRun.insert(job="k", slot="1", state="done", began_at=NOON, done_at=NOON).execute()
        JobRun.update(done_at=NOON + timedelta(days=2)).where(JobRun.slot == "4").execute()
    assert jobs.prune(NOON + timedelta(days=1)) == 2
    assert sorted(JobRun.select(JobRun.job, JobRun.slot).tuples()) == [("j", "2"), ("j", "4"), ("j", "5"), ("k", "1")]
