"""Plugins written for a test: each answers every hook there is and has a check, a measure and an answer, and does as ordered.

What each of them does on each kind of call stands in `orders.json` beside their folders; what was called in `done`.
"""

import json

from core import hookspecs

SOURCE = '''"""A plugin that does as it is ordered."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from core import Answer, Manifest, hookimpl
from core.checks import check
from core.language import Words
from core.measures import Measure
from plugins.cases.models import Complaint

HERE = Path(__file__).parent
NAME = HERE.name


def act(kind, good=None):
    order = json.loads((HERE.parent / "orders.json").read_text()).get(f"{NAME}.{kind}", "works")
    with open(HERE.parent / "done", "a") as file:
        file.write(f"{NAME}.{kind} {order}\\n")
    if order == "raises":
        raise ValueError("李雷 13800001111")
    if order == "exits":
        sys.exit(0)
    if order == "rubbish":
        return object()
    if order == "ends":
        os._exit(0)
    if order == "deaf":
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    while order in ("hangs", "deaf"):
        time.sleep(0.01 if order == "hangs" else 0)
    return good


@check(over=lambda: Complaint.select(), label="都好")
def all_is_well(row, now):
    """All is well."""
    return act("check")


def answers(finding, actor):
    act("answer")


@hookimpl
def plugin_manifest():
    measure = Measure(f"{NAME}_rate", Words("率"), (), lambda scope: act("measure", {None: (1, 2)}))
    return Manifest(
        title=NAME, depends=("cases",), follows=("complaint",), checks=(all_is_well,), measures=(measure,),
        answers=(Answer("yellow", answers, ()), Answer("red", answers, ())),
    )

'''
HOOK = """
@hookimpl
def {name}({arguments}):
    return act("{name}")

"""
IN_THE_TRANSACTION = {"validate_record"}
HOOKS = [n for n, f in vars(hookspecs).items() if hasattr(f, "zhixing_spec") and n != "plugin_manifest"]
AFTERWARDS = [*(name for name in HOOKS if name not in IN_THE_TRANSACTION), "check", "measure", "answer"]


def what_of(plugin, kind):
    """Under which name the failures of a kind of call are counted."""
    return {"check": "check:all_is_well", "measure": f"measure:{plugin}_rate", "answer": "answer:answers"}.get(
        kind, kind
    )


class Troublemakers:
    """Plugins in a folder; `order({"name.kind": order})` says what goes wrong from now on."""

    def __init__(self, folder, names):
        self.folder = folder
        self.order({})
        for name in names:
            (folder / name).mkdir()
            hooks = [(hook, getattr(hookspecs, hook).__code__) for hook in HOOKS]
            told = [HOOK.format(name=h, arguments=", ".join(c.co_varnames[: c.co_argcount])) for h, c in hooks]
            (folder / name / "__init__.py").write_text(SOURCE + "".join(told), encoding="utf-8")

    def order(self, orders):
        (self.folder / "orders.json").write_text(json.dumps(orders))
        (self.folder / "done").write_text("")

    def done(self):
        """What was called since the last order: [(name.kind, order)]."""
        return [tuple(line.split()) for line in (self.folder / "done").read_text().splitlines()]
