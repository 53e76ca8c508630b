"""Plugins that fail: every failure is named and counted, who goes on failing is set aside, and can be taken back.

A failure counts once it is sure that nothing of it stands: after the transaction in which it happened. Set aside is for
the whole installation, and is not off: the plugin's records stay in use, only its own code is not called.
"""

import logging
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path

import peewee

from core.access import system
from core.audit import amend, keep
from core.database import Cache, Kept, Table, alone, changed, in_transaction, is_trouble, transaction
from core.errors import Fault, NotFound, Refused
from core.failures import trace_of
from core.fields import MomentColumn
from core.language import Words, say
from core.organisation import organisation
from core.plugins import registry

log = logging.getLogger("zhixing.plugins")
_here = threading.local()
PERMISSION = "core.plugin.set_aside"
RULES = ("rule:", "validate_record")  # asked inside the transaction: they refuse until somebody sets the plugin aside
limits = {"in_a_row": 5}  # failures after which a plugin is set aside; set at start
effects = []  # called as effect(actor, verb, plugin, words, row): verb is failing, set_aside or take_back
watchers = []  # called as watcher(plugin, what) when code of a plugin begins, and as watcher(None, None) when it ends


class PluginTrouble(Table):
    """How often one thing that a plugin does has failed; `in_row` is 0 where it went well since."""

    plugin = peewee.CharField(max_length=64)
    what = peewee.CharField(max_length=128)  # a hook, "check:name", "measure:name", "rule:record.name", "answer:name"
    in_row = peewee.IntegerField(default=0)
    total = peewee.IntegerField(default=0)
    error = peewee.TextField(default="")
    since_at = MomentColumn()
    last_at = MomentColumn()

    class Meta:
        indexes = ((("plugin", "what"), True),)


class SetAside(Kept):
    """A plugin that was set aside, by whom and why; `ended_at` is when it was taken back."""

    plugin = peewee.CharField(max_length=64)
    reason = peewee.TextField()
    author = peewee.CharField(max_length=160)  # as the trail names actors
    begun_at = MomentColumn()
    ended_at = MomentColumn(null=True)

    class Meta:
        indexes = ((("plugin", "ended_at"), False),)


def _standing():
    return {row.plugin: row for row in SetAside.select().where(SetAside.ended_at.is_null())}


def _failing():
    return {(row.plugin, row.what): row for row in PluginTrouble.select().where(PluginTrouble.in_row > 0)}


_aside = Cache("set_aside", _standing)
_in_trouble = Cache("plugin_trouble", _failing)


def set_aside_now():
    """The plugins that are set aside: {name: SetAside}."""
    return _aside.get()


def is_aside(plugin):
    """Whether a plugin is set aside, so that its code is not called."""
    return plugin in _aside.get()


def in_trouble():
    """What fails at present: {(plugin, what): PluginTrouble}."""
    return _in_trouble.get()


def unasked(record):
    """The plugins set aside of which rules are not asked of a record type meanwhile, in order."""
    loaded = registry()
    asked = {loaded.plugin_of.get(record), *(name for name, _ in loaded.extensions.get(record, ()))}
    asked |= {name for name, _ in loaded.implementing("validate_record")}
    return [plugin for name, plugin in loaded.plugins.items() if name in asked and is_aside(name)]


# ---- calling plugins ---------------------------------------------------------------------------------------------------


@contextmanager
def asking(plugin, what, now):
    """Around each call of a plugin's code: what it raises goes on, and is counted under its name."""
    is_outermost = not getattr(_here, "is_asking", False)  # a hook that saves a record has rules asked on its own time
    if is_outermost:
        _here.is_asking = True
        _tell_watchers(plugin, what)
    try:
        yield
    except (Exception, SystemExit) as error:
        if not is_trouble(error):
            told = place(plugin, error)
            log.error("plugin %s: %s failed: %s", plugin, what, told)
            _afterwards((plugin, what), lambda: failed(plugin, what, told, now), outweighs=True)
        raise
    else:
        if (plugin, what) in _in_trouble.get():
            _afterwards((plugin, what), lambda: went_well(plugin, what))
    finally:
        if is_outermost:
            _here.is_asking = False
            _tell_watchers(None, None)


def _tell_watchers(plugin, what):
    for watcher in watchers:
        watcher(plugin, what)


def place(plugin, error):
    """An error without its values, which may be personal: its class, and where in the plugin's files it came up."""
    frames = traceback.extract_tb(error.__traceback__)
    known = registry().plugins.get(plugin)
    mine = [frame for frame in frames if known and Path(frame.filename).is_relative_to(known.folder)]
    kind = type(error).__name__
    if not mine:
        return kind
    return f"{kind} ({plugin}/{Path(mine[-1].filename).relative_to(known.folder)}:{mine[-1].lineno}, {mine[-1].name})"


def _afterwards(key, act, outweighs=False):
    if not in_transaction():
        _guarded(act)
        return
    with transaction() as current:
        if outweighs or key not in current.in_the_end:
            current.in_the_end[key] = lambda: _guarded(act)


def _guarded(act):
    try:
        act()
    except Exception as error:  # counting must not hide what happened
        log.error("a plugin's failure could not be counted\n%s", trace_of(error))


def failed(plugin, what, told, now):
    """Count a failure; who fails too often in a row is set aside, but for rules, which go on refusing until somebody acts."""
    with transaction():
        alone(f"plugin:{plugin}", wait=True)
        mine = (PluginTrouble.plugin == plugin, PluginTrouble.what == what)
        known = PluginTrouble.get_or_none(*mine)
        begins = known is None or not known.in_row
        in_row = 1 if begins else known.in_row + 1
        values = {"in_row": in_row, "total": (known.total if known else 0) + 1, "error": told, "last_at": now}
        values |= {"since_at": now} if begins else {}
        if known:
            PluginTrouble.update(**values).where(*mine).execute()
        else:
            PluginTrouble.insert(plugin=plugin, what=what, **values).execute()
        changed("plugin_trouble")
        _answer(plugin, what, in_row, told, now)


def _answer(plugin, what, in_row, told, now):
    actor = system(now, "job")
    if what.startswith(RULES):
        if in_row == 1:
            _effect(actor, "failing", plugin, Words(f"{what}: {told}"))
    elif in_row >= limits["in_a_row"] and plugin not in _standing():
        told = {"what": what, "n": in_row, "error": told}
        zh = "自动搁置:{what} 连续失败 {n} 次,最近一次:{error}".format(**told)
        en = "set aside by itself: {what} failed {n} times in a row, last {error}".format(**told)
        _set_aside(actor, plugin, Words(zh, en))


def went_well(plugin, what):
    """Note that what failed before went well."""
    with transaction():
        mine = (PluginTrouble.plugin == plugin, PluginTrouble.what == what, PluginTrouble.in_row > 0)
        if PluginTrouble.update(in_row=0).where(*mine).execute():
            changed("plugin_trouble")


# ---- setting aside, taking back ----------------------------------------------------------------------------------------


def set_aside(actor, plugin, reason):
    """Let nothing of a plugin be called any more, in the whole installation. Raises Denied, NotFound or Refused."""
    _require(actor, plugin, reason)
    with transaction():
        alone(f"plugin:{plugin}", wait=True)
        if plugin in _standing():
            raise Refused(say("“{plugin}”已搁置", "{plugin} is set aside already", plugin=plugin))
        _set_aside(actor, plugin, Words(reason.strip()))


def take_back(actor, plugin, reason):
    """Call a plugin again; what waited for it is delivered. Raises Denied, NotFound or Refused."""
    _require(actor, plugin, reason)
    with transaction():
        alone(f"plugin:{plugin}", wait=True)
        row = _standing().get(plugin)
        if row is None:
            raise Refused(say("“{plugin}”没有被搁置", "{plugin} is not set aside", plugin=plugin))
        amend(actor, row, {"ended_at": actor.now}, verb="take_back", reason=reason.strip())
        PluginTrouble.update(in_row=0).where(PluginTrouble.plugin == plugin).execute()
        _moved()
        _effect(actor, "take_back", plugin, Words(reason.strip()), row)


def _set_aside(actor, plugin, reason):
    values = {"plugin": plugin, "reason": str(reason), "author": actor.name, "begun_at": actor.now}
    row = keep(actor, SetAside, values, verb="set_aside", reason=str(reason))
    _moved()
    _effect(actor, "set_aside", plugin, reason, row)


def _require(actor, plugin, reason):
    actor.require(PERMISSION, head_office())
    if plugin not in registry().plugins:
        known = ", ".join(registry().plugins)
        raise NotFound(
            say("没有插件“{name}”。现有:{known}", 'No plugin "{name}". There are: {known}', name=plugin, known=known)
        )
    if not reason.strip():
        raise Refused(Fault("reason", say("请写明理由", "a reason is needed"), "required"))


def head_office():
    """The id of the branch at the top, None where there is none yet."""
    return next((branch.id for branch in organisation().branches.values() if branch.parent_id is None), None)


def _moved():
    changed("set_aside")
    changed("plugin_trouble")


def _effect(actor, verb, plugin, words, row=None):
    for effect in effects:
        effect(actor, verb, plugin, words, row)
