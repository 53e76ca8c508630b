"""One bad plugin hurts nobody: a rule that fails refuses the save by name; what fails after the commit leaves the others."""

import sys
import threading
from dataclasses import replace
from datetime import timedelta

import peewee
import pytest

from core import Extension, Rule, checks, faulty, outbox, own_checks, schedule
from core.audit import AuditEntry, verify
from core.closings import FrozenMeasure
from core.database import db, is_sqlite, refresh, transaction
from core.errors import Denied, NotFound, Refused
from core.findings import Finding
from core.jobs import Job, JobRun
from core.notices import Notice
from core.outbox import Message
from core.people import person_by_login
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


def test_a_delivery_that_was_overtaken_by_another_write_is_done_once(settings, monkeypatch):
    """On SQLite a delivery holds nobody up until it writes, so somebody may have written before it."""
    calls, here = [], branch("TJ").id

    def mark(slot):
        JobRun.insert(job="mark", slot=slot, state="done", began_at=NOON).execute()

    def overtaken(plugin, payload, actor):
        calls.append(JobRun.select().count())
        if len(calls) == 1:
            other = threading.Thread(target=lambda: (mark("other"), db.close()))
            other.start()
            other.join()
        mark(f"hook{len(calls)}")

    monkeypatch.setitem(outbox.handlers, "told", overtaken)
    with transaction():
        outbox.tell(NOON, [("timeliness", "told", here, "a:1", {})])
    assert outbox.deliver(NOON) == 1
    marks = {row.slot for row in JobRun.select().where(JobRun.job == "mark")}
    assert marks == {"other", "hook2" if is_sqlite() else "hook1"}
    assert Message.get().done_at == NOON and Message.get().tries == 0


@pytest.mark.parametrize("bad", BAD)
def test_a_job_that_fails_is_noted_and_leaves_the_others(settings, bad):
    jobs = [Job("bad", timedelta(seconds=1), bad), Job("good", timedelta(seconds=1), lambda actor, run: {"rows": 1})]
    Worker(settings, jobs).round(NOON)
    assert JobRun.get(JobRun.job == "bad").state == "failed"
    assert JobRun.get(JobRun.job == "good").state == "done"


def complaint(record, actor, at="2026-02-10 10:00"):
    return record("complaint", actor("alice", at))


def as_rule(bad):
    def rule(record, change):
        return bad(record, change)

    return rule


def failing(kind, bad, monkeypatch):
    """Let timeliness fail by a hook, by a rule on another's record, or as the owner of a record (cases); who and what."""
    if kind == "validate_record":
        monkeypatch.setitem(registry().hooks, "validate_record", [("timeliness", bad)])
        return "timeliness", "validate_record"
    if kind == "rule of an extension":
        added = ("timeliness", Extension("complaint", rules=(Rule(as_rule(bad), "X1"),)))
        monkeypatch.setitem(registry().extensions, "complaint", [*registry().extensions["complaint"], added])
        return "timeliness", "rule:complaint.rule"
    cases = registry().plugins["cases"]
    rules = {**cases.manifest.rules, "complaint": (Rule(as_rule(bad), "X1"),)}
    monkeypatch.setattr(cases, "manifest", replace(cases.manifest, rules=rules))
    return "cases", "rule:complaint.rule"


KINDS = ("validate_record", "rule of an extension", "rule of its own record")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [*BAD, RUBBISH[0]])
def test_a_rule_that_fails_refuses_until_an_admin_sets_its_plugin_aside(actor, record, monkeypatch, kind, bad):
    broken = [True]
    plugin, what = failing(kind, lambda record, change: bad(record, change) if broken else None, monkeypatch)
    for tries in range(1, 8):  # more often than what runs after the commit may fail
        with pytest.raises(Refused):
            complaint(record, actor)
        counted = faulty.PluginTrouble.get()
        assert (counted.plugin, counted.what, counted.in_row) == (plugin, what, tries)
    refresh()
    assert not faulty.is_aside(plugin)
    told = list(Notice.select().where(Notice.person == person_by_login("admin")))
    assert len(told) == 1 and str(registry().plugins[plugin].title.zh) in told[0].text["zh"]
    faulty.set_aside(actor("admin", "2026-02-10 11:00"), plugin, "规则有误,等待修复")
    kept = complaint(record, actor, "2026-02-10 11:01")
    assert kept.id and not [n for n in faulty.unasked("complaint") if n.name != plugin]
    entry = AuditEntry.get(AuditEntry.verb == "set_aside")
    assert (entry.actor, entry.reason) == ("admin", "规则有误,等待修复")
    faulty.take_back(actor("admin", "2026-02-10 12:00"), plugin, "已修好")
    with pytest.raises(Refused):
        complaint(record, actor, "2026-02-10 12:01")
    broken.clear()
    assert complaint(record, actor, "2026-02-10 12:02").id
    refresh()
    assert faulty.in_trouble() == {} and verify() == []


def test_trouble_of_the_database_in_a_rule_is_no_fault_of_the_plugin(actor, record, monkeypatch):
    def gone(*_, **__):
        raise peewee.InterfaceError("the connection is closed")

    monkeypatch.setitem(registry().hooks, "validate_record", [("timeliness", gone)])
    with pytest.raises(peewee.InterfaceError):
        complaint(record, actor)
    assert faulty.PluginTrouble.select().count() == 0


def test_only_who_may_sets_aside_and_never_without_a_reason(actor, group):
    for login in ("alice", "bob", "carol", "security", "auditor"):
        with pytest.raises(Denied):
            faulty.set_aside(actor(login, NOON), "timeliness", "理由")
    admin = actor("admin", NOON)
    for act in (faulty.set_aside, faulty.take_back):
        with pytest.raises(NotFound):
            act(admin, "nowhere", "理由")
        with pytest.raises(Refused):
            act(admin, "timeliness", "  ")
    with pytest.raises(Refused):
        faulty.take_back(admin, "timeliness", "理由")
    faulty.set_aside(admin, "timeliness", "理由")
    with pytest.raises(Refused):
        faulty.set_aside(admin, "timeliness", "理由")
    assert faulty.SetAside.select().count() == 1


def test_the_pages_tell_what_fails_and_what_is_set_aside(sign_in, actor, record, monkeypatch):
    failing("validate_record", raises, monkeypatch)
    with pytest.raises(Refused):
        complaint(record, actor)
    admin = sign_in("admin", NOON)
    page = admin.get("/plugins/").text
    assert "ValueError (" not in page and "<code>validate_record</code> × 1" in page and "因为测试" not in page
    assert admin.send("/plugins/set-aside", {"plugin": "timeliness", "reason": ""}).status_code == 422
    assert admin.send("/plugins/set-aside", {"plugin": "timeliness", "reason": "等待修复"}).status_code == 303
    for address in ("/plugins/", "/jobs/"):
        assert "已搁置" in admin.get(address).text
    alice = sign_in("alice", NOON)
    assert "它的规则暂不检查" in alice.get("/records/complaint/").text
    assert alice.send("/plugins/take-back", {"plugin": "timeliness", "reason": "x"}).status_code == 403
    admin = sign_in("admin", NOON)
    assert admin.send("/plugins/take-back", {"plugin": "timeliness", "reason": "已修好"}).status_code == 303
    assert "它的规则暂不检查" not in sign_in("alice", NOON).get("/records/complaint/").text


def test_a_check_says_what_fails_and_what_is_set_aside_until_it_is_well(settings, actor, record, monkeypatch):
    failing("validate_record", raises, monkeypatch)
    with pytest.raises(Refused):
        complaint(record, actor)
    refresh()
    assert checks.run(own_checks.plugins_are_well, NOON)["found"] == 1
    faulty.set_aside(actor("admin", NOON), "timeliness", "等待修复")
    assert checks.run(own_checks.plugins_are_well, NOON)["opened"] == 1
    faulty.take_back(actor("admin", NOON), "timeliness", "已修好")
    assert checks.run(own_checks.plugins_are_well, NOON)["found"] == 0


@pytest.mark.parametrize("bad", [*BAD, RUBBISH[0]])
def test_a_measure_that_fails_is_named_on_its_page_and_leaves_the_others(sign_in, monkeypatch, bad):
    timeliness = registry().plugins["timeliness"]
    first, *others = timeliness.manifest.measures
    measures = (replace(first, count=lambda scope: bad(scope, None)), *others)
    monkeypatch.setattr(timeliness, "manifest", replace(timeliness.manifest, measures=measures))
    page = sign_in("carol", NOON).get("/measures/?branch=TJ&period=2026-01")
    assert page.status_code == 200 and f"指标“{first.label.zh}”的插件出错" in page.text
    assert others and all(other.label.zh in page.text for other in others)
    assert faulty.PluginTrouble.get().what == f"measure:{first.name}"


def test_a_check_that_fails_on_one_row_judges_those_of_the_other_branches(settings, actor, record, monkeypatch):
    for login, code in (("alice", "TJ"), ("frank", "BJ")):
        record("complaint", actor(login, "2026-02-10 10:00"), code=code)

    def judge(row, now):
        """Each is well."""
        return 1 / 0 if row.branch.code == "TJ" else checks.finding("wrong")

    each = checks.check(over=lambda: registry().models["complaint"].select())(judge)
    timeliness = registry().plugins["timeliness"]
    monkeypatch.setattr(timeliness, "manifest", replace(timeliness.manifest, checks=(each,)))
    with pytest.raises(ZeroDivisionError):
        checks.run(each, NOON)
    assert [row.branch_id for row in Finding.select().where(Finding.plugin == "timeliness")] == [branch("BJ").id]
    assert faulty.PluginTrouble.get().what == "check:judge"


def test_a_measure_that_fails_does_not_keep_the_others_from_being_closed(settings, monkeypatch):
    timeliness = registry().plugins["timeliness"]
    first, *others = timeliness.manifest.measures
    measures = (replace(first, count=raises), *others)
    monkeypatch.setattr(timeliness, "manifest", replace(timeliness.manifest, measures=measures))
    one = Worker(settings, [job for job in schedule.all_jobs(settings) if job.name == schedule.CLOSE_MONTH])
    for minutes in (0, 5):
        one.round(local("2026-03-02 09:00") + timedelta(minutes=minutes))
    frozen = {row.measure for row in FrozenMeasure.select().where(FrozenMeasure.period == "2026-02")}
    named = {measure.name for plugin in registry().plugins.values() for measure in plugin.manifest.measures}
    assert frozen == named - {first.name} and others
    assert JobRun.select().where(JobRun.job == schedule.CLOSE_MONTH, JobRun.state == "failed").exists()


def test_what_was_given_up_of_a_plugin_is_told_again_when_it_is_taken_back(settings, actor, monkeypatch):
    broken = [True]
    monkeypatch.setitem(outbox.handlers, "told", lambda *_: 1 / (0 if broken else 1))
    with transaction():
        outbox.tell(NOON, [("timeliness", "told", branch("TJ").id, "a:1", {})])
    for hours in range(outbox.TRIES):
        outbox.deliver(NOON + timedelta(hours=hours))
    assert outbox.waiting() == (0, 1)
    faulty.set_aside(actor("admin", NOON), "timeliness", "等待修复")
    broken.clear()
    faulty.take_back(actor("admin", NOON), "timeliness", "已修好")
    refresh()
    assert outbox.deliver(NOON) == 1 and outbox.waiting() == (0, 0)
