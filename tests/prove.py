"""Proving the ledger of all regulations.

python -m tests.prove              proves everything, and writes proofs.toml into each plugin that has a regulation
python -m tests.prove T4.2.2a ...  proves these clauses only, and writes nothing
"""

import sys
from functools import partial
from pathlib import Path

from core import plugins
from core.kit import taking_away


def main(wanted):
    """Prove; the exit status: 0 where every enforcer of every clause is proved."""
    registry, tests = plugins.load(), taking_away.Tests(Path(__file__).resolve().parent.parent)
    by_enforcer = taking_away.by_enforcer(registry.enforcers(), wanted)
    clauses = {clause for named in by_enforcer.values() for clause in named}
    marked = tests.run(collect_only=True)["marked"]
    base = tests.run(sorted({test for clause in clauses for test in marked.get(clause, ())}))
    if base["failed"] or base["broken"]:
        print(base["told"])
        print("These tests fail as it is. Mend them first: a test that fails anyhow proves nothing.")
        return 1
    proofs, faults = taking_away.prove(by_enforcer, tests, marked, partial(print, flush=True))
    regulations = [plugin for plugin in registry.plugins.values() if plugin.regulation]
    known = {clause for plugin in regulations for clause in plugin.regulation.clauses}
    faults += [
        f"{clause}: is named by what enforces it, but no regulation has it." for clause in sorted(clauses - known)
    ]
    for plugin in regulations if not wanted else ():
        taking_away.write(plugin, proofs)
    for fault in faults:
        print(fault)
    print(f"{sum(map(len, proofs.values()))} proofs of {len(clauses)} clauses, {len(faults)} faults.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
