"""A plugin that fails after the commit is named, counted, ended, set aside and taken back; the others go on, nothing is lost."""

import sys
from dataclasses import replace
from datetime import timedelta

import pytest

import plugins as shipped
from core import access, faulty, findings, outbox, plugins, schedule, switches
from core.apart import Apart
from core.audit import AuditEntry, verify
from core.closings import FrozenMeasure
from core.database import refresh, transaction
from core.findings import Finding
from core.jobs import JobRun
from core.notices import Notice
from core.people import person_by_login
from core.start import start
from core.testing import actor, branch, console, local, record
from core.worker import Worker
from tests.house.conftest import DRILL
from tests.house.troublemakers import AFTERWARDS, IN_THE_TRANSACTION, Troublemakers, what_of

BEGUN, NEXT_MONTH = local("2025-03-03 10:00"), local("2025-04-01 10:00")
CULPRITS = {kind: f"trouble_{place}" for place, kind in enumerate(AFTERWARDS)}
HERE = [pytest.param(mode, id=mode) for mode in ("raises", "exits", "rubbish")]
MODES = ("hangs", "ends", "deaf")
TURNS = range(3) if DRILL else range(1)
MARCH = "2025-03"


@pytest.fixture
def makers(settings, tmp_path, monkeypatch, without):
    """A plugin for every kind of call, and a bystander that does all of it well; on in TJ and BJ."""
    folder = tmp_path / "more"
    folder.mkdir()
    made = Troublemakers(folder, [*CULPRITS.values(), "bystander"])
    monkeypatch.setattr(shipped, "__path__", [*shipped.__path__, str(folder)])
    kept, roles = plugins.registry(), dict(access.ROLES)
    start(settings, without=without)
    for name, code in [(name, code) for name in (*CULPRITS.values(), "bystander") for code in ("TJ", "BJ")]:
        switches.switch(console(local("2025-03-01 09:00")), name, branch(code), "on", reason="测试")
    yield made
    for name in [n for n in sys.modules if n.startswith(("plugins.trouble_", "plugins.bystander"))]:
        del sys.modules[name]
    plugins._registry = kept
    access.ROLES.clear()
    access.ROLES.update(roles)
    faulty.limits["in_a_row"] = settings.hook_failures


def jobs(settings):
    mine = ("check:trouble_", "check:bystander", schedule.CLOSE_MONTH)
    return [job for job in schedule.all_jobs(settings) if job.name.startswith(mine)]


def life(settings, apart=None):
    """A complaint that comes to a red warning, which closes; then the month closes. All of it is worked off by a worker."""
    one = Worker(settings, jobs(settings), apart=apart)
    for login, code in (("alice", "TJ"), ("frank", "BJ")):
        record("complaint", actor(login, BEGUN), code=code)
    work(one, BEGUN + timedelta(days=7))
    assert Finding.select().count()
    with transaction():
        findings.close_many(console(BEGUN + timedelta(days=8)), Finding.select())
    work(one, BEGUN + timedelta(days=8))
    work(one, NEXT_MONTH)
    return one


def work(one, at, seconds=0):
    for late in (0, 1, 2):  # the second time, what the first found set aside is left
        one.round(at + timedelta(seconds=seconds + late))
        if one.apart:
            one.round_apart(at + timedelta(seconds=seconds + late))
    refresh()


def told_wrong(makers, orders):
    """That everything of everybody else was called, and that every order was carried out."""
    done = makers.done()
    for place in orders:
        assert (place, orders[place]) in done, place  # a hook that this life does not call must be taught to it
    assert {call for call, _ in done if call.startswith("bystander.")} >= {f"bystander.{kind}" for kind in AFTERWARDS}
    others = {f"{name}.{kind}" for name in CULPRITS.values() for kind in AFTERWARDS} - set(orders)
    assert len(others) > 20
    for rows in (Finding.select(), JobRun.select().where(JobRun.job.startswith("check:bystander"))):
        assert rows.count()
    states = {r.state for r in JobRun.select().where(JobRun.job.startswith("check:bystander"))}
    assert states == {"done", "missed"}  # the worker was away for days between
    frozen = FrozenMeasure.select().where(FrozenMeasure.measure == "bystander_rate", FrozenMeasure.period == MARCH)
    assert frozen.count()  # the month was closed for the others


def taken_back(makers, one, culprits, at):
    makers.order({})
    for name in culprits:
        if faulty.is_aside(name):
            faulty.take_back(console(at), name, "已修好")
    for hours in range(0, 12, 3):
        work(one, at + timedelta(hours=hours))
    assert outbox.waiting() == (0, 0)
    assert not outbox.Message.select().where(outbox.Message.done_at.is_null()).exists()
    failed = [(r.job, r.slot) for r in JobRun.select() if r.state in ("claimed", "failed") and "error:" not in r.job]
    assert failed == []
    measures = {row.measure for row in FrozenMeasure.select().where(FrozenMeasure.period == MARCH)}
    assert {f"{name}_rate" for name in culprits} <= measures
    assert faulty.set_aside_now() == {} and faulty.in_trouble() == {} and verify() == []


@pytest.mark.parametrize("mode", HERE)
def test_what_fails_after_the_commit_leaves_the_others_is_counted_set_aside_and_taken_back(makers, settings, mode):
    orders = {f"{name}.{kind}": mode for kind, name in CULPRITS.items()}
    makers.order(orders)
    faulty.limits["in_a_row"] = 1
    one = life(settings)
    told_wrong(makers, orders)
    wrong = {kind: name for kind, name in CULPRITS.items() if mode != "rubbish" or kind in ("check", "measure")}
    counted = {(row.plugin, row.what): row for row in faulty.PluginTrouble.select()}
    assert set(counted) == {(name, what_of(name, kind)) for kind, name in wrong.items()}
    assert set(faulty.set_aside_now()) == set(wrong.values()) and wrong
    for row in counted.values():
        assert "李雷" not in row.error and row.total and (row.plugin in row.error or mode == "rubbish")
    admin = Notice.select().where(Notice.person == person_by_login("admin"), Notice.tone == "red")
    assert {name for name in wrong.values() if any(name in n.text["zh"] for n in admin)} == set(wrong.values())
    assert AuditEntry.select().where(AuditEntry.verb == "set_aside").count() == len(wrong)
    taken_back(makers, one, CULPRITS.values(), NEXT_MONTH + timedelta(hours=1))


@pytest.mark.parametrize("turn", TURNS)
def test_what_hangs_ends_the_process_or_hears_no_signal_is_ended_named_and_set_aside(makers, settings, turn):
    hasty = replace(settings, hook_seconds=1, hook_failures=1, job_lease_seconds=1)
    faulty.limits["in_a_row"] = 1
    modes = {kind: MODES[(place + turn) % 3] for place, kind in enumerate(CULPRITS)}
    orders = {f"{name}.{kind}": modes[kind] for kind, name in CULPRITS.items()}
    makers.order(orders)
    apart = Apart(hasty)
    one = life(hasty, apart)
    told_wrong(makers, orders)
    counted = {(row.plugin, row.what): row.error for row in faulty.PluginTrouble.select()}
    assert set(counted) == {(name, what_of(name, kind)) for kind, name in CULPRITS.items()}
    for kind, name in CULPRITS.items():
        said = counted[name, what_of(name, kind)]
        assert (f"{name}/__init__.py" in said) if modes[kind] != "ends" else ("ended the process" in said)
    assert set(faulty.set_aside_now()) == set(CULPRITS.values())
    taken_back(makers, one, CULPRITS.values(), NEXT_MONTH + timedelta(hours=1))
    apart.end()


def test_nothing_of_a_plugin_that_is_set_aside_is_called_until_it_is_taken_back(makers, settings):
    faulty.set_aside(console(BEGUN), "bystander", "等待修复")
    one = life(settings)
    assert not [call for call, _ in makers.done() if call.startswith("bystander.")]
    assert {call for call, _ in makers.done()} >= {f"trouble_0.{kind}" for kind in (*AFTERWARDS, *IN_THE_TRANSACTION)}
    assert outbox.Message.select().where(outbox.Message.plugin == "bystander", outbox.Message.done_at.is_null()).count()
    makers.order({})
    faulty.take_back(console(NEXT_MONTH), "bystander", "已修好")
    work(one, NEXT_MONTH + timedelta(hours=1))
    assert {call for call, _ in makers.done()} >= {f"bystander.{kind}" for kind in AFTERWARDS}
    assert outbox.waiting() == (0, 0)
