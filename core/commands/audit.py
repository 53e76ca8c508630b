"""`zhixing audit`: whether the sealed trail holds, and its heads for safekeeping elsewhere."""

from pathlib import Path

from core import audit
from core.commands.console import JSON, add, add_group, print_json, print_rows
from core.commands.opening import AS, begin
from core.language import say
from core.organisation import organisation


def add_commands(commands):
    group = add_group(commands, "audit", "the sealed trail")
    parser = add(group, "verify", verify, "walk every chain and name the first broken row of each", AS, JSON)
    parser.add_argument(
        "heads", nargs="*", type=Path, metavar="FILE", help="heads kept elsewhere, to compare beside the daily ones"
    )
    add(group, "head", head, "print the last link of every chain", AS, JSON)


def verify(args, settings):
    actor = begin(args, settings)
    actor.require("core.audit.view", None)
    kept = audit.kept_heads(settings.audit_heads, args.heads)
    faults = audit.verify(kept=kept)
    rows = [{"branch": _code(branch_id), "seq": seq, "fault": fault} for branch_id, seq, fault in faults]
    if args.json:
        print_json(rows)
    elif rows:
        print_rows(args, rows)
    else:
        heads = audit.heads()
        entries = sum(each["seq"] for each in heads)
        print(
            say(
                "{chains} 条链、{entries} 条记录,完整无缺;与 {files} 份链首文件相符。",
                "{chains} chains with {entries} entries hold, as {files} files of heads say too.",
                chains=len(heads),
                entries=entries,
                files=len({each["file"] for each in kept}),
            )
        )
    return 1 if rows else 0


def head(args, settings):
    actor = begin(args, settings)
    actor.require("core.audit.view", None)
    rows = [{"branch": _code(each["branch_id"]), **each} for each in audit.heads()]
    print_rows(args, rows)


def _code(branch_id):
    """The branch's code; None for the chain of what belongs to no branch."""
    branch = organisation().branches.get(branch_id)
    return branch.code if branch else None
