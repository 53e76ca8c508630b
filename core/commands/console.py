"""What every command stands on: its common options, the database looked at before it is used, and printing."""

import argparse
import json
import sys
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path

import peewee

from core import database
from core.errors import Refused
from core.language import say
from core.organisation import branch_by_code, set_default_zone, zone_of

JSON = argparse.ArgumentParser(add_help=False)
JSON.add_argument("--json", action="store_true", help="print JSON, one object a line")


def add(commands, name, run, text, *parents, **options):
    """Add a command (or a command of a command) that `run(args, settings)` does; returns its parser."""
    parser = commands.add_parser(name, parents=parents, help=text, description=text, **options)
    parser.set_defaults(run=run)
    return parser


def add_group(commands, name, text):
    """Add a command that has commands of its own; returns where they are added."""
    parser = commands.add_parser(name, help=text, description=text)
    return parser.add_subparsers(required=True, metavar="COMMAND")


def connect(settings):
    """Open the database. Raises Refused where there is none yet."""
    url = settings.database_url
    path = url.removeprefix("sqlite:///")
    there = path == url or Path(path).exists()
    if there:
        database.connect(url)
        set_default_zone(settings.timezone)
        try:
            there = database.db.table_exists("migration_core")
        except peewee.OperationalError as error:
            raise Refused(
                say(
                    "连不上数据库({error})。请检查它是否在运行、ZHIXING_DATABASE 是否正确。",
                    "The database cannot be reached ({error}). See that it runs and that ZHIXING_DATABASE is right.",
                    error=str(error).strip(),
                )
            ) from error
    if not there:
        raise Refused(
            say(
                "这里还没有数据库:{url}。请先运行 zhixing init。",
                "There is no database yet: {url}. Run: zhixing init",
                url=shown(url),
            )
        )


def require_current(folders):
    """Raise Refused unless every migration in `folders` is applied."""
    waiting = database.pending(folders)
    if waiting:
        raise Refused(
            say(
                "数据库的结构比程序旧,尚缺:{steps}。请先备份,再运行 zhixing upgrade。",
                "The database is older than the program; it lacks: {steps}. Back it up, then run: zhixing upgrade",
                steps=", ".join(waiting),
            )
        )


def shown(url):
    """A database's URL without its password."""
    head, at, tail = url.rpartition("@")
    return f"{head.rpartition(':')[0]}:***@{tail}" if at and head.count(":") > 1 else url


def print_json(rows):
    """Print each row as a JSON object on a line of its own."""
    for row in rows:
        print(json.dumps(row, ensure_ascii=False, default=_plain))


def _plain(value):
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def print_table(rows, columns=None):
    """Print dicts as a table with a head; characters as wide as two count as two. Says so where there is nothing."""
    rows = list(rows)
    if not rows:
        print(say("(没有)", "(none)"))
        return
    columns = list(columns or rows[0])
    lines = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def _cell(value):
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return say("是", "yes") if value else say("否", "no")
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _width(text):
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def print_rows(args, rows):
    """Print rows of data as JSON where asked for, else as a table."""
    print_json(rows) if args.json else print_table(rows)


def confirmed(question):
    """Whether the person at the terminal says yes; where nobody sits there, no."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes", "是")


def moment(text, zone):
    """The aware moment that "2026-02-13T10:00" says; one without an offset is in `zone`. Raises ValueError."""
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def moment_option(text, branch=None):
    """The moment of an option, in the branch's zone where it has no offset; now where it was left out."""
    if text is None:
        return datetime.now(UTC)
    try:
        return moment(text, zone_of(branch.id if branch else None))
    except ValueError as error:
        raise Refused(
            say(
                "“{text}”不是时间,请写成 2026-02-13T10:00。",
                '"{text}" is no moment: write 2026-02-13T10:00.',
                text=text,
            )
        ) from error


def day_option(text):
    """The day of an option; None where it was left out."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Refused(
            say("“{text}”不是日期,请写成 2026-03-05。", '"{text}" is no day: write 2026-03-05.', text=text)
        ) from error


def local(value, branch_id=None):
    """A moment as people read it in a branch's zone."""
    return "" if value is None else f"{value.astimezone(zone_of(branch_id)):%Y-%m-%d %H:%M}"


def branch_option(code):
    """The branch of a --branch option; None where it was left out."""
    return branch_by_code(code) if code else None
