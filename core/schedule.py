"""The jobs of the core: when each is due, and what it does."""

from datetime import UTC, date, datetime, time, timedelta

from core import attachments, audit, checks, closings, daily_backup, dispatches, jobs, outbox, own_checks, switches
from core.access import system
from core.database import transaction
from core.jobs import Job, JobRun
from core.measures import period_days
from core.organisation import organisation, zone_of
from core.personal import requests
from core.plugins import registry
from core.reworking import REWORK

CLOSE_MONTH = "core.close_month"


def all_jobs(settings):
    """Every job of this installation; the sweep and the outbox are no jobs, the worker runs them all the time."""
    return [
        Job(CLOSE_MONTH, "month", _close_month, per_branch=True, catch_up="each", is_apart=True),
        Job("core.export_heads", "day", lambda actor, run: _export_heads(actor, run, settings.audit_heads)),
        Job("core.prune", "day", lambda actor, run: _prune(actor, run, settings)),
        Job("core.erase_run_out", "day", lambda actor, run: {"erased": requests.erase_run_out(actor, settings.files)}),
        *daily_backup.jobs_of(settings),
        *sorted(map(_check_job, checks.all_checks().items()), key=lambda job: job.name == own_checks.SOURCE),
    ]  # whether every check ran is asked when they have


def _check_job(named):
    name, (plugin, each) = named

    def run_check(actor, run):
        counts = checks.run(each, actor.now, actor=actor, beat=run.beat)
        with transaction():
            own_checks.has_run(actor, run.job)
            run.done(counts)

    theirs = {"is_apart": True, "plugin": plugin} if plugin != "core" else {}
    return Job(f"check:{name}", each.every, run_check, missed=own_checks.missed, **theirs)


def _close_month(actor, run):
    branch, (first, _) = organisation().branches[run.branch_id], period_days(run.slot)
    if branch.closed_on is not None and branch.closed_on <= first:
        return {"rows": 0}
    *earlier, last = closings.measures_to_close(branch, actor.now)
    done = sum(closings.close_period(actor, branch, run.slot, names) for names in earlier)
    closings.close_period(actor, branch, run.slot, last, finish=lambda count: run.done({"rows": done + count}))
    return None


def plugin_moved(actor, verb, plugin, words, row):
    """When a plugin is taken back: the months that were closed without its measures are closed again, which adds them."""
    if verb == "take_back" and registry().plugins[plugin].manifest.measures:
        without = (JobRun.job == CLOSE_MONTH, JobRun.state == "done", JobRun.done_at >= row.begun_at)
        JobRun.update(state="failed", lease_until=actor.now, tries=0).where(*without).execute()


def _export_heads(actor, run, folder):
    return {"file": audit.export_heads(folder, run.slot, actor.now).name}


def _prune(actor, run, settings):
    before = actor.now - timedelta(days=settings.keep_job_days)
    gone = {"job_run": jobs.prune(before)}
    run.beat()
    gone["outbox"] = outbox.prune(before)
    run.beat()
    gone["dispatch"] = dispatches.prune(actor.now, timedelta(days=settings.keep_job_days))
    run.beat()
    return {**gone, "files": attachments.tidy(settings.files, actor.now - timedelta(days=1))}


def switch_slots(settings, now):
    """Where and for which day entries made ahead have come into force: [(branch_id, slot)], for the ledger to run once."""
    since = now.date() - timedelta(days=settings.keep_job_days - 1)  # further back the ledger knows nothing
    due = [(branch_id, day) for branch_id, day in switches.coming(since) if day <= switches.local_day(now, branch_id)]
    return [(branch_id, day.isoformat()) for branch_id, day in sorted(due)]


def _follow(actor, run):
    day = date.fromisoformat(run.slot)
    midnight = datetime.combine(day, time.min, zone_of(run.branch_id)).astimezone(
        UTC
    )  # what falls due later is warned of
    changes = switches.come_into_force(system(midnight, "job"), run.branch_id, day)
    return {"changed": [[name, after.is_on] for _, name, _, after in changes]}


FOLLOW_SWITCHES = Job("core.follow_switches", "day", _follow, per_branch=True, catch_up="each")
FOLLOWING = {job.name: job for job in (FOLLOW_SWITCHES, REWORK)}  # what follows from a change, not from the time
