"""Which plugin is on where, since when and why: policies and choices along the tree of branches, never deleted."""

from dataclasses import dataclass
from datetime import date

import peewee

from core.audit import keep
from core.database import Cache, Kept, changed, transaction
from core.errors import Fault, NotFound, Refused, SwitchedOff
from core.fields import MomentColumn
from core.language import Words, say
from core.organisation import Branch, organisation, zone_of
from core.people import Person
from core.plugins import registry

POLICIES = {
    "required": Words("必须启用", "Required"),
    "default-on": Words("默认启用", "On by default"),
    "optional": Words("可选", "Optional"),
    "forbidden": Words("禁止", "Forbidden"),
    "inherit": Words("沿用上级", "As above"),
}
CHOICES = {"on": Words("启用", "On"), "off": Words("停用", "Off")}


class SwitchEntry(Kept):
    """A policy or a choice about a plugin in a branch, from a day on. The latest of each kind is in force."""

    branch = peewee.ForeignKeyField(Branch, backref="+", on_delete="RESTRICT")
    plugin = peewee.CharField(max_length=64)
    value = peewee.CharField(max_length=16)  # one of POLICIES or CHOICES
    from_day = peewee.DateField()
    reason = peewee.CharField(max_length=255, default="")
    author = peewee.ForeignKeyField(Person, null=True, backref="+", on_delete="RESTRICT")
    made_at = MomentColumn()

    class Meta:
        indexes = ((("branch", "plugin"), False),)


@dataclass(frozen=True)
class Entry:
    """What the resolver needs of a SwitchEntry."""

    branch: int
    plugin: str
    value: str
    from_day: date
    reason: str = ""
    author: str = ""
    made_on: date | None = None  # the branch's day on which it was entered


@dataclass(frozen=True)
class Switch:
    """The answer for one plugin in one branch: on or off, and why.

    `because` is forbidden, required, choice, default, needed, dependency or nothing; `by` is the Entry that decided;
    `plugins` are those that need it (needed) or those that it lacks (dependency).
    """

    is_on: bool
    because: str
    by: Entry | None = None
    plugins: tuple = ()


NOTHING = Switch(False, "nothing")


def resolve(path, entries, depends, day, business=frozenset()):
    """Every plugin's Switch in the branch at the end of `path` (ids from the root down), on `day`. Pure.

    `depends` maps each plugin to what it needs, dependencies first; `business` plugins are on only where needed.
    """
    in_force = {}
    for entry in sorted((e for e in entries if e.from_day <= day and e.branch in path), key=lambda e: e.from_day):
        in_force[entry.branch, entry.plugin, entry.value in POLICIES] = entry  # later entries of a day stand later
    direct = {plugin: _direct(plugin, path, in_force, plugin in business) for plugin in depends}
    forbidden = {plugin for plugin, switch in direct.items() if switch.because == "forbidden"}
    answer = {}
    for plugin, switch in direct.items():
        lacking = tuple(sorted(_all_needed(plugin, depends) & forbidden))
        if switch.is_on and lacking:
            switch = Switch(False, "dependency", direct[lacking[0]].by, lacking)
        answer[plugin] = switch
    for plugin in reversed(list(depends)):  # dependants stand after what they need
        needed_by = tuple(sorted(p for p, needs in depends.items() if plugin in needs and answer[p].is_on))
        if needed_by and not answer[plugin].is_on:
            answer[plugin] = Switch(True, "needed", None, needed_by)
    return answer


def _direct(plugin, path, in_force, business):
    policies = [in_force[branch, plugin, True] for branch in path if (branch, plugin, True) in in_force]
    choices = [in_force[branch, plugin, False] for branch in path if (branch, plugin, False) in in_force]
    for wanted in ("forbidden", "required"):
        found = next((entry for entry in policies if entry.value == wanted), None)
        if found and not (business and wanted == "required"):
            return Switch(wanted == "required", wanted, found)
    if business:
        return NOTHING
    if choices:
        return Switch(choices[-1].value == "on", "choice", choices[-1])
    defaults = [entry for entry in policies if entry.value in ("default-on", "optional")]
    if defaults:
        return Switch(defaults[-1].value == "default-on", "default", defaults[-1])
    return NOTHING


def _all_needed(plugin, depends):
    found, waiting = set(), list(depends[plugin])
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += depends[current]
    return found


class _Switches:
    def __init__(self):
        rows = SwitchEntry.select(SwitchEntry, Person).join(Person, peewee.JOIN.LEFT_OUTER).order_by(SwitchEntry.id)
        self.entries = [
            Entry(
                r.branch_id,
                r.plugin,
                r.value,
                r.from_day,
                r.reason,
                r.author.name if r.author_id else "",
                local_day(r.made_at, r.branch_id),
            )
            for r in rows
        ]
        self.worked_out = {}

    def at(self, branch_id, day):
        tree = organisation()
        path = tree.path(branch_id)
        key = (path, day)
        if key not in self.worked_out:
            if len(self.worked_out) > 5000:
                self.worked_out.clear()
            self.worked_out[key] = _resolve_here(path, self.entries, day)
        return self.worked_out[key]


def _resolve_here(path, entries, day):
    plugins = registry().plugins
    depends = {name: tuple(plugin.manifest.depends) for name, plugin in plugins.items()}
    return resolve(path, entries, depends, day, frozenset(n for n, p in plugins.items() if p.manifest.business))


_switches = Cache("switches", _Switches)


def local_day(now, branch_id):
    """The day that it is in a branch at a moment."""
    return now.astimezone(zone_of(branch_id)).date()


def switches(branch_id, now):
    """Every plugin's Switch in a branch at a moment."""
    return _switches.get().at(branch_id, local_day(now, branch_id))


def is_on(plugin, branch_id, now):
    """Whether a plugin is on in a branch. The core itself ("core") is on everywhere."""
    return plugin == "core" or (plugin in registry().plugins and switches(branch_id, now)[plugin].is_on)


def require_on(plugin, branch_id, now):
    """Raise SwitchedOff, which says since when and why, unless the plugin is on in the branch."""
    if not is_on(plugin, branch_id, now):
        raise SwitchedOff(
            say(
                "“{plugin}”在“{branch}”未启用:{why}",
                "{plugin} is off in {branch}: {why}",
                **_named(plugin, branch_id),
                why=why(plugin, branch_id, now),
            )
        )


def branches_with(plugin, now):
    """The ids of the branches where the plugin is on."""
    return frozenset(branch_id for branch_id in organisation().branches if is_on(plugin, branch_id, now))


def _named(plugin, branch_id):
    return {"plugin": registry().plugins[plugin].title, "branch": organisation().branches[branch_id].name}


def why(plugin, branch_id, now):
    """Why a plugin is on or off in a branch: one sentence."""
    if plugin not in registry().plugins:
        raise NotFound(_no_such_plugin(plugin))
    found = switches(branch_id, now)
    if found[plugin].because == "nothing" and registry().plugins[plugin].manifest.business:
        return _needed_by_nothing(plugin, found)
    return explain(found[plugin])


def _needed_by_nothing(plugin, found):
    """Why nothing that is on needs a business plugin: the reasons of those that would."""
    depends = {name: tuple(each.manifest.depends) for name, each in registry().plugins.items()}
    would = [n for n, p in registry().plugins.items() if not p.manifest.business and plugin in _all_needed(n, depends)]
    reasons = " ".join(f"{registry().plugins[name].title}: {explain(found[name])}" for name in would)
    return say("需要它的制度都未启用。", "nothing that needs it is on. ") + reasons


def explain(switch):
    """A Switch in words, with the branch, day, author and reason that decided."""
    titles = "、".join(str(registry().plugins[name].title) for name in switch.plugins)
    if switch.because == "nothing":
        return say("没有任何机构启用过它。", "nobody has switched it on.")
    if switch.because == "needed":
        return say("因为已启用的“{titles}”需要它。", "needed by {titles}, which is on.", titles=titles)
    entry = switch.by
    told = say(
        "“{branch}”自 {day} 起{what}{author}{reason}。",
        "{branch} set it {what} from {day}{author}{reason}.",
        branch=organisation().branches[entry.branch].name,
        day=entry.from_day,
        what=str({**POLICIES, **CHOICES}[entry.value]),
        author=say("({name})", " ({name})", name=entry.author) if entry.author else "",
        reason=say(",理由:{reason}", ", reason: {reason}", reason=entry.reason) if entry.reason else "",
    )
    if switch.because == "dependency":
        return say("它所需的“{titles}”被禁止:", "it needs {titles}, which is forbidden: ", titles=titles) + told
    return told


def _no_such_plugin(plugin):
    return say(
        "没有名为“{plugin}”的插件。现有:{known}。",
        'There is no plugin "{plugin}". There are: {known}.',
        plugin=plugin,
        known=", ".join(registry().plugins),
    )


def consequences(plugin, branch, value, day):
    """What a new entry would change on `day`: [(branch_id, plugin, before, after)] over the branch and all below it."""
    _judge(plugin, branch, value, day)
    kept = _switches.get().entries
    new = Entry(branch.id, plugin, value, day)
    changes = []
    for branch_id in sorted(organisation().subtree(branch.id)):
        path = organisation().path(branch_id)
        before, after = _resolve_here(path, kept, day), _resolve_here(path, [*kept, new], day)
        changes += [
            (branch_id, name, before[name], after[name]) for name in after if before[name].is_on != after[name].is_on
        ]
    return changes


def coming(since):
    """Where entries made ahead come into force after a day: {(branch_id, day)}, the branches below included."""
    ahead = {(e.branch, e.from_day) for e in _switches.get().entries if e.made_on < e.from_day > since}
    return {(below, day) for branch_id, day in ahead for below in organisation().subtree(branch_id)}


def come_into_force(actor, branch_id, day):
    """Do what follows where entries made ahead come into force on a day. Returns the changes, as `consequences` does."""
    path, entries = organisation().path(branch_id), _switches.get().entries
    earlier = [e for e in entries if not e.made_on < e.from_day == day]
    before, after = _resolve_here(path, earlier, day), _resolve_here(path, entries, day)
    changes = [
        (branch_id, name, before[name], after[name]) for name in after if before[name].is_on != after[name].is_on
    ]
    for effect in effects if changes else ():
        effect(actor, changes)
    return changes


def _judge(plugin, branch, value, day):
    if plugin not in registry().plugins:
        raise NotFound(_no_such_plugin(plugin))
    if value not in {**POLICIES, **CHOICES}:
        raise Refused(Fault("value", say("没有“{value}”这个开关值", 'no such switch value "{value}"', value=value)))
    if registry().plugins[plugin].manifest.business and value not in ("forbidden", "inherit"):
        raise Refused(
            Fault(
                "plugin",
                say(
                    "“{plugin}”是业务插件,不单独开关:启用需要它的制度插件即可",
                    "{plugin} is a business plugin and never chosen: switch on a regulation that needs it",
                    plugin=registry().plugins[plugin].title,
                ),
            )
        )
    above = organisation().path(branch.id)[:-1]
    if not above:
        return
    switch = _switches.get().at(above[-1], day)[plugin]
    laxer = {
        "forbidden": ("on", "required", "default-on", "optional"),
        "required": ("off", "default-on", "optional", "forbidden"),
    }
    if value in laxer.get(switch.because, ()):
        raise Refused(
            Fault(
                "value",
                say(
                    "上级已有规定,下级只能更严:{why}",
                    "decided above, and a level below is never laxer: {why}",
                    why=explain(switch),
                ),
            )
        )


effects = []  # called in the transaction of a switch as effect(actor, changes); set at start by core.start


def switch(actor, plugin, branch, value, *, reason="", from_day=None):
    """Enter a policy or a choice, and do what follows from it. Returns what changed today, as `consequences` does.

    Raises Denied, NotFound, or Refused where the level above has decided otherwise.
    """
    actor.require("core.policy.edit" if value in POLICIES else "core.switch.edit", branch.id)
    today = local_day(actor.now, branch.id)
    day = from_day or today
    if day < today:
        raise Refused(Fault("from_day", say("不能早于今天({today})", "not before today ({today})", today=today)))
    with transaction():
        changes = consequences(plugin, branch, value, day)
        values = {"branch": branch, "plugin": plugin, "value": value, "from_day": day, "reason": reason}
        keep(
            actor,
            SwitchEntry,
            {**values, "author": actor.person, "made_at": actor.now},
            branch_id=branch.id,
            verb="switch",
            reason=reason,
        )
        changed("switches")
        if day <= today:
            for effect in effects:
                effect(actor, changes)
    return changes
