"""An import from its first chunk to its last: invisible until it is done, undone when it breaks off.

A batch shows by `alive_at`, renewed in the transaction of each chunk, that its process lives. One that has been silent for
longer than LEASE is taken for broken off: it is marked failed first, so that its process, should it wake, writes no more.
"""

from datetime import UTC, datetime, timedelta

import peewee

from core import audit
from core.access import heads_of, holders_of, system
from core.clocks import Clock, ClockEvent
from core.database import door, transaction
from core.errors import Fault, Refused
from core.language import say
from core.notices import tell
from core.organisation import organisation
from core.plugins import registry
from core.records.model import Batch

LEASE = timedelta(seconds=10)
CHUNK = 300


def begin(actor, model, branch_id, source):
    """A new Batch. Raises Refused while another of the same records runs in the branch."""
    name = model._meta.record
    with transaction():
        running = Batch.select().where(Batch.record == name, Batch.branch == branch_id, Batch.done_at.is_null()).first()
        if running is not None:
            raise Refused(
                Fault(
                    "",
                    say(
                        "“{source}”正在导入本机构,请等它完成;若它已中断,{seconds} 秒后再试",
                        '"{source}" is being imported into this branch. Wait for it; if it broke off, try in {seconds} seconds',
                        source=running.source,
                        seconds=int(LEASE.total_seconds()),
                    ),
                    "busy",
                )
            )
        batch = Batch.create(
            record=name,
            branch=branch_id,
            person=actor.person_id,
            source=source[:255],
            began_at=actor.now,
            alive_at=_now(),
        )
        audit.note(actor, "begin", "batch", batch.id, branch_id, {"source": [None, source]})
    return batch


def keep_alive(batch):
    """Say, in the transaction of a chunk, that the import goes on. Raises Refused where it was given up meanwhile."""
    mine = Batch.update(alive_at=_now()).where(Batch.id == batch.id, Batch.done_at.is_null(), ~Batch.failed)
    if not mine.execute():
        raise Refused(
            Fault(
                "",
                say(
                    "这次导入太久没有进展,已被撤销,没有导入任何内容。请重新导入",
                    "this import stood still for too long and was undone. Nothing was imported: import it anew",
                ),
                "undone",
            )
        )


def finish(actor, batch, model, counts):
    """Let everybody see what the batch brought, in the transaction of its last chunk; heads are told what is late."""
    Batch.update(done_at=actor.now).where(Batch.id == batch.id).execute()
    audit.note(actor, "finish", "batch", batch.id, batch.branch_id, {k: [None, v] for k, v in counts.items()})
    late = (
        Clock.select(Clock.department_id, peewee.fn.COUNT(Clock.record_id.distinct()))
        .where(
            Clock.record == batch.record,
            Clock.state.in_(("yellow", "red")),
            Clock.record_id.in_(model.select(model.id).where(model.batch == batch.id)),
        )
        .group_by(Clock.department_id)
    )
    for department_id, count in late.tuples():
        _tell_heads(actor, batch, model, department_id, count)


def _tell_heads(actor, batch, model, department_id, count):
    branch, label = organisation().branches[batch.branch_id], model._meta.label
    heads = heads_of(department_id) if department_id else []
    tell(
        heads or holders_of("management", batch.branch_id),
        actor.now,
        occasion=f"import:{batch.id}:{department_id or 0}",
        branch_id=batch.branch_id,
        zh=f"导入“{batch.source}”:{branch.name}有 {count} 件{label.zh}尚未办结,已临近或超过时限。",
        en=f'Import "{batch.source}": {branch.name}, {label.en}: {count} still open, near or past their limit.',
        tone="yellow",
        record=batch.record,
    )


def undo(actor, batch):
    """Take away everything that a batch brought, in chunks.

    The trail keeps that rows came and went, their values are erased from it; no id is given a second time.
    """
    with transaction():
        Batch.update(failed=True).where(Batch.id == batch.id).execute()
    removed = {}
    for name, model in reversed(registry().models.items()):  # what refers to others goes before them
        while ids := [row.id for row in model.select(model.id).where(model.batch == batch.id).limit(CHUNK)]:
            with transaction(), door():
                model.delete().where(model.id.in_(ids)).execute()
                for about in (Clock, ClockEvent):
                    about.delete().where(about.record == name, about.record_id.in_(ids)).execute()
                audit.note(actor, "undo", "batch", batch.id, batch.branch_id, {name: [ids, None]})
                audit.erase(actor, _entries(name, ids), "undone")
            removed[name] = removed.get(name, 0) + len(ids)
    with transaction():
        Batch.update(done_at=actor.now).where(Batch.id == batch.id).execute()
        told = {name: [count, None] for name, count in removed.items()}
        audit.note(actor, "undone", "batch", batch.id, batch.branch_id, told)


def _entries(name, ids):
    entry = audit.AuditEntry
    return [row.id for row in entry.select(entry.id).where(entry.record == name, entry.row_id.in_(ids))]


def clean_up(now):
    """Undo the imports that broke off (killed, full disk): at start, and before each import. Returns how many."""
    broken = list(Batch.select().where(Batch.done_at.is_null(), Batch.failed | (Batch.alive_at < now - LEASE)))
    for batch in broken:
        undo(system(now, "import"), batch)
    return len(broken)


def _now():
    return datetime.now(UTC)  # the lease runs in real time, also where an actor stands at another moment
