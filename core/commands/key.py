"""`zhixing key`: the keys that personal data is encrypted with: which there are, changing and dropping them."""

import sys

from core import encryption
from core.commands.console import JSON, add, add_group, local, print_json, print_rows
from core.commands.opening import AS, begin
from core.language import say


def add_commands(commands):
    group = add_group(commands, "key", "the keys that personal data is encrypted with")
    add(group, "list", listed, "print every key, and how many rows still need it", AS, JSON)
    add(
        group,
        "new",
        new,
        "make a new key; what is written from now on is encrypted with it",
        AS,
        epilog="Keep a copy of the file of keys apart from the backups: without it they cannot be read.",
    )
    add(
        group,
        "reencrypt",
        reencrypt,
        "encrypt anew, while people work on, what an older key has encrypted; broken off, it goes on where it stood",
        AS,
    )
    parser = add(group, "drop", drop, "take a key away for good; refused while anything needs it", AS)
    parser.add_argument("key", metavar="ID", help="the id of the key, as zhixing key list prints it")


def listed(args, settings):
    actor = begin(args, settings)
    actor.require("core.key.edit", None)
    rows = encryption.listed()
    if args.json:
        moments = ("made_at", "dropped_at")
        print_json({**row, **{name: row[name] and row[name].isoformat() for name in moments}} for row in rows)
    else:
        print_rows(
            args, [{**row, "made_at": local(row["made_at"]), "dropped_at": local(row["dropped_at"])} for row in rows]
        )


def new(args, settings):
    name = encryption.new(begin(args, settings))
    print(
        say(
            "新密钥 {name} 已启用({path})。请立即另存一份,再运行 zhixing key reencrypt。",
            "The new key {name} is in use ({path}). Keep a copy of the file elsewhere now, then run zhixing key reencrypt.",
            name=name,
            path=settings.keys,
        )
    )


def reencrypt(args, settings):
    done = encryption.reencrypt(begin(args, settings), _tell if sys.stderr.isatty() else None)
    print(say("已用当前密钥重新加密 {n} 行。", "{n} rows were encrypted anew with the current key.", n=done))


def _tell(done, total):
    print(f"\r{done}/{total}", end="", file=sys.stderr, flush=True)


def drop(args, settings):
    encryption.drop(begin(args, settings), args.key)
    print(say("密钥 {name} 已删除。", "The key {name} is gone.", name=args.key))
