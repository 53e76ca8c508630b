"""The daily backup: a file a day in the data folder, the newest of them kept, and the check that says where one is missing."""

import shutil
from datetime import timedelta
from pathlib import Path

from core import backup, findings
from core.checks import GRACE, check, finding
from core.database import alone, transaction
from core.jobs import Job, JobRun
from core.language import say
from core.organisation import Branch, organisation

NAME = "core.backup"


def jobs_of(settings):
    """The job that writes the backups of an installation; none where that is switched off."""
    if not settings.backup_daily:
        return []
    return [Job(NAME, "day", lambda actor, run: _save(settings, actor, run), missed=_missed)]


def checks_of(settings):
    """The check that there is a backup of each day; none where they are switched off."""

    @check(
        over=lambda: Branch.select().where(Branch.parent.is_null()),
        every=timedelta(hours=1),
        label="每日备份按时完成",
    )
    def daily_backup_made(branch, now):
        """There is a whole backup of today."""
        wanted = Job(NAME, "day", None).slot(now - GRACE)
        if _newest() < wanted:
            return finding(_not_made(wanted, _error_of(wanted)))

    return [daily_backup_made] if settings.backup_daily else []


def path_of(settings, day):
    """The file that the backup of a day is kept in; `day` as YYYY-MM-DD."""
    return settings.backups / f"zhixing-{day}.zip"


def kept(settings):
    """The daily backups that are there, oldest first."""
    return sorted(settings.backups.glob("zhixing-????-??-??.zip"))


def _newest():
    """The latest day whose backup was made and is there still; empty where there is none."""
    runs = JobRun.select().where(JobRun.job == NAME, JobRun.state == "done").order_by(JobRun.slot.desc())
    return next((run.slot for run in runs if Path(run.result["file"]).exists()), "")


def _save(settings, actor, run):
    settings.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path_of(settings, run.slot)
    with run.kept_alive():
        _clear_broken_off(settings.backups)
        if not path.exists():  # else a worker made it and died before it could say so
            backup.save(path, settings, actor.now)
    for old in kept(settings)[: -settings.keep_backups] if settings.keep_backups > 0 else ():
        old.unlink()
    return {"file": str(path)}


def _clear_broken_off(folder):
    """Remove what a worker left that was killed in the middle of a backup."""
    for part in folder.glob("*.part"):
        part.unlink()
    for copy in folder.glob("backup-*/"):
        shutil.rmtree(copy)


def _missed(actor, rows):
    """Open a finding at once where a backup failed for good or was missed; the check closes it when there is one again."""
    head_office = next((b.id for b in organisation().branches.values() if b.parent_id is None), None)
    if not rows or head_office is None:
        return
    item = {
        "branch_id": head_office,
        "plugin": "core",
        "source": SOURCE,
        "record": Branch._meta.table_name,
        "record_id": head_office,
        "message": _not_made(rows[-1].slot, rows[-1].error),
    }
    with transaction():
        alone(SOURCE, wait=True)  # the check may be about to find the same
        if not findings.standing(SOURCE, [head_office]):
            findings.number([item])
            findings.open_many(actor, [item])


def _error_of(day):
    run = JobRun.get_or_none(JobRun.job == NAME, JobRun.branch_id == 0, JobRun.slot == day)
    return run.error if run else ""


def _not_made(day, error):
    return say(
        "{day} 的每日备份没有完成{error}。请查看磁盘空间和备份文件夹的权限,或用 zhixing backup 手工备份",
        "the daily backup of {day} was not made{error}. See to disk space and the rights of the folder of backups, "
        "or run zhixing backup by hand",
        day=day,
        error=say(":{error}", ": {error}", error=error) if error else "",
    )


SOURCE = "check:core.daily_backup_made"
