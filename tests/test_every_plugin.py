"""What every plugin owes, asked of all of them: closed to strangers, blind to other branches, whole after off and on."""

import importlib
import pkgutil
from itertools import product
from pathlib import Path

import pytest

import plugins as shipped
from core import records, switches
from core.access import grant
from core.clocks import Clock
from core.database import refresh
from core.errors import SwitchedOff
from core.fields import Described
from core.language import Words
from core.people import add_person
from core.plugins import registry
from core.records.visibility import permission, visible_to
from core.regulation import ledger
from core.testing import branch, console, local, work
from plugins.timeliness.models import RectificationMeasure, RectificationReport

NAMES = sorted(item.name for item in pkgutil.iter_modules(shipped.__path__))
NOW = "2025-03-05 09:00"
ROOT = Path(__file__).resolve().parent.parent


def manifest(name):
    return importlib.import_module(f"plugins.{name}").plugin_manifest()


MODELS = [(name, model) for name in NAMES for model in manifest(name).models]
each_plugin = pytest.mark.parametrize("name", NAMES)
each_model = pytest.mark.parametrize("name, model", MODELS, ids=[model._meta.record for _, model in MODELS])


@pytest.fixture
def filled(record, actor):
    """Both branches with at least one record of every type: late complaints, and what follows from them."""
    for code, login in (("TJ", "alice"), ("BJ", "frank")):
        by = actor(login, "2025-03-03 10:00")
        customer = record(
            "customer", by, code=code, name="李雷", phone="13800000000", identity_number="110101199001011234"
        )
        record("complaint", by, code=code, customer=customer.id, contact_means="13800000000")
    work("2025-03-04 18:00")
    for code, head in (("TJ", "bob"), ("BJ", "grace")):
        report = RectificationReport.get(RectificationReport.branch == branch(code).id)
        given = {"report": report.id, "measure": "增加坐席", "due_on": "2025-03-10"}
        records.create(actor(head, NOW), RectificationMeasure, given, branch=branch(code))


def counts():
    return {model._meta.record: model.select().count() for _, model in MODELS}


@pytest.fixture
def everything(filled):
    assert min(counts().values()) >= 2, f"give `filled` a record of each type in both branches: {counts()}"
    return counts()


# ---- who sees what


@each_model
def test_closed_to_strangers(everything, actor, name, model):
    add_person(console(), "stranger", "陌生人", branch("TJ"))
    stranger = actor("stranger", NOW)
    assert visible_to(stranger, model).count() == 0
    assert not stranger.may(permission(model, "view"), branch("TJ").id)


@each_model
def test_blind_to_other_branches(everything, actor, name, model):
    for login, code in (("alice", "TJ"), ("bob", "TJ"), ("carol", "TJ"), ("frank", "BJ")):
        seen = visible_to(actor(login, NOW), model)
        assert seen.count() >= 1 and {row.branch_id for row in seen} == {branch(code).id}, login


@each_model
def test_seen_by_who_may_at_head_office(everything, actor, name, model):
    assert visible_to(actor("auditor", NOW), model).count() == everything[model._meta.record]


@each_model
def test_personal_data_is_masked_for_who_may_not_see_it(everything, actor, name, model):
    personal = [column for column in model.by_api_name().values() if column.personal]
    row = model.get(model.branch == branch("TJ").id)
    for login, is_clear in (("carol", False), ("alice", True)):
        shown = records.as_json(row, actor(login, NOW))
        for column in personal:
            value = getattr(row, column.name)
            if value:
                assert (shown[column.api_name] == value) is is_clear, (login, column.name)


# ---- off and on


@each_plugin
def test_off_is_off_and_nothing_is_lost(everything, actor, name):
    chosen = [n for n in NAMES if not manifest(n).business and name in (n, *_needed(n))]
    before = {model._meta.record: [row.__data__ for row in model.select().order_by(model.id)] for _, model in MODELS}
    clocks = [(c.id, c.due_at, c.started_at) for c in Clock.select().order_by(Clock.id)]
    for regulation in chosen:
        switches.switch(console(local(NOW)), regulation, branch("TJ"), "off", reason="暂停")
    refresh()
    off = [model for owner, model in MODELS if not switches.is_on(owner, branch("TJ").id, local(NOW))]
    assert {model for owner, model in MODELS if owner == name} <= set(off)
    for model in off:
        for login in ("alice", "admin", "auditor"):
            seen = visible_to(actor(login, NOW), model)
            assert branch("TJ").id not in {row.branch_id for row in seen}, f"{login} sees {model.__name__}"
        with pytest.raises(SwitchedOff):
            records.create(console(local(NOW)), model, {}, branch=branch("TJ"))
    assert work("2025-03-06 10:00") is not None
    for regulation in chosen:
        switches.switch(console(local("2025-03-06 10:00")), regulation, branch("TJ"), "on", reason="恢复")
    refresh()
    for _, model in MODELS:
        here = [row for row in before[model._meta.record] if row["branch"] == branch("TJ").id]
        assert [
            row.__data__ for row in model.select().where(model.branch == branch("TJ").id).order_by(model.id)
        ] == here
    kept = {c.id: (c.id, c.due_at, c.started_at) for c in Clock.select()}
    assert [kept[row[0]] for row in clocks] == clocks


def _needed(name):
    direct = manifest(name).depends
    return {*direct, *(further for needed in direct for further in _needed(needed))}


@each_plugin
def test_off_or_on_the_other_branch_notices_nothing(everything, actor, name):
    before = {model: list(visible_to(actor("frank", NOW), model).order_by(model.id)) for _, model in MODELS}
    for regulation in [n for n in NAMES if not manifest(n).business and name in (n, *_needed(n))]:
        switches.switch(console(local(NOW)), regulation, branch("TJ"), "off")
    assert {model: list(visible_to(actor("frank", NOW), model).order_by(model.id)) for _, model in MODELS} == before


# ---- what is declared


def _labels(model):
    yield from ((f"{model.__name__}.{c.name}", c.label) for c in model._meta.sorted_fields if isinstance(c, Described))
    yield model.__name__, model._meta.label
    for state in model._meta.workflow.states.values():
        yield f"{model.__name__} {state.name}", state.label
    for step in model._meta.workflow.transitions.values():
        yield f"{model.__name__} {step.event}", step.label
    for column in model._meta.sorted_fields:
        yield from (
            (f"{model.__name__}.{column.name} {word}", words) for word, words in getattr(column, "options", {}).items()
        )


HIDDEN = ("stamps", "extra", "gaps")  # columns that nobody is shown


@each_model
def test_everything_people_read_is_in_both_languages(group, name, model):
    for what, words in _labels(model):
        if what.rpartition(".")[2] not in HIDDEN:
            assert isinstance(words, Words) and words.en.isascii() and words.en, what
            assert any("\u4e00" <= character <= "\u9fff" for character in words.zh), f"{what}: {words.zh!r}"


PERSONAL = ("phone", "email", "wechat", "identity", "address", "postcode", "birth", "contact_means")


@each_model
def test_personal_data_declares_its_purpose(group, name, model):
    for column in model.own_fields():
        if any(part in column.name for part in PERSONAL):
            assert column.personal, f"{model.__name__}.{column.name} looks like personal data: say for what it is kept"
        if getattr(column, "personal", None):
            assert len(column.personal) > 3


@each_plugin
def test_permissions_are_of_what_the_plugin_has(group, name):
    records_ = {model._meta.record for model in manifest(name).models} | {"archive", "measure"}
    for role in manifest(name).roles:
        for allowed in role.permissions:
            plugin, record, verb = allowed.split(".")
            assert plugin == name and record in records_ and verb.isidentifier(), f"{role.name}: {allowed}"


@each_model
def test_somebody_may_do_each_step(group, name, model):
    capacities = {role.capacity for role in registry().roles.values()} | {
        "owner", "submitter", "system", "sales", "customer_service", "claims", "underwriting", "back_office", "finance", "management",
    }  # fmt: skip
    for step in model._meta.workflow.transitions.values():
        assert step.by and set(step.by) <= capacities, f"{model.__name__}.{step.event}"


@each_model
def test_every_state_is_reached(group, name, model):
    workflow, reached = model._meta.workflow, {model._meta.workflow.initial}
    for _ in workflow.states:
        reached |= {step.target for state in reached for step in workflow.after(state) if step.target}
    assert reached == set(workflow.states)


# ---- the ledger


def _regulations():
    return {name: plugin.regulation for name, plugin in registry().plugins.items() if plugin.regulation}


def test_every_clause_that_is_named_exists(group):
    known = {clause for regulation in _regulations().values() for clause in regulation.clauses}
    assert sorted({(clause, what) for clause, what in registry().enforcers() if clause not in known}) == []


def test_every_rule_check_limit_duty_measure_notice_and_answer_names_a_clause(group):
    silent = [
        limit["name"] for plugin in registry().plugins.values() for limit in plugin.limits if not limit.get("clause")
    ] + [
        f"{name}.{item.name}"
        for name, kind in product(registry().plugins, ("measures", "notices", "answers"))
        for item in getattr(registry().plugins[name].manifest, kind)
        if not item.clauses
    ]
    assert silent == []


def test_the_proofs_are_of_exactly_what_enforces(group):
    """Whenever this fails, run `make prove`: what enforces a clause, or a test's name, has changed since."""
    for name, regulation in _regulations().items():
        enforced = {(clause, what) for clause, what in registry().enforcers() if clause in regulation.clauses}
        proved = {(clause, what) for clause, by in regulation.proofs.items() for what in by}
        assert enforced == proved, name
        missing = [
            test for by in regulation.proofs.values() for tests in by.values() for test in tests if not _is_there(test)
        ]
        assert missing == [], name


def _is_there(test):
    path, _, function = test.partition("::")
    file = ROOT / path
    return file.exists() and f"def {function.partition('[')[0]}(" in file.read_text(encoding="utf-8")


def test_the_ledger_calls_proved_what_is_proved(group):
    for regulation in _regulations().values():
        rows = ledger(regulation, registry().enforcers())
        assert {row["status"] for row in rows if row["enforced_by"]} == {"proved"}
        assert all(row["proved_by"] for row in rows if row["status"] == "proved")


def test_a_role_held_in_a_plugin_reaches_only_its_branch(group, actor):
    someone = add_person(console(), "someone", "某人", branch("TJ"))
    grant(console(), someone, "staff", branch("TJ"))
    assert {actor("someone", NOW).may(permission(model, "view"), branch("BJ").id) for _, model in MODELS} == {False}
