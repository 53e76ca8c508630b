"""`zhixing plugin new` and `zhixing plugin prove`: what authors of plugins begin with and are done with."""

import importlib
from pathlib import Path

from core.commands.console import JSON, add, print_rows
from core.kit.beginning import begin
from core.kit.proving import prove
from core.language import say

SIGNS = {True: "✓", False: "✗", None: "-"}


def add_to(plugins):
    """Add both to the commands of `zhixing plugin`."""
    parser = add(plugins, "new", new, "write a small running plugin with its test", JSON)
    parser.add_argument("name", metavar="NAME", help="the folder's name, as in data_breaches")
    parser.add_argument("--into", metavar="FOLDER", help="the folder of plugins (else plugins/ of the program)")
    parser.add_argument("--title", default="", metavar="TEXT", help="its name in Chinese")
    parser = add(plugins, "prove", prove_one, "ask a plugin everything that every plugin owes", JSON)
    parser.add_argument("name", metavar="NAME", help="the plugin's name")
    parser.add_argument(
        "--folder", metavar="FOLDER", help="a folder of plugins that holds it, beside those found anyhow"
    )
    parser.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="an empty database, which is filled (else SQLite in a temporary place)",
    )


def new(args, settings):
    into = args.into or importlib.import_module("plugins").__path__[0]
    files = begin(args.name, into, args.title)
    if args.json:
        print_rows(args, [{"file": str(path)} for path in files])
        return
    for path in files:
        print(path)
    folder = f" --folder {args.into}" if args.into else ""
    print(say("证明它:zhixing plugin prove ", "Prove it: zhixing plugin prove ") + args.name + folder)


def prove_one(args, settings):
    folder = str(Path(args.folder).resolve()) if args.folder else None
    rows = prove(args.name, folder=folder, url=args.database)
    if args.json:
        print_rows(args, rows)
    else:
        for row in rows:
            print(SIGNS[row["holds"]], row["sentence"])
            for fault in row["faults"]:
                print(f"    {fault}")
    return 1 if any(row["holds"] is False for row in rows) else 0
