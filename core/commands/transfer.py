"""`zhixing import` and `export`: files of records in and out."""

import sys
from pathlib import Path

from core.commands.console import JSON, add, print_json
from core.commands.opening import AS, begin, named
from core.errors import Fault, Refused
from core.language import say
from core.organisation import branch_by_code, organisation
from core.plugins import registry
from core.transfer import export, import_file

SHOWN = 50  # errors printed before the rest is only counted


def add_commands(commands):
    parser = add(
        commands,
        "import",
        take_in,
        "import a CSV or Excel file of records into a branch",
        AS,
        JSON,
        epilog="One error imports nothing, unless --skip-errors: then the rows left out are written to a file with their "
        "reasons. A row equal to what is there is left unchanged.",
    )
    parser.add_argument("record", metavar="RECORD", help="the record type, for example complaint")
    parser.add_argument("file", type=Path, metavar="FILE", help="a .csv or .xlsx file, UTF-8 or GBK")
    parser.add_argument("--branch", required=True, metavar="CODE", help="the branch that the records belong to")
    parser.add_argument(
        "--mapping", type=Path, metavar="FILE.toml", help="how the columns become fields (else by their names)"
    )
    parser.add_argument("--dry-run", action="store_true", help="look at every row and write nothing")
    parser.add_argument("--skip-errors", action="store_true", help="import the rows that are right")
    parser = add(commands, "export", give_out, "export the records that one may see, as CSV or Excel", AS)
    parser.add_argument("record", metavar="RECORD", help="the record type, for example complaint")
    parser.add_argument("--branch", required=True, metavar="CODE", help="this branch and those below it")
    parser.add_argument(
        "--purpose", default="", metavar="TEXT", help="personal data in the clear, for this purpose; noted"
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="a .csv or .xlsx file (else CSV on standard output)")


def take_in(args, settings):
    actor = begin(args, settings)
    model = _model(args.record)
    branch = branch_by_code(args.branch)
    for path in filter(None, (args.file, args.mapping)):
        if not path.is_file():
            raise Refused(Fault(str(path), say("没有这个文件", "there is no such file")))
    result = import_file(
        actor,
        model,
        args.file,
        branch,
        mapping=args.mapping,
        dry_run=args.dry_run,
        skip_errors=args.skip_errors,
        progress=_progress if sys.stderr.isatty() else None,
    )
    _report(args, result)
    return 1 if result.errors and not args.skip_errors else 0


def _model(name):
    return named(name, registry().models, "记录", "record")


def _progress(done, total):
    print(f"\r{done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _report(args, result):
    counts = {
        "created": result.created,
        "unchanged": result.unchanged,
        "refused": len({e["row"] for e in result.errors}),
    }
    if args.json:
        print_json(
            [{**counts, "errors": result.errors, "left_out_file": result.left_out_file, "dry_run": args.dry_run}]
        )
        return
    for error in result.errors[:SHOWN]:
        where = say("第 {row} 行", "row {row}", row=error["row"])
        print(f"{where}, {error['column']} = {error['value']!r}: {error['message']}", file=sys.stderr)
    if len(result.errors) > SHOWN:
        print(say("另有 {n} 处错误", "and {n} errors more", n=len(result.errors) - SHOWN), file=sys.stderr)
    print(
        say(
            "新建 {created},未变 {unchanged},拒绝 {refused}",
            "{created} created, {unchanged} unchanged, {refused} refused",
            **counts,
        )
    )
    if result.left_out_file:
        print(
            say("未导入的行及原因:{path}", "The rows left out, with their reasons: {path}", path=result.left_out_file)
        )
    if args.dry_run:
        print(say("试运行,没有写入。", "A dry run: nothing was written."))
    elif result.errors and not args.skip_errors:
        print(
            say(
                "没有导入任何内容。改正后重试,或加 --skip-errors。",
                "Nothing was imported. Mend it, or say --skip-errors.",
            )
        )


def give_out(args, settings):
    actor = begin(args, settings)
    model = _model(args.record)
    kind = args.to.suffix.lower().lstrip(".") if args.to else "csv"
    subtree = sorted(organisation().subtree(branch_by_code(args.branch).id))
    pieces = export(actor, model, model.select().where(model.branch.in_(subtree)), kind, args.purpose)
    if args.to is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    with args.to.open("xb") as file:
        for piece in pieces:
            file.write(piece)
