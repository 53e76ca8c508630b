"""Rule 12: each thing that enforces a clause is taken away in turn, and a test with the clause's mark must fail.

The file is a plugin of pytest too (-p core.kit.taking_away): --without takes away, and a run that `Tests` started tells which
tests carry which clause's mark, which failed in their own words, and which could not begin.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPORT = "ZHIXING_PROVE_REPORT"  # where such a run writes what it found
HEAD = "# Written by `make prove` and `zhixing plugin prove`: the tests that fail when what enforces a clause is taken away.\n"
RAN = (0, 1)  # pytest's exit statuses of a run in which tests ran


def pytest_addoption(parser):
    parser.addoption("--without", action="append", default=[], help="an enforcer of a clause to take away")


def pytest_configure(config):
    if REPORT in os.environ:
        config.pluginmanager.register(_Reporting())


class _Reporting:
    def __init__(self):
        self.found = {"failed": [], "broken": [], "marked": {}}

    def pytest_collection_finish(self, session):
        for item in session.items:
            for mark in item.iter_markers("clause"):
                for clause in mark.args:
                    self.found["marked"].setdefault(clause, []).append(item.nodeid)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.found["failed" if report.when == "call" else "broken"].append(report.nodeid)

    def pytest_sessionfinish(self):
        Path(os.environ[REPORT]).write_text(json.dumps(self.found), encoding="utf-8")


@dataclass(frozen=True)
class Tests:
    """Where tests lie and how pytest is asked to run them: `options` beside the usual, from the folder `root`."""

    root: Path
    options: tuple = ()
    all: tuple = ()  # the files or folders of all of them; none is what pytest's own settings say

    def run(self, tests=None, without=(), collect_only=False):
        """Run some tests (None is all), with enforcers taken away: {"failed", "broken": [id], "marked": {clause: [id]}, "told"}."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            taken = [part for enforcer in without for part in ("--without", enforcer)]
            command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "core.kit.taking_away"]
            command += ["-p", "no:cacheprovider", "--basetemp", f"{folder}/tests", *self.options, *taken]
            command += ["--collect-only"] if collect_only else []
            done = subprocess.run(
                [*command, *(self.all if tests is None else tests)],
                cwd=self.root,
                env={**os.environ, REPORT: str(report)},
                capture_output=True,
                text=True,
            )
            if done.returncode not in RAN or not report.exists():
                raise RuntimeError(f"{' '.join(taken)}: the tests did not run.\n{done.stdout}{done.stderr}")
            return {**json.loads(report.read_text(encoding="utf-8")), "told": done.stdout}


def prove(by_enforcer, tests, marked, told=lambda line: None):
    """Take each enforcer of {enforcer: [clause]} away: ({clause: {enforcer: [test id]}}, what is wrong as sentences)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda item: _without(*item, tests, marked), by_enforcer.items())
        proofs, faults = {}, []
        for enforcer, (proved, wrong) in zip(by_enforcer, answers, strict=True):
            for clause, noticed in proved:
                proofs.setdefault(clause, {})[enforcer] = noticed
                told(f"{clause}  {enforcer}: {len(noticed)} tests notice")
            faults += wrong
    return proofs, faults


def _without(enforcer, clauses, tests, marked):
    asked = [test for clause in clauses for test in marked.get(clause, ())]
    found = tests.run(list(dict.fromkeys(asked)), [enforcer]) if asked else {"failed": [], "broken": []}
    proofs, faults = [], []
    for clause in clauses:
        noticed = [test for test in marked.get(clause, ()) if test in found["failed"]]
        if noticed:
            proofs.append((clause, noticed))
        elif not marked.get(clause):
            faults.append(f"{clause}: no test carries its mark, but {enforcer} names it.")
        else:
            broken = f" ({len(found['broken'])} could not begin)" if found["broken"] else ""
            faults.append(f"{clause}: no test with its mark notices that {enforcer} is taken away{broken}.")
    return proofs, faults


def by_enforcer(pairs, wanted=()):
    """{enforcer: [clause]} of [(clause, enforcer)]; of `wanted` clauses where there are any."""
    found = {}
    for clause, enforcer in pairs:
        if not wanted or clause in wanted:
            found.setdefault(enforcer, []).append(clause)
    return found


def write(plugin, proofs):
    """Write proofs.toml into the folder of a plugin with a regulation: what of {clause: {enforcer: [test id]}} is of its clauses."""
    parts = [HEAD]
    for clause in sorted(set(proofs) & set(plugin.regulation.clauses)):
        parts.append(f"\n[{_quoted(clause)}]\n")
        for enforcer, tests in sorted(proofs[clause].items()):
            listed = "".join(f"    {_quoted(test)},\n" for test in sorted(tests))
            parts.append(f"{_quoted(enforcer)} = [\n{listed}]\n")
    (plugin.folder / "proofs.toml").write_text("".join(parts), encoding="utf-8")


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)
