"""The plugin matrix: branches by plugins, why each is on or off, and the switch with a preview of what it does."""

import peewee
from flask import g, url_for
from flask_admin import expose

from core import faulty, switches
from core.errors import NotFound
from core.language import Words, say
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.screens.administration.asking import Typed, branch_of, branches_for, done, today, typed
from core.screens.administration.consequences import preview, rules_of
from core.screens.administration.page import AdministrationPage
from core.switches import CHOICES, POLICIES, SwitchEntry

VIEW, SWITCH, POLICY = "core.switch.view", "core.switch.edit", "core.policy.edit"
SIGNS = {
    "choice": Words("本级选择", "chosen here"),
    "above": Words("沿用上级", "from above"),
    "required": Words("必须", "required"),
    "forbidden": Words("禁止", "forbidden"),
    "default": Words("默认", "by default"),
    "needed": Words("被需要", "needed"),
    "dependency": Words("所需插件被禁", "lacks what it needs"),
    "nothing": Words("未启用", "never on"),
}


class Plugins(AdministrationPage):
    """Which plugin is on where, since when and why."""

    permission = VIEW
    title = Words("插件开关", "Plugins")
    icon = "plug"
    order = 30

    @expose("/")
    def index(self, form=None):
        branches = [(depth, branch) for depth, branch in branches_for(VIEW) if branch.id in g.scope]
        cells = {branch.id: switches.switches(branch.id, g.now) for _, branch in branches}
        return self.show(
            "zhixing/administration/plugins.html",
            branches=branches,
            plugins=registry().plugins.values(),
            cells=cells,
            sign=sign,
            explain=switches.explain,
            states=_states(),
            form=form or Typed(),
            may_set_aside=g.actor.may(faulty.PERMISSION, faulty.head_office()),
        ), 422 if form and form.faults else 200

    @expose("/set-aside", methods=("POST",))
    def set_aside(self):
        """Call nothing of a plugin any more."""
        return self._move(faulty.set_aside, say("已搁置。", "Set aside."))

    @expose("/take-back", methods=("POST",))
    def take_back(self):
        """Call a plugin again."""
        return self._move(faulty.take_back, say("已恢复调用。", "It is called again."))

    def _move(self, act, told):
        form = typed()
        with form.judged():
            act(g.actor, form.text("plugin"), form.text("reason"))
            return done(told, url_for("plugins.index"))
        return self.index(form=form)

    @expose("/<plugin>/<code>")
    def cell(self, plugin, code, form=None, told=None):
        """One plugin in one branch: why, the history, and the switch."""
        branch, plugin = branch_of(code, VIEW), _plugin(plugin)
        switch = switches.switches(branch.id, g.now)[plugin.name]
        return self.show(
            "zhixing/administration/plugin.html",
            branch=branch,
            plugin=plugin,
            switch=switch,
            why=switches.explain(switch),
            sign=str(sign(switch, branch)),
            entries=_entries(plugin.name, branch),
            words={**POLICIES, **CHOICES},
            values=_values(plugin, branch),
            form=form or Typed({"from_day": today(branch).isoformat()}),
            told=told,
            rules=rules_of(plugin, branch, g.now),
            tree=organisation(),
            depends=[registry().plugins[name] for name in plugin.manifest.depends],
            dependants=[p for p in registry().plugins.values() if plugin.name in p.manifest.depends],
        ), 422 if form and form.faults else 200

    @expose("/<plugin>/<code>", methods=("POST",))
    def switch(self, plugin, code):
        """Show what an entry would do, or, once that was seen (`do` is "switch"), make it."""
        branch, plugin, form = branch_of(code, VIEW), _plugin(plugin), typed()
        value, day = form.text("value"), form.day("from_day") or today(branch)
        g.actor.require(POLICY if value in POLICIES else SWITCH, branch.id)
        if not form.text("reason"):
            form.fault("reason", say("请写明理由", "a reason is needed"))
        told = None
        with form.judged():
            told = _told(plugin, branch, value, day)
        if form.faults or form.get("do") != "switch":
            return self.cell(plugin=plugin.name, code=code, form=form, told=told)
        with form.judged():
            switches.switch(g.actor, plugin.name, branch, value, reason=form.text("reason"), from_day=day)
            return done(say("已登记,即时生效。", "Entered, in force at once.") if day <= today(branch) else _later(day),
                        url_for("plugins.cell", plugin=plugin.name, code=code))  # fmt: skip
        return self.cell(plugin=plugin.name, code=code, form=form, told=told)


def _states():
    """How each plugin is: [(Plugin, SetAside or None, [PluginTrouble at present])]."""
    aside, failing = faulty.set_aside_now(), faulty.in_trouble()
    return [
        (plugin, aside.get(name), [row for (whose, _), row in sorted(failing.items()) if whose == name])
        for name, plugin in registry().plugins.items()
    ]


def sign(switch, branch):
    """In two words where the answer comes from."""
    if switch.because == "choice" and switch.by.branch != branch.id:
        return SIGNS["above"]
    return SIGNS[switch.because]


def _later(day):
    return say("已登记,自 {day} 起生效。", "Entered, in force from {day}.", day=day)


def _told(plugin, branch, value, day):
    if day < today(branch):
        day = today(branch)
    return preview(g.actor, plugin.name, branch, value, day)


def _plugin(plugin_name):
    if plugin_name not in registry().plugins:
        raise NotFound(say("没有这个插件。", "There is no such plugin."))
    return registry().plugins[plugin_name]


def _values(plugin, branch):
    """What the actor may enter here: [(value, words)]."""
    allowed = {}
    if g.actor.may(SWITCH, branch.id) and not plugin.manifest.business:
        allowed.update(CHOICES)
    if g.actor.may(POLICY, branch.id):
        policies = POLICIES if not plugin.manifest.business else ("forbidden", "inherit")
        allowed.update({value: POLICIES[value] for value in policies})
    return list(allowed.items())


def _entries(plugin, branch):
    """The entries that bind the branch, of itself and of the levels above, newest first."""
    query = (
        SwitchEntry.select(SwitchEntry, Person)
        .join(Person, peewee.JOIN.LEFT_OUTER)
        .where(SwitchEntry.plugin == plugin, SwitchEntry.branch.in_(organisation().path(branch.id)))
    )
    return list(query.order_by(SwitchEntry.from_day.desc(), SwitchEntry.id.desc()))
