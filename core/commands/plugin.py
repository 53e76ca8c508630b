"""`zhixing plugin`: what there is, what is on where and why, and switching it."""

from core import faulty
from core.commands import authoring
from core.commands.console import JSON, add, add_group, day_option, local, print_rows
from core.commands.opening import AS, begin
from core.language import say
from core.organisation import branch_by_code, organisation
from core.plugins import registry
from core.switches import POLICIES, branches_with, explain, local_day, switch, switches, why


def add_commands(commands):
    plugins = add_group(commands, "plugin", "plugins: what is on where, and why")
    parser = add(plugins, "list", show, "list the plugins; with --branch what is on there", AS, JSON)
    parser.add_argument("--branch", metavar="CODE", help="what is on in this branch, and why")
    for value, text in (
        ("on", "switch a plugin on in a branch and below it"),
        ("off", "switch it off; nothing is lost"),
    ):
        parser = add(plugins, value, choose, text, AS, JSON)
        parser.set_defaults(value=value)
        _add_common(parser)
    parser = add(plugins, "policy", choose, "set what a branch and those below it may choose", AS, JSON)
    _add_common(parser)
    parser.add_argument("value", choices=list(POLICIES), help="what those below may do; inherit takes a policy back")
    parser = add(plugins, "why", explain_why, "say why a plugin is on or off in a branch", AS, JSON)
    parser.add_argument("name", metavar="NAME", help="the plugin, as zhixing plugin list names it")
    parser.add_argument("--branch", required=True, metavar="CODE", help="the branch's code")
    for name, act, text in (
        ("set-aside", faulty.set_aside, "call nothing of a plugin that fails any more; its records stay in use"),
        ("take-back", faulty.take_back, "call it again; what waited for it is delivered"),
    ):
        parser = add(plugins, name, move, text, AS)
        parser.set_defaults(act=act)
        parser.add_argument("name", metavar="NAME", help="the plugin, as zhixing plugin list names it")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the trail")
    add(plugins, "health", health, "what of the plugins fails, and which are set aside", AS, JSON)
    authoring.add_to(plugins)


def _add_common(parser):
    parser.add_argument("name", metavar="NAME", help="the plugin, as zhixing plugin list names it")
    parser.add_argument("--branch", required=True, metavar="CODE", help="the branch's code")
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why; it is shown wherever the switch is explained"
    )
    parser.add_argument("--from", dest="from_day", metavar="DATE", help="from this day on (else from today)")


def show(args, settings):
    actor = begin(args, settings)
    branch = branch_by_code(args.branch) if args.branch else None
    actor.require("core.switch.view", branch.id if branch else None)
    print_rows(args, _there(branch, actor.now) if branch else _everywhere(actor))


def _there(branch, now):
    for name, found in switches(branch.id, now).items():
        plugin = registry().plugins[name]
        yield {
            "plugin": name,
            "title": str(plugin.title),
            "version": plugin.manifest.version,
            "on": found.is_on,
            "why": explain(found),
        }


def _everywhere(actor):
    seen = actor.branches("core.switch.view")
    codes = {branch.id: branch.code for _, branch in organisation().ordered() if seen is None or branch.id in seen}
    for name, plugin in registry().plugins.items():
        on = branches_with(name, actor.now)
        yield {
            "plugin": name,
            "title": str(plugin.title),
            "version": plugin.manifest.version,
            "depends": list(plugin.manifest.depends),
            "on_in": [code for branch_id, code in codes.items() if branch_id in on],
        }


def choose(args, settings):
    actor = begin(args, settings)
    branch = branch_by_code(args.branch)
    day = day_option(args.from_day) or local_day(actor.now, branch.id)
    changes = switch(actor, args.name, branch, args.value, reason=args.reason, from_day=day)
    codes = {branch_id: found.code for branch_id, found in organisation().branches.items()}
    rows = [
        {"branch": codes[branch_id], "plugin": plugin, "on": after.is_on, "from": day, "why": explain(after)}
        for branch_id, plugin, _, after in changes
    ]
    if rows or args.json:
        print_rows(args, rows)
    else:
        print(say("已记下,没有开关因此变化。", "Noted. It switches nothing on or off."))


def explain_why(args, settings):
    actor = begin(args, settings)
    branch = branch_by_code(args.branch)
    actor.require("core.switch.view", branch.id)
    reason = why(args.name, branch.id, actor.now)
    found = switches(branch.id, actor.now)[args.name]
    if args.json:
        row = {"plugin": args.name, "branch": branch.code, "on": found.is_on, "because": found.because, "why": reason}
        print_rows(args, [row])
    else:
        print(say("启用:", "On: ") + reason if found.is_on else say("停用:", "Off: ") + reason)


def move(args, settings):
    args.act(begin(args, settings), args.name, args.reason)
    if faulty.is_aside(args.name):
        print(say("已搁置:{name}。", "Set aside: {name}.", name=args.name))
    else:
        print(say("已恢复调用:{name}。", "Called again: {name}.", name=args.name))


def health(args, settings):
    begin(args, settings).require("core.switch.view", None)
    aside = faulty.set_aside_now()
    for_all = {name: [] for name in registry().plugins}
    for (plugin, _), row in sorted(faulty.in_trouble().items()):
        for_all.setdefault(plugin, []).append(row)
    print_rows(args, [_health(name, rows, aside.get(name)) for name, rows in for_all.items()])


def _health(plugin, rows, aside):
    return {
        "plugin": plugin,
        "state": "set aside" if aside else "failing" if rows else "healthy",
        "failing": [f"{row.what} x {row.in_row}: {row.error}" for row in rows],
        "since": local(min(row.since_at for row in rows)) if rows else "",
        "set_aside_by": aside.author if aside else "",
        "why": aside.reason if aside else "",
    }
