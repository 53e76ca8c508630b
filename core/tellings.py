"""What goes to plugins through the outbox, and how each kind of message is handed to them."""

from core import notices, outbox
from core.errors import Refused
from core.faulty import asking
from core.findings import Finding
from core.language import say
from core.plugins import registry
from core.switches import is_on


def record_changed(context, model, changes):
    """Put into the outbox what plugins want to hear of changed records: an effect of every write."""
    record = model._meta.record
    listening = [
        name
        for name, _ in registry().implementing("record_changed")
        if record in registry().plugins[name].manifest.follows and is_on(name, context.branch_id, context.now)
    ]
    if listening:
        messages = [
            (
                name,
                "record_changed",
                change.record.branch_id,
                change.record.soft_id(),
                {"record": record, "id": change.record.id, "event": change.event},
            )
            for change in changes
            for name in listening
        ]
        outbox.tell(context.now, messages)


def _record_changed(plugin, payload, actor):
    model = registry().models[payload["record"]]
    record = model.get_or_none(model.id == payload["id"])
    if record is not None and record.batch_id and record.batch.done_at is None:
        raise Refused(say("它所属的导入尚未完成,稍后再告知", "its import is not done: to be told again later"))
    if record is not None:
        _call(plugin, "record_changed", actor, record=record, event=payload["event"])


def _finding_opened(plugin, payload, actor):
    finding = Finding.get_by_id(payload["finding"])
    for answer in registry().plugins[plugin].manifest.answers:
        if answer.colour == finding.colour and f"answer:{plugin}.{answer.name}" not in registry().without:
            with asking(plugin, f"answer:{answer.name}", actor.now):
                answer.act(finding, actor)
    notices.finding_opened(plugin, payload, actor)
    _call(plugin, "finding_opened", actor, finding=finding)


def _finding_closed(plugin, payload, actor):
    _call(plugin, "finding_closed", actor, finding=Finding.get_by_id(payload["finding"]))


def _call(plugin, hook, actor, **values):
    """Call a plugin's hook, where it has one."""
    implemented = dict(registry().implementing(hook)).get(plugin)
    if implemented:
        with asking(plugin, hook, actor.now):
            implemented(**values, actor=actor)


HANDLERS = {"record_changed": _record_changed, "finding_opened": _finding_opened, "finding_closed": _finding_closed}
