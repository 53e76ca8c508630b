"""The checks that the core itself ships: on the calendar, on its people, and on the checks themselves."""

import zlib
from datetime import timedelta

import peewee

from core import faulty, findings
from core.access import Grant
from core.business_calendar import calendar_of
from core.checks import all_checks, check, finding, is_overdue
from core.jobs import JobRun
from core.language import say
from core.organisation import Branch, organisation
from core.people import Person
from core.records.sealed import Seal
from core.switches import local_day

WORKING = ("staff", "department_head", "management")


@check(over=lambda: Branch.select().where(Branch.parent.is_null()), label="次年放假安排最迟在 12 月 1 日前录入")
def coming_holidays_published(branch, now):
    """From 1 December on the holidays of the coming year are in the calendar."""
    today = local_day(now, branch.id)
    wanted = [today.year] + [today.year + 1] * (today.month == 12)
    return [
        finding(
            say(
                "{year} 年放假安排尚未录入:时限只能暂算,请按国务院办公厅通知录入日历",
                "the holidays of {year} are not in the calendar: limits are provisional. Enter the year's notice",
                year=year,
            ),
            period=str(year),
        )
        for year in wanted
        if year not in calendar_of(branch.id).published
    ]


def _people_at_work():
    working = Grant.select(Grant.person).where(Grant.role.in_(WORKING), Grant.ended_at.is_null())
    return Person.select().where(Person.is_active, Person.id.in_(working))


@check(over=_people_at_work, label="在岗人员都有所属部门")
def staff_have_a_department(person, now):
    """Everybody at work belongs to a department."""
    if person.department_id is None:
        return finding(
            say(
                "{name}({login})没有所属部门:请在人员页选择部门",
                "{name} ({login}) has no department: choose one on the page of people",
                name=person.name,
                login=person.login,
            )
        )


@check(over=lambda: Seal.select().where(Seal.erased_at.is_null()), label="法定保存期届满的个人信息都已删除")
def run_out_is_erased(seal, now):
    """Personal data that was sealed is erased once its legal period has run out."""
    if seal.until + timedelta(days=1) < local_day(now, seal.branch_id):
        return finding(
            say(
                "封存的 {record} {id} 保存期至 {until},已届满而未删除:请查看每日任务",
                "the sealed {record} {id} was to be kept until {until} and is not erased yet: look at the daily jobs",
                record=seal.record,
                id=seal.row_id,
                until=seal.until,
            )
        )


def _latest_runs():
    later = JobRun.alias()
    same = (later.job == JobRun.job, later.branch_id == JobRun.branch_id, later.slot > JobRun.slot)
    return JobRun.select().where(
        JobRun.job.startswith("check:"), ~peewee.fn.EXISTS(later.select(later.id).where(*same))
    )


@check(over=_latest_runs, every=timedelta(hours=1), label="各项检查都按时运行过")
def checks_ran(run, now):
    """Every check ran when it should have."""
    known = all_checks().get(run.job.removeprefix("check:"))
    if known is None:
        return None
    is_given_up = run.state == "missed" or (run.state == "failed" and run.lease_until is None)
    if is_given_up or (run.state != "claimed" and is_overdue(known[1], run, now)):
        return finding(_not_run(run, known[1]))


def _not_run(run, each, others=0):
    return say(
        "检查“{label}”在 {slot} 应运行而未完成{others}{error}",
        'the check "{label}" was to run for {slot} and did not{others}{error}',
        label=each.label,
        slot=run.slot,
        others=say("(此前另有 {n} 次)", " (and {n} times before)", n=others) if others else "",
        error=say(":{error}", ": {error}", error=run.error) if run.error else "",
    )


def missed(actor, rows):
    """Open a finding at once where runs of a check were missed or given up; called in the transaction that records it."""
    known = all_checks().get(rows[-1].job.removeprefix("check:")) if rows else None
    head_office = next((b.id for b in organisation().branches.values() if b.parent_id is None), None)
    if known is None or head_office is None:
        return
    item = {
        "branch_id": head_office,
        "plugin": "core",
        "source": SOURCE,
        "record": "job_run",
        "record_id": rows[-1].id,
        "message": _not_run(rows[-1], known[1], len(rows) - 1),
    }
    if not findings.standing(SOURCE, [rows[-1].id]):
        findings.number([item])
        findings.open_many(actor, [item])


def has_run(actor, job):
    """Close what was found of the missing runs of a check: it has run again."""
    runs = JobRun.select(JobRun.id).where(JobRun.job == job)
    about = (findings.Finding.source == SOURCE, findings.Finding.record_id.in_(runs))
    findings.close_many(actor, findings.Finding.select().where(*about))


@check(
    over=lambda: Branch.select().where(Branch.parent.is_null()), every=timedelta(hours=1), label="没有插件出错或被搁置"
)
def plugins_are_well(branch, now):
    """No plugin fails or is set aside."""
    aside, failing = faulty.set_aside_now(), {plugin for plugin, _ in faulty.in_trouble()}
    found = [
        _plugin_finding(name, "插件“{name}”已搁置", "plugin {name} is set aside", "aside") for name in sorted(aside)
    ]
    for name in sorted(failing - set(aside)):
        found.append(_plugin_finding(name, "插件“{name}”出错", "plugin {name} fails", "fails"))
    return found


def _plugin_finding(name, zh, en, how):
    return finding(say(zh, en, name=name), period=f"{how[0]}{zlib.crc32(name.encode()):x}")


SOURCE = f"check:core.{checks_ran.name}"
ALL = (coming_holidays_published, staff_have_a_department, plugins_are_well, run_out_is_erased, checks_ran)
