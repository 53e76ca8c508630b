"""Checks: what must hold of each record of a population. The core scopes, counts, keeps the findings and says n of N."""

from dataclasses import dataclass
from datetime import timedelta

import peewee

from core import findings
from core.access import system
from core.audit import note
from core.database import alone, door, is_trouble, transaction
from core.errors import Fault, Refused
from core.faulty import asking, is_aside
from core.findings import Finding
from core.jobs import Job
from core.language import Words, say
from core.organisation import Branch, organisation
from core.plugins import registry
from core.records.model import Record
from core.records.visibility import visible_to
from core.switches import branches_with, local_day

GRACE = timedelta(hours=1)  # a check is overdue when its slot has passed by so much
CHUNK = 200  # judged, and what is found of them kept, in one transaction
own = []  # the checks of the core itself; set at start by core.start


@dataclass(frozen=True)
class Found:
    """What a judgement found. `period` tells several findings about one subject apart."""

    message: str
    period: str = ""


@dataclass(frozen=True)
class Check:
    """One thing that must hold: `judge(row, now)` of each row of the query `over()` returns finding(...), or None."""

    name: str
    label: Words
    clauses: tuple
    over: object
    judge: object
    every: object = "day"  # as of a Job

    def __call__(self, row, now):
        return self.judge(row, now)


def check(*, over, clauses=(), every="day", label=""):
    """Make a Check of a function (row, now) named as what holds when all is well.

    Its docstring is the sentence that people read; `label` says the same in Chinese. `over` returns the query of its
    population: of a record type, or of a table of the core that has a branch. `every` is "day", "month" or a timedelta.
    """

    def made(judge):
        sentence = (judge.__doc__ or "").strip().split("\n")[0]
        return Check(judge.__name__, Words(label or sentence, sentence), tuple(clauses), over, judge, every)

    return made


def finding(message, period=""):
    """What a check's function returns where something is wrong."""
    return Found(str(message), period)


def all_checks():
    """Every check there is, by its full name: {"plugin.name": (plugin, Check)}; those of the core first."""
    declared = [("core", each) for each in own]
    declared += [(name, each) for name, plugin in registry().plugins.items() for each in plugin.manifest.checks]
    found = {f"{plugin}.{each.name}": (plugin, each) for plugin, each in declared}
    return {name: pair for name, pair in found.items() if f"check:{name}" not in registry().without}


def faults(loaded):
    """What is wrong with the checks that the plugins of a Registry declare, as sentences for their authors."""
    found = []
    for plugin, module in loaded.plugins.items():
        for each in module.manifest.checks:
            where = f"plugins/{plugin}: check {getattr(each, 'name', each)!r}"
            if not isinstance(each, Check):
                found.append(f"{where} is no check. Write @check(over=...) above the function.")
            elif not (each.judge.__doc__ or "").strip():
                found.append(f"{where} has no docstring. Say in a sentence what holds when all is well.")
            elif each.every not in ("day", "month") and not hasattr(each.every, "total_seconds"):
                found.append(f'{where}: every = {each.every!r} is neither a timedelta, "day" nor "month".')
    return found


def is_overdue(each, run, now):
    """Whether a check should have run again since a run of it (a JobRun)."""
    return run.slot < Job(run.job, each.every, None).slot(now - GRACE)


def name_of(plugin, each):
    """The full name of a check, and the `source` of its findings without "check:"."""
    return f"{plugin}.{each.name}"


def population(plugin, each, now, branch=None):
    """The query of what a check looks at: where its plugin is on, in one branch and below or everywhere."""
    query = each.over()
    model = query.model
    where = branches_with(plugin, now) if plugin != "core" else frozenset(organisation().branches)
    if branch is not None:
        where &= organisation().subtree(branch.id)
    if issubclass(model, Record):
        query = visible_to(system(now), model, query=query)
    return query.where(_inside(_branch_column(model), where)), model


def _inside(column, where):
    if not where:
        return peewee.SQL("1 = 0")
    inside = column.in_(sorted(where))
    return inside | column.is_null() | (column == 0) if _root() in where else inside  # of no branch: of the group


def _branch_column(model):
    if model is Branch:
        return model.id
    column = model._meta.fields.get("branch") or model._meta.fields.get("branch_id")
    if column is None:
        raise TypeError(f"a check over {model.__name__}, which has no branch: look at a table that has one.")
    return column


def _root():
    return next((branch.id for branch in organisation().branches.values() if branch.parent_id is None), None)


def run(each, now, branch=None, *, actor=None, beat=None):
    """Look at the whole population and keep what is found: {looked_at, found, opened, closed, branches}.

    A finding opens once, closes by itself when the cause is gone, and comes back as a new episode; a waived one stays
    waived until its day. `branches` maps a branch id to [looked_at, found]. `beat` is called between transactions.
    """
    plugin = _plugin_of(each)
    actor = actor or system(now, "job")
    counts = {"looked_at": 0, "found": 0, "opened": 0, "closed": 0, "branches": {}}
    source, still = f"check:{name_of(plugin, each)}", set()
    wrong = []
    for rows, found in _judged(plugin, each, now, branch, wrong):
        _count(counts, rows, found)
        still |= {_identity(item) for item in found}
        counts["opened"] += _keep(actor, source, found)
        if beat:
            beat()
    if wrong:  # what it found of other rows stands, but it cannot say what is gone
        raise wrong[0]
    counts["closed"] = _close_gone(actor, plugin, source, still, branch, beat)
    return counts


def would_say(each, now, branch=None):
    """What a run as of `now` would find: (counts, [finding as a dict]). Nothing is written."""
    counts, said = {"looked_at": 0, "found": 0, "branches": {}}, []
    wrong = []
    for rows, found in _judged(_plugin_of(each), each, now, branch, wrong):
        _count(counts, rows, found)
        said += found
    if wrong:
        raise wrong[0]
    return counts, said


def _plugin_of(each):
    return next(plugin for plugin, known in all_checks().values() if known is each)


def _judged(plugin, each, now, branch, wrong):
    """The population in chunks, by id, each with what is found of it: (rows, [finding as a dict]).

    The first error that the judgement of a row raised goes into `wrong`; the other rows are judged all the same.
    """
    if is_aside(plugin):
        raise Refused(say("插件“{plugin}”已搁置", "plugin {plugin} is set aside", plugin=plugin))
    what = f"check:{each.name}"
    with asking(plugin, what, now):
        query, model = population(plugin, each, now, branch)
    last = 0
    while True:
        rows, found = [], []
        try:
            with asking(plugin, what, now):
                rows = list(query.where(model.id > last).order_by(model.id).limit(CHUNK))
                _look(plugin, each, model, rows, now, found)
        except (Exception, SystemExit) as error:
            if is_trouble(error) or not rows:
                raise
            wrong.append(error)
        if not rows:
            return
        last = rows[-1].id
        yield rows, found


def _look(plugin, each, model, rows, now, found):
    """Judge every row, adding to `found`; what the first that failed raised is raised in the end."""
    wrong = []
    for row in rows:
        try:
            found += _of(plugin, each, model, row, now)
        except (Exception, SystemExit) as error:
            if is_trouble(error):
                raise
            wrong.append(error)
    if wrong:
        raise wrong[0]


def _of(plugin, each, model, row, now):
    said = each.judge(row, now)
    said = () if said is None else said if isinstance(said, (list, tuple)) else (said,)
    if not all(isinstance(one, Found) for one in said):
        raise TypeError(f"{each.name} returned {type(said[0]).__name__}, not finding(...) or None")
    return [
        {
            "branch_id": _branch_of(row),
            "plugin": plugin,
            "source": f"check:{name_of(plugin, each)}",
            "record": model._meta.table_name,
            "record_id": row.id,
            "period": one.period,
            "message": one.message,
            "owner_id": getattr(row, "owner_id", None),
            "department_id": getattr(row, "department_id", None),
        }
        for one in said
    ]


def _branch_of(row):
    return row.id if isinstance(row, Branch) else row.branch_id or _root()


def _identity(item):
    return item["record"], item["record_id"], item["period"]


def _count(counts, rows, found):
    counts["looked_at"] += len(rows)
    counts["found"] += len(found)
    for place, things in enumerate((map(_branch_of, rows), (item["branch_id"] for item in found))):
        for branch_id in things:
            counts["branches"].setdefault(branch_id, [0, 0])[place] += 1


def _keep(actor, source, found):
    """Open what is new, and open again what was waived until a day that is past. Returns how many."""
    if not found:
        return 0
    with transaction():
        alone(source, wait=True)  # a run by hand and a scheduled one find the same thing once
        standing = findings.standing(source, {item["record_id"] for item in found})
        by_identity = {(row.record, row.record_id, row.period): row for row in standing}
        new = [item for item in found if _identity(item) not in by_identity]
        findings.number(new)
        findings.open_many(actor, new)
        back = [
            row for row in standing if row.state == "waived" and row.waived_until < local_day(actor.now, row.branch_id)
        ]
        here = {_identity(item) for item in found}
        back = [row for row in back if (row.record, row.record_id, row.period) in here]
        for row in back:
            _set(actor, row, "reopen", {"state": "open", "waived_until": None})
    return len(new) + len(back)


def _close_gone(actor, plugin, source, still, branch, beat):
    """Close what stands of a source, where its plugin is on, and was not found again."""
    where = branches_with(plugin, actor.now) if plugin != "core" else frozenset(organisation().branches)
    if branch is not None:
        where &= organisation().subtree(branch.id)
    ids = [
        row.id
        for row in Finding.select(Finding.id, Finding.record, Finding.record_id, Finding.period).where(
            Finding.source == source, Finding.state.in_(findings.STANDING), Finding.branch_id.in_(sorted(where))
        )
        if (row.record, row.record_id, row.period) not in still
    ]
    closed = 0
    for first in range(0, len(ids), CHUNK):
        with transaction():
            chunk = Finding.select().where(Finding.id.in_(ids[first : first + CHUNK]))
            closed += len(findings.close_many(actor, chunk))
        if beat:
            beat()
    return closed


def waive(actor, row, until, reason):
    """Let a check's finding rest until a day (inclusive) by somebody who may. Raises Denied or Refused."""
    actor.require("core.check.waive", row.branch_id)
    faults = []
    if not row.source.startswith("check:"):
        faults.append(Fault("finding", say("时限的预警不能豁免", "a limit that was passed cannot be waived")))
    if until <= local_day(actor.now, row.branch_id):
        faults.append(Fault("until", say("应晚于今天", "a day after today")))
    if not reason.strip():
        faults.append(Fault("reason", say("请写明理由", "a reason is needed"), "required"))
    with transaction():
        row = findings.locked(Finding.select().where(Finding.id == row.id)).get()
        if row.state not in findings.STANDING:
            faults.append(Fault("finding", say("该发现已消除", "this finding is closed already")))
        if faults:
            raise Refused(*faults)
        _set(actor, row, "waive", {"state": "waived", "waived_until": until, "reason": reason}, reason)
    return row


def _set(actor, row, verb, values, reason=""):
    changes = {name: [getattr(row, name), value] for name, value in values.items() if name != "reason"}
    with door():
        Finding.update(values).where(Finding.id == row.id).execute()
    told = {name: [None if v is None else str(v) for v in pair] for name, pair in changes.items()}
    note(actor, verb, "finding", row.id, row.branch_id, told, reason)
    for name, value in values.items():
        setattr(row, name, value)
