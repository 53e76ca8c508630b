"""`zhixing measure` and `clauses`: indicators of a branch and a period, and what enforces and proves each clause."""

from collections import Counter

from core.commands.console import JSON, add, print_json, print_table
from core.commands.opening import AS, begin, named
from core.measures import measured
from core.organisation import branch_by_code
from core.plugins import registry
from core.regulation import ledger

CLAUSE = ("id", "enforced_by", "proved_by", "status")


def add_commands(commands):
    parser = add(
        commands, "measure", measure, "print indicators of a branch, with all below it, for a period", AS, JSON
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one indicator (else every one that is on there)")
    parser.add_argument("--branch", required=True, metavar="CODE", help="the branch, with all below it")
    parser.add_argument("--period", required=True, metavar="PERIOD", help="2026, 2026-10 or 2026Q3")
    parser.add_argument("--by", choices=("person", "department"), help="besides the whole, each person or department")
    parser = add(
        commands, "clauses", clauses, "print what enforces and what proves each clause of a regulation", AS, JSON
    )
    parser.add_argument("--regulation", metavar="ID", help="one regulation (else all)")


def measure(args, settings):
    actor = begin(args, settings)
    rows = measured(actor, branch_by_code(args.branch), args.period, args.name, args.by)
    if args.json:
        print_json(rows)
    else:
        print_table({**row, "value": None if row["value"] is None else f"{row['value']:.2%}"} for row in rows)


def clauses(args, settings):
    actor = begin(args, settings)
    actor.require("core.clause.view", None)
    shipped = {p.regulation.id: p.regulation for p in registry().plugins.values() if p.regulation}
    wanted = [named(args.regulation, shipped, "制度", "regulation")] if args.regulation else list(shipped.values())
    rows = [row for regulation in wanted for row in ledger(regulation, registry().enforcers())]
    if args.json:
        print_json({name: row[name] for name in CLAUSE} for row in rows)
    else:
        print_table(rows, ("id", "status", "title", "enforced_by"))
        print("  ".join(f"{status}: {n}" for status, n in Counter(row["status"] for row in rows).items()))
