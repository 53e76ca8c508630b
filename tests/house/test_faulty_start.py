"""What is wrong with plugins stops the start, of the web program and of every command, with all faults told at once."""

import sys

import pytest

import plugins as shipped
from core import commands, plugins
from core.app import create_app
from core.errors import StartError

MANIFEST = """
import sys
from core import Manifest, hookimpl

@hookimpl
def plugin_manifest():
    {declare}
{more}
"""
HOOK = "\n@hookimpl\ndef {}:\n    pass\n"
GOOD = "return Manifest(title='x', depends={})"
FAULTY = {
    "wrong_a": (GOOD.format(()), HOOK.format("record_changed(row, what)"), "plugins/wrong_a: "),
    "wrong_b": (GOOD.format(()), HOOK.format("record_chnaged(record)"), "plugins/wrong_b: there is no hook 'record_chnaged'"),
    "wrong_c": (GOOD.format(("wrong_d",)), "", "plugins wrong_c, wrong_d depend on each other in a circle"),
    "wrong_d": (GOOD.format(("wrong_c",)), "", "wrong_d depend on each other in a circle"),
    "wrong_e": ("sys.exit(0)", "", "plugins/wrong_e: plugin_manifest() raised SystemExit"),
    "wrong_f": (GOOD.format(()), "sys.exit(0)", "plugins.wrong_f: cannot be imported: SystemExit"),
    "wrong_g": ("return {}", "", "plugins/wrong_g: plugin_manifest() returned {}, not a core.Manifest"),
}  # fmt: skip


@pytest.fixture
def wrong(settings, tmp_path, monkeypatch):
    """Plugins with a fault each, beside the shipped ones; the settings in the environment."""
    folder = tmp_path / "more"
    for name, (declare, more, _) in FAULTY.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(MANIFEST.format(declare=declare, more=more), encoding="utf-8")
    monkeypatch.setattr(shipped, "__path__", [*shipped.__path__, str(folder)])
    monkeypatch.setenv("ZHIXING_HOME", str(settings.home))
    monkeypatch.setenv("ZHIXING_DATABASE", settings.database)
    kept = plugins.registry()
    yield
    for name in [name for name in sys.modules if name.startswith("plugins.wrong_")]:
        del sys.modules[name]
    plugins._registry = kept


def test_the_web_program_does_not_start_and_tells_every_fault(wrong, settings):
    with pytest.raises(StartError) as error:
        create_app(settings)
    for name, (_, _, told) in FAULTY.items():
        assert any(told in fault for fault in error.value.faults), name


@pytest.mark.parametrize(
    "words", [["run"], ["web"], ["worker"], ["plugin", "list"], ["sweep"], ["upgrade"]], ids=" ".join
)
def test_no_command_starts_and_each_tells_every_fault(wrong, capsys, words):
    assert commands.main(words) == 1
    lines = capsys.readouterr().err.splitlines()
    for name, (_, _, told) in FAULTY.items():
        assert any(told in line for line in lines), name
