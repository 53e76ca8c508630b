"""`zhixing check` and `sweep`: running the checks and the sweep by hand, or seeing what they would say at a moment."""

from core import checks, jobs
from core.access import Actor
from core.clocks import Clock
from core.commands.console import (
    JSON,
    add,
    add_group,
    branch_option,
    local,
    moment_option,
    print_json,
    print_rows,
    print_table,
)
from core.commands.opening import AS, acting, begin, named, open_product
from core.language import Words, say
from core.organisation import organisation
from core.outbox import deliver
from core.people import Person
from core.plugins import registry
from core.sweep import look, sweep
from core.switches import is_on

RESULTS = {
    "clean": Words("正常", "Clean"),
    "found": Words("有发现", "Found"),
    "nothing": Words("没有可检查的", "Nothing to look at"),
    "off": Words("未启用", "Off"),
}


def add_commands(commands):
    group = add_group(commands, "check", "what is watched")
    add(group, "list", show, "list the checks, with how the last run of each went", AS, JSON)
    parser = add(group, "run", run, "run checks now and keep what they find", AS, JSON)
    parser.add_argument("name", nargs="?", metavar="NAME", help="one check (else all)")
    parser.add_argument("--branch", metavar="CODE", help="look at this branch and below it only")
    parser.add_argument("--at", metavar="MOMENT", help="print what they would say at this moment; writes nothing")

    parser = add(
        commands, "sweep", run_sweep, "find what has come near or past its limit, once, as the worker does", JSON
    )
    parser.add_argument("--at", metavar="MOMENT", help="print what it would say at this moment; writes nothing")


def show(args, settings):
    actor = begin(args, settings)
    actor.require("core.check.view", None)
    rows = [_described(name, each) for name, (_, each) in checks.all_checks().items()]
    if args.json:
        print_json(rows)
    else:
        print_table({**row, "state": jobs.STATES.get(row["state"])} for row in rows)


def _described(name, each):
    last = jobs.last_run(f"check:{name}")
    result = (last.result or {}) if last else {}
    return {
        "check": name,
        "label": str(each.label),
        "clauses": list(each.clauses),
        "every": str(each.every),
        "last": local(last.done_at) if last else None,
        "state": last.state if last else None,
        "looked_at": result.get("looked_at"),
        "found": result.get("found"),
    }


def run(args, settings):
    actor = begin(args, settings)
    branch = branch_option(args.branch)
    actor.require("core.check.view", branch.id if branch else None)
    known = checks.all_checks()
    chosen = {_full_name(args.name, known): None} if args.name else known
    now = moment_option(args.at, branch) if args.at else actor.now
    rows = [_looked(name, known[name], branch, now, actor, args.at is not None) for name in chosen]
    if args.json:
        print_json(rows)
        return
    print_table([{**row, "result": RESULTS[row["result"]]} for row in rows], ("check", "result", "looked_at", "found"))
    for row in rows:
        for item in row.get("findings", ()):
            print(f"{row['check']}  {item['branch']}  {item['record']}:{item['record_id']}  {item['message']}")


def _full_name(name, known):
    short = [full for full in known if full.partition(".")[2] == name]
    if name not in known and len(short) == 1:
        return short[0]
    named(name, known, "检查", "check")
    return name


def _looked(name, check, branch, now, actor, only_look):
    plugin, each = check
    if only_look:
        counts, said = checks.would_say(each, now, branch)
        counts |= {"findings": [_finding(item) for item in said]}
    else:
        counts = checks.run(each, now, branch, actor=actor)
    counts.pop("branches")
    return {"check": name, "result": _result(plugin, branch, counts, now), **counts}


def _result(plugin, branch, counts, now):
    """How it went, in a word of RESULTS: nothing looked at is not the same as nothing found."""
    where = organisation().subtree(branch.id) if branch else organisation().branches
    if not any(is_on(plugin, branch_id, now) for branch_id in where):
        return "off"
    if not counts["looked_at"]:
        return "nothing"
    return "found" if counts["found"] else "clean"


def _finding(item):
    told = {name: item[name] for name in ("record", "record_id", "period", "message")}
    return {"branch": organisation().branches[item["branch_id"]].code, **told}


def run_sweep(args, settings):
    open_product(settings)
    if args.at:
        _look(args, moment_option(args.at))
        return
    actor = acting()
    counts, delivered = sweep(actor), 0
    while sent := deliver(actor.now):
        delivered += sent
    row = {**counts, "delivered": delivered}
    if args.json:
        print_json([row])
    else:
        print(
            say("黄色 {yellow},红色 {red},送达 {delivered}", "{yellow} yellow, {red} red, {delivered} delivered", **row)
        )


def _look(args, now):
    found = look(Actor(None, "console", now))
    numbers, logins = _numbers(found), _logins(found)
    clauses = dict(
        Clock.select(Clock.id, Clock.clause).where(Clock.id.in_([item["clock_id"] for item in found])).tuples()
    )
    rows = [
        {
            "branch": organisation().branches[item["branch_id"]].code,
            "colour": item["colour"],
            "clause": clauses[item["clock_id"]],
            "limit": item["source"].removeprefix("limit:"),
            "record": item["record"],
            "number": numbers.get((item["record"], item["record_id"])),
            "owner": logins.get(item["owner_id"]),
            "message": item["message"],
        }
        for item in found
    ]
    print_rows(args, rows)


def _numbers(found):
    """The numbers of the records that findings speak of: one query for each record type."""
    numbers = {}
    for name in {item["record"] for item in found} & set(registry().models):
        model = registry().models[name]
        ids = {item["record_id"] for item in found if item["record"] == name}
        query = model.select(model.id, model.number).where(model.id.in_(ids))
        numbers |= {(name, row_id): number for row_id, number in query.tuples()}
    return numbers


def _logins(found):
    owners = {item["owner_id"] for item in found} - {None}
    return dict(Person.select(Person.id, Person.login).where(Person.id.in_(owners)).tuples())
