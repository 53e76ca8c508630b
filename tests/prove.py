"""Proving the ledger: each thing that enforces a clause is taken away in turn, and a test with its mark must fail.

python -m tests.prove              proves everything, and writes proofs.toml into each plugin that has a regulation
python -m tests.prove T4.2.2a ...  proves these clauses only, and writes nothing
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import plugins

ROOT = Path(__file__).resolve().parent.parent
REPORT = "ZHIXING_PROVE_REPORT"  # where a run that this program starts writes which tests failed
HEAD = """# Written by `make prove`, not by hand: the tests that fail when what enforces a clause is taken away.
"""


class Marked:
    """A pytest plugin that notes which tests carry which clause's mark: {clause: [test id]}."""

    def __init__(self):
        self.tests = {}

    def pytest_collection_finish(self, session):
        for item in session.items:
            for mark in item.iter_markers("clause"):
                for clause in mark.args:
                    self.tests.setdefault(clause, []).append(item.nodeid)


class Failing:
    """A pytest plugin that notes which tests failed in their own words; what failed before that proves nothing."""

    def __init__(self):
        self.found = {"failed": [], "broken": []}

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.found["failed" if report.when == "call" else "broken"].append(report.nodeid)

    def pytest_sessionfinish(self):
        Path(os.environ[REPORT]).write_text(json.dumps(self.found), encoding="utf-8")


def pytest_configure(config):
    """Let a run that this program started (-p tests.prove) report to it."""
    if REPORT in os.environ:
        config.pluginmanager.register(Failing())


def marked_tests():
    """{clause: [test id]} of all tests."""
    marked, told = Marked(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"], plugins=[marked])
    if code != 0:
        sys.exit(f"The tests cannot be collected:\n{told.getvalue()}")
    return marked.tests


def run(tests, without=()):
    """Run some tests, with enforcers taken away: {"failed": [test id], "broken": [test id]}."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        taken = [part for enforcer in without for part in ("--without", enforcer)]
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "tests.prove", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, "--basetemp", f"{folder}/tests", *taken, *tests],
            cwd=ROOT,
            env={**os.environ, REPORT: str(report)},
            capture_output=True,
            text=True,
        )
        if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not report.exists():
            raise RuntimeError(f"{' '.join(taken)}: the tests did not run.\n{done.stdout}{done.stderr}")
        return {**json.loads(report.read_text(encoding="utf-8")), "told": done.stdout}


def enforcers(wanted):
    """Each enforcer with the clauses that name it: {enforcer: [clause]}; of `wanted` clauses where there are any."""
    found = {}
    for clause, enforcer in plugins.load().enforcers():
        if not wanted or clause in wanted:
            found.setdefault(enforcer, []).append(clause)
    return found


def prove(enforcer, clauses, tests):
    """The proofs that one enforcer gives, as [(clause, [test id])], and what is wrong, as sentences."""
    marked = [test for clause in clauses for test in tests.get(clause, ())]
    found = run(list(dict.fromkeys(marked)), [enforcer]) if marked else {"failed": [], "broken": []}
    proofs, faults = [], []
    for clause in clauses:
        noticed = [test for test in tests.get(clause, ()) if test in found["failed"]]
        if noticed:
            proofs.append((clause, noticed))
        elif not tests.get(clause):
            faults.append(f"{clause}: no test carries its mark, but {enforcer} names it.")
        else:
            broken = f" ({len(found['broken'])} could not begin)" if found["broken"] else ""
            faults.append(f"{clause}: no test with its mark notices that {enforcer} is taken away{broken}.")
    return proofs, faults


def write(proofs):
    """Write proofs.toml into the folder of each plugin with a regulation; the clauses that no regulation has are returned."""
    left = dict(proofs)
    for plugin in plugins.registry().plugins.values():
        if plugin.regulation is None:
            continue
        mine = {clause: left.pop(clause) for clause in sorted(proofs) if clause in plugin.regulation.clauses}
        parts = [HEAD]
        for clause, by_enforcer in mine.items():
            parts.append(f"\n[{_quoted(clause)}]\n")
            for enforcer, tests in sorted(by_enforcer.items()):
                listed = "".join(f"    {_quoted(test)},\n" for test in sorted(tests))
                parts.append(f"{_quoted(enforcer)} = [\n{listed}]\n")
        (plugin.folder / "proofs.toml").write_text("".join(parts), encoding="utf-8")
    return sorted(left)


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)


def main(wanted):
    """Prove; the exit status: 0 where every enforcer of every clause is proved."""
    by_enforcer = enforcers(wanted)
    tests = marked_tests()
    clauses = {clause for named in by_enforcer.values() for clause in named}
    base = run(sorted({test for clause in clauses for test in tests.get(clause, ())}))
    if base["failed"] or base["broken"]:
        print(base["told"])
        print("These tests fail as it is. Mend them first: a test that fails anyhow proves nothing.")
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda item: prove(*item, tests), by_enforcer.items())
        proofs, faults = {}, []
        for enforcer, (proved, wrong) in zip(by_enforcer, answers, strict=True):
            for clause, noticed in proved:
                proofs.setdefault(clause, {})[enforcer] = noticed
                print(f"{clause}  {enforcer}: {len(noticed)} tests notice", flush=True)
            faults += wrong
    if not wanted:
        faults += [f"{clause}: is named by what enforces it, but no regulation has it." for clause in write(proofs)]
    for fault in faults:
        print(fault)
    print(f"{sum(map(len, proofs.values()))} proofs of {len(clauses)} clauses, {len(faults)} faults.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
