"""One bad plugin hurts nobody: a rule that fails refuses the save by name; what fails after the commit leaves the others."""

import sys
from datetime import timedelta

import pytest

from core import outbox
from core.database import transaction
from core.errors import Refused
from core.jobs import Job, JobRun
from core.outbox import Message
from core.plugins import registry
from core.records.context import Change, Context
from core.records.judging import judged
from core.switches import is_on
from core.testing import branch, console, local
from core.worker import Worker
from tests.house.filling import Filling

NOON = local("2026-02-10 12:00")


def raises(*_, **__):
    raise ValueError("因为测试")


def exits(*_, **__):
    sys.exit(0)


BAD = [pytest.param(raises, id="raises"), pytest.param(exits, id="calls sys.exit")]
RUBBISH = [pytest.param(lambda record, change, said=said: said, id=repr(said)) for said in (5, "wrong", True, [None])]


@pytest.mark.parametrize("bad", [*BAD, *RUBBISH])
def test_a_hook_in_the_transaction_that_fails_refuses_the_save_and_names_the_plugin(actor, record, monkeypatch, bad):
    monkeypatch.setitem(registry().hooks, "validate_record", [("timeliness", bad)])
    with pytest.raises(Refused) as refused:
        record("complaint", actor("alice", "2026-02-10 10:00"))
    faults = [fault for fault in refused.value.faults if fault.code == "plugin-failed"]
    assert len(faults) == 1 and "timeliness" in faults[0].message
    assert registry().models["complaint"].select().count() == 0 and Message.select().count() == 0


@pytest.mark.parametrize("bad", [*BAD, *RUBBISH])
def test_whatever_plugin_fails_on_whatever_record_is_named(settings, monkeypatch, bad):
    here, filling = branch("TJ"), Filling(NOON)
    on = [name for name in registry().plugins if is_on(name, here.id, NOON)]
    monkeypatch.setitem(registry().hooks, "validate_record", [(name, bad) for name in on])
    for model in registry().models.values():
        change = Change(filling.record(model, here), event="change")
        faults = judged(Context(console(NOON), here.id, model), change)
        told = [fault.message for fault in faults if fault.code == "plugin-failed"]
        assert len(told) == len(on) and all(name in text for name, text in zip(on, told, strict=True)), model


@pytest.mark.parametrize("bad", BAD)
def test_a_delivery_that_fails_is_kept_for_another_try_and_leaves_the_others(settings, monkeypatch, bad):
    got = []
    monkeypatch.setitem(outbox.handlers, "bad", bad)
    monkeypatch.setitem(outbox.handlers, "good", lambda plugin, payload, actor: got.append(payload))
    here = branch("TJ").id
    with transaction():
        outbox.tell(NOON, [("timeliness", "bad", here, "a:1", {}), ("cases", "good", here, "b:1", {"n": 1})])
    Worker(settings, []).round(NOON)
    failed = Message.get(Message.kind == "bad")
    assert got == [{"n": 1}] and failed.tries == 1 and failed.error and failed.done_at is None


@pytest.mark.parametrize("bad", BAD)
def test_a_job_that_fails_is_noted_and_leaves_the_others(settings, bad):
    jobs = [Job("bad", timedelta(seconds=1), bad), Job("good", timedelta(seconds=1), lambda actor, run: {"rows": 1})]
    Worker(settings, jobs).round(NOON)
    assert JobRun.get(JobRun.job == "bad").state == "failed"
    assert JobRun.get(JobRun.job == "good").state == "done"
