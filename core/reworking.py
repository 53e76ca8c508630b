"""Working clocks out anew after a switch, a calendar or a limit has changed: after the commit, in small transactions.

What is to be done is kept in the ledger in the transaction of the change, so that a worker does it where the process dies.
"""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

from core import jobs
from core.access import system
from core.clocks import OPEN, Clock, follow, locked
from core.database import transaction
from core.jobs import Job, JobRun
from core.organisation import organisation
from core.plugins import registry
from core.records.context import Change, Context

CHUNK = 100  # records in one transaction
AT_ONCE = 1.5  # seconds of it that somebody waits for
LEASE = timedelta(seconds=60)


def switched(actor, changes):
    """Where a plugin came on: what fell due meanwhile is judged, not warned of."""
    on = [(branch_id, plugin) for branch_id, plugin, _, after in changes if after.is_on]
    _afterwards(actor, [pair for pair in on if registry().plugins[pair[1]].limits], only_open=False, history=True)


def recalendar(actor, branch, year):
    """What is open, after a calendar has changed; verdicts stand as they were given."""
    _afterwards(actor, [(branch_id, None) for branch_id in _below(branch)], only_open=True, history=False)


def relimit(actor, branch, limit):
    """What is open, after a limit has changed for work begun from a day on."""
    _afterwards(actor, [(branch_id, limit.plugin) for branch_id in _below(branch)], only_open=True, history=False)


def _below(branch):
    return sorted(organisation().subtree(branch.id) if branch else organisation().branches)


def _afterwards(actor, pairs, **how):
    """Work out anew, once this transaction stands, the clocks of (branch id, plugin or None: any)."""
    if not pairs:
        return
    slot = f"{actor.now:%Y-%m-%dT%H:%M:%S}.{secrets.token_hex(4)}"
    with transaction() as current:
        run = jobs.claim(REWORK.name, 0, slot, "after the change", actor.now, LEASE)
        kept = {"now": actor.now.isoformat(), "pairs": pairs, **how}
        JobRun.update(result=kept).where(JobRun.id == run.id).execute()
        current.after_commit.append(lambda: _at_once(run, kept))


def _at_once(run, how):
    """Do it now, where it is soon done; much work is left to the worker."""
    until = monotonic() + AT_ONCE
    with suppress(TooMuch):
        _rework_all(run, how, until)


class TooMuch(Exception):
    """More work than somebody who waits for a page should wait for."""


def _rework_all(run, how, until=None):
    """Do what the ledger keeps, and mark it done. What was due before the change is judged, where `history` says so."""
    changed_at, count = datetime.fromisoformat(how["now"]), 0

    def beat():
        if until is not None and monotonic() > until:
            run.leave()
            raise TooMuch
        run.beat()

    for branch_id, plugin in how["pairs"]:
        count += rework(run, branch_id, plugin, how["only_open"], changed_at if how["history"] else None, beat)
    run.done({"now": how["now"], "records": count})


REWORK = Job(
    "core.rework", "day", lambda actor, run: _rework_all(run, JobRun.get_by_id(run.id).result), catch_up="each"
)


def rework(run, branch_id, plugin, only_open, history_until, beat):
    """Work out anew the clocks of the records of a branch that the limits of a plugin (None: any) speak of.

    As of the present moment of the run; what was due before `history_until` is not warned of. `beat` is called between
    transactions. Returns how many records.
    """
    names = {limit["record"] for p in registry().plugins.values() for limit in p.limits if plugin in (None, p.name)}
    count = 0
    for name in sorted(names & set(registry().models)):
        model = registry().models[name]
        query = model.select().where(model.branch == branch_id).order_by(model.id)
        if only_open:
            open_ids = Clock.select(Clock.record_id).where(
                Clock.record == name, Clock.branch_id == branch_id, Clock.state.in_(OPEN)
            )
            query = query.where(model.id.in_(open_ids))
        last, size = 0, CHUNK
        while size == CHUNK:
            with transaction():
                chunk = list(locked(query.where(model.id > last).limit(CHUNK)))
                size, last = len(chunk), chunk[-1].id if chunk else last
                context = Context(system(run.present), branch_id, model, history_until=history_until)
                follow(context, model, [Change(record, {}, "rework", "rework", context) for record in chunk])
            count += size
            if size:
                beat()
    return count
