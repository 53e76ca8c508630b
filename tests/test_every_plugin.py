"""What every plugin owes: the kit behind `zhixing plugin prove`, run over all plugins. And the ledger of their proofs."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import plugins as shipped
from core.kit import PROMISES
from core.plugins import registry
from core.regulation import ledger

NAMES = sorted(item.name for item in pkgutil.iter_modules(shipped.__path__))
ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_every_plugin_keeps_its_promises(group, promise, name):
    assert promise.faults(name) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_plugin_is_loaded(group, name):
    assert registry().plugins[name].module is importlib.import_module(f"plugins.{name}")


# ---- the ledger


def _regulations():
    return {name: plugin.regulation for name, plugin in registry().plugins.items() if plugin.regulation}


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
