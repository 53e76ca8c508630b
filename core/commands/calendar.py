"""`zhixing calendar`: what a year looks like, and taking in a year's notice after a preview of what it moves."""

import sys
from collections import Counter
from datetime import date
from pathlib import Path

from core.business_calendar import calendar_of, own_version, publish, read_notice
from core.calendar_preview import moved
from core.commands.console import JSON, add, add_group, branch_option, confirmed, local, print_json, print_table
from core.commands.opening import AS, begin
from core.errors import Refused
from core.language import say
from core.limits import shipped
from core.organisation import organisation
from core.plugins import registry

SHOWN = 20  # moved clocks printed before the rest is only counted


def add_commands(commands):
    calendars = add_group(commands, "calendar", "business calendars")
    parser = add(calendars, "show", show, "show the days off and the make-up days of a year", AS, JSON)
    parser.add_argument("year", type=int, metavar="YEAR", help="for example 2026")
    parser.add_argument("--branch", metavar="CODE", help="as it holds in this branch (else in the group)")
    parser = add(
        calendars,
        "import",
        take_in,
        "publish a year's notice, after showing which open clocks it moves",
        AS,
        JSON,
        epilog='FILE is TOML: year = 2027, source = "...", and [off] and [on] with "2027-02-05/2027-02-11" = "Spring '
        'Festival". Without --yes it asks first.',
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the notice as TOML")
    parser.add_argument("--branch", metavar="CODE", help="for this branch and below it only (else for the group)")
    parser.add_argument("--yes", action="store_true", help="publish without asking")


def show(args, settings):
    begin(args, settings)
    branch = branch_option(args.branch)
    calendar = calendar_of(branch.id if branch else None)
    calendar.check(_first_day(args.year))
    year = _year(calendar, branch, args.year)
    if args.json:
        print_json([year])
        return
    state = (
        say("已公布", "published") if year["published"] else say("未公布,暂按周末推算", "not published: weekends only")
    )
    print(f"{args.year} ({state}) {year['source']}".rstrip())
    hours = ", ".join("-".join(session) for session in year["sessions"])
    print(
        say("工作时段 {hours},工作日 {n} 天", "Hours {hours}; {n} business days", hours=hours, n=year["business_days"])
    )
    rows = [(day, say("休", "off"), why) for day, why in year["off"].items()]
    rows += [(day, say("班", "on"), why) for day, why in year["on"].items()]
    rows += [(day, say("时段", "hours"), str(hours)) for day, hours in year["day_sessions"].items()]
    for day, what, why in sorted(rows):
        weekday = date.fromisoformat(day).weekday()
        print(f"  {day} {say('一二三四五六日'[weekday], f'{date.fromisoformat(day):%a}')}  {what}  {why}")


def _first_day(year):
    try:
        return date(year, 1, 1)
    except ValueError as error:
        raise Refused(say("没有 {year} 年。", "There is no year {year}.", year=year)) from error


def _year(calendar, branch, year):
    noted = {day: why for day, why in sorted(calendar.notes.items()) if day.year == year}
    version = own_version(branch, year) or own_version(None, year)
    own_hours = {day: hours for day, hours in sorted(calendar.day_sessions.items()) if day.year == year}
    return {
        "year": year,
        "branch": branch and branch.code,
        "published": year in calendar.published,
        "source": version.source if version else "",
        "sessions": _texts(calendar.sessions),
        "business_days": sum(day.year == year for day in calendar.days),
        "off": {day.isoformat(): why for day, why in noted.items() if not calendar.is_business_day(day)},
        "on": {day.isoformat(): why for day, why in noted.items() if calendar.is_business_day(day)},
        "day_sessions": {day.isoformat(): _texts(hours) for day, hours in own_hours.items()},
    }


def _texts(hours):
    return [[f"{opens:%H:%M}", f"{closes:%H:%M}"] for opens, closes in hours]


def take_in(args, settings):
    actor = begin(args, settings)
    branch = branch_option(args.branch)
    root = next((b for b in organisation().branches.values() if b.parent_id is None), None)
    if branch or root:
        actor.require("core.calendar.edit", (branch or root).id)
    year, content, source = read_notice(args.file)
    rows = _rows(moved(branch, year, content, actor.now))
    print_json(rows) if args.json else _print_preview(year, content, rows)
    if not args.yes and not confirmed(say("发布吗?", "Publish it?")):
        raise Refused(say("尚未发布。确认后请加 --yes。", "Nothing was published. To publish, say --yes."))
    publish(actor, branch, year, content, source)
    print(say("{year} 年日历已发布。", "The calendar of {year} is published.", year=year), file=sys.stderr)


def _rows(moves):
    """The moved clocks as dicts, with the numbers of their records: one query for each record type."""
    numbers = {}
    for name in {clock.record for clock, _, _ in moves}:
        model = registry().models[name]
        ids = [clock.record_id for clock, _, _ in moves if clock.record == name]
        query = model.select(model.id, model.number).where(model.id.in_(ids))
        numbers |= {(name, row_id): number for row_id, number in query.tuples()}
    limits, branches = shipped(), organisation().branches
    return [
        {
            "branch": branches[clock.branch_id].code,
            "record": clock.record,
            "number": numbers[clock.record, clock.record_id],
            "limit": str(limits[f"{clock.plugin}.{clock.limit}"].label),
            "due": local(clock.due_at, clock.branch_id),
            "moves_to": local(due_at, clock.branch_id),
        }
        for clock, due_at, _ in moves
    ]


def _print_preview(year, content, rows):
    count = {name: len(content[name]) for name in ("off", "on")}
    print(say("{year} 年:休 {off} 天,调休上班 {on} 天。", "{year}: {off} days off, {on} on.", year=year, **count))
    print(say("将移动 {n} 个进行中的时限:", "It moves {n} open clocks:", n=len(rows)))
    print_table(rows[:SHOWN])
    for code, n in sorted(Counter(row["branch"] for row in rows[SHOWN:]).items()):
        print(say("另有 {code}:{n} 个", "and {n} more in {code}", code=code, n=n))
