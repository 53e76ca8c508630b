"""`zhixing due`: when a time limit ends, with the working day by day, or for many lines at once."""

import sys
from datetime import date

from core.business_calendar import calendar_of
from core.commands.console import JSON, add, branch_option, connect, moment, print_json, require_current
from core.database import MIGRATIONS, refresh
from core.errors import Refused
from core.language import say
from core.worktime import due, parse, working

NOTES = {
    "start": ("起算", "start"),
    "counted": ("计入", "counted"),
    "make_up": ("调休计入", "counted, make-up day"),
    "off": ("不计", "off"),
    "paused": ("暂停", "paused"),
    "due": ("到期", "due"),
}


def add_commands(commands):
    parser = add(
        commands,
        "due",
        run,
        "say when a time limit ends, and how that was counted",
        JSON,
        epilog="With - for LIMIT, lines of LIMIT<tab>FROM are read from standard input; for each a JSON line "
        "{limit, from, due, provisional} or {limit, from, error} is printed.",
    )
    parser.add_argument("limit", metavar="LIMIT", help='for example "3 business days", "30 minutes"; - reads lines')
    parser.add_argument("--from", dest="start", metavar="MOMENT", help="2026-02-13T10:00, or a day: 2026-02-13")
    parser.add_argument("--branch", metavar="CODE", help="count by this branch's calendar (else by the group's)")


def run(args, settings):
    connect(settings)
    require_current({"core": MIGRATIONS})
    refresh()
    branch = branch_option(args.branch)
    calendar = calendar_of(branch.id if branch else None)
    if args.limit == "-":
        print_json(answer(line, calendar) for line in sys.stdin if line.strip())
        return
    if args.start is None:
        raise Refused(
            say("请用 --from 写明起点,例如 --from 2026-02-13T10:00。", "Say from when: --from 2026-02-13T10:00.")
        )
    try:
        start = beginning(args.start, calendar)
    except ValueError as error:
        raise Refused(_no_moment(args.start)) from error
    span = parse(args.limit)
    found, steps = due(span, start, calendar), working(span, start, calendar)
    if args.json:
        print_json([_found(args.limit, args.start, found, calendar) | {"working": [_step(step) for step in steps]}])
    else:
        _print(span, found, steps, calendar)


def answer(line, calendar):
    """The answer to one line of LIMIT<tab>FROM, as a dict."""
    limit, tab, start = line.rstrip("\r\n").partition("\t")
    try:
        if not tab:
            raise Refused(say("一行应为:时限<制表符>起点", "a line is LIMIT<tab>FROM"))
        return _found(limit, start, due(parse(limit), beginning(start, calendar), calendar), calendar)
    except Refused as refused:
        return {"limit": limit, "from": start, "error": refused.message}
    except (ValueError, OverflowError):
        return {"limit": limit, "from": start, "error": _no_moment(start)}


def beginning(text, calendar):
    """A moment, or a day where no hour was given. Without an offset it is in the calendar's zone."""
    text = text.strip()
    return date.fromisoformat(text) if len(text) <= 10 else moment(text, calendar.zone)


def _no_moment(text):
    return say(
        "“{text}”不是时间,请写成 2026-02-13T10:00 或 2026-02-13。",
        '"{text}" is no moment: write 2026-02-13T10:00 or 2026-02-13.',
        text=text,
    )


def _found(limit, start, found, calendar):
    at = found.at and found.at.astimezone(calendar.zone).isoformat()
    return {"limit": limit, "from": start, "due": at, "provisional": found.provisional}


def _step(step):
    return {"day": step.day, "what": step.what, "note": step.note, "count": step.count}


def _print(span, found, steps, calendar):
    if found.at is None:
        print(say("{span}:没有可算出的到期时间", "{span}: no moment can be told", span=span.label))
    else:
        provisional = say("(暂定:节假日未公布)", " (provisional: holidays not published)") if found.provisional else ""
        print(f"{found.at.astimezone(calendar.zone):%Y-%m-%d %H:%M} {calendar.zone}{provisional}")
    for step in steps:
        weekday = say("一二三四五六日"[step.day.weekday()], f"{step.day:%a}")
        print(f"  {step.day} {weekday}  {step.count:>4}  {say(*NOTES[step.what])}  {step.note}".rstrip())
