"""What the documents say is what there is."""

from dataclasses import fields
from pathlib import Path

import pytest

from core import hookspecs
from core.settings import Settings

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.pure


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", [field.name for field in fields(Settings)])
def test_every_setting_is_in_the_documents(setting):
    assert f"| `{setting}` |" in text("docs/settings.md")


@pytest.mark.parametrize(
    "hook", [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "zhixing_spec")]
)
def test_every_hook_is_in_the_documents_with_its_arguments(hook):
    function = getattr(hookspecs, hook)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    assert f"`{hook}({', '.join(names)})`" in text("docs/plugins.md")


def test_every_dependency_earns_its_place_in_the_readme():
    wanted = text("setup.cfg").split("install_requires =")[1].split("[options.extras_require]")[0]
    names = [line.split(">=")[0].split("[")[0].strip() for line in wanted.splitlines() if ">=" in line]
    missing = [name for name in names if name not in text("README.md").split("## Dependencies")[1]]
    assert names and not missing
