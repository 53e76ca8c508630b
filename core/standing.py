"""How each check stands in a branch: when it last ran, over how many, and in which of eight words."""

from dataclasses import dataclass

import peewee

from core.checks import all_checks, is_overdue
from core.faulty import is_aside
from core.findings import STANDING, Finding
from core.jobs import JobRun
from core.language import Words
from core.organisation import organisation
from core.plugins import registry
from core.records.model import Record
from core.switches import is_on

WORDS = {
    "clean": Words("无异常", "Nothing found"),
    "found": Words("有异常", "Found"),
    "waived": Words("已豁免", "Waived"),
    "nothing": Words("无可检查对象", "Nothing to look at"),
    "not_run": Words("未按时运行", "Did not run"),
    "error": Words("运行出错", "Error"),
    "not_applicable": Words("不适用", "Not applicable here"),
    "off": Words("未启用", "Off"),
    "set_aside": Words("插件已搁置", "Plugin set aside"),
}


@dataclass(frozen=True)
class Standing:
    """A check in a branch and below it: `state` is one of WORDS; `found` of `looked_at`, `waived` among the found."""

    name: str
    label: Words
    clauses: tuple
    every: object
    state: str
    looked_at: int = 0
    found: int = 0
    waived: int = 0
    last_at: object = None
    error: str = ""


def standings(branch, now):
    """How every check stands in a branch with all below it, by name."""
    below = organisation().subtree(branch.id)
    last, open_ = _last_runs(), _findings(below)
    return [_standing(name, *pair, branch, below, now, last, open_) for name, pair in sorted(all_checks().items())]


def _standing(name, plugin, each, branch, below, now, last, open_):
    run, source = last.get(f"check:{name}"), f"check:{name}"
    found = {state: open_.get((source, state), 0) for state in STANDING}
    told = {"name": name, "label": each.label, "clauses": each.clauses, "every": each.every}
    if not is_on(plugin, branch.id, now):
        return Standing(**told, state="off")
    if is_aside(plugin):
        return Standing(**told, state="set_aside")
    if not _is_applicable(each, branch.id, now):
        return Standing(**told, state="not_applicable")
    if run is None:
        return Standing(**told, state="not_run")
    by_branch = (run.result or {}).get("branches", {})
    looked_at = sum(pair[0] for branch_id, pair in by_branch.items() if int(branch_id) in below)
    counted = {"looked_at": looked_at, "found": sum(found.values()), "waived": found["waived"]}
    state = _state(each, run, counted, now)
    return Standing(**told, **counted, state=state, last_at=run.done_at, error=run.error)


def _state(each, run, counted, now):
    if run.state == "failed":
        return "error"
    if run.state == "missed" or is_overdue(each, run, now):
        return "not_run"
    if counted["looked_at"] == 0:
        return "nothing"
    if counted["found"] == 0:
        return "clean"
    return "waived" if counted["found"] == counted["waived"] else "found"


def _is_applicable(each, branch_id, now):
    """Whether what the check looks at is on in the branch: it may be a record of another plugin."""
    model = each.over().model
    return not issubclass(model, Record) or is_on(registry().plugin_of.get(model._meta.record, ""), branch_id, now)


def _last_runs():
    """The latest run of every check that has come to an end: {job: JobRun}."""
    ended = JobRun.state.in_(("done", "failed", "missed"))
    later = JobRun.alias()
    newer = (later.job == JobRun.job, later.branch_id == JobRun.branch_id, later.slot > JobRun.slot)
    is_last = ~peewee.fn.EXISTS(later.select(later.id).where(*newer, later.state.in_(("done", "failed", "missed"))))
    return {run.job: run for run in JobRun.select().where(JobRun.job.startswith("check:"), ended, is_last)}


def _findings(below):
    """How many findings of each check stand in some branches: {(source, state): number}."""
    mine = (Finding.source.startswith("check:"), Finding.state.in_(STANDING), Finding.branch_id.in_(sorted(below)))
    query = Finding.select(Finding.source, Finding.state, peewee.fn.COUNT(Finding.id)).where(*mine)
    return {(source, state): n for source, state, n in query.group_by(Finding.source, Finding.state).tuples()}
