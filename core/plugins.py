"""Finding plugins, ordering them by what they need, and joining what they declare. Every fault is told at once."""

import importlib
import pkgutil
from dataclasses import dataclass, field, fields
from importlib.metadata import entry_points
from pathlib import Path

import peewee
import pluggy

from core import hookspecs
from core.access import Role
from core.errors import StartError
from core.language import Words
from core.manifest import Answer, Extension, Manifest, Notice
from core.regulation import Regulation, Unreadable, read, read_toml


@dataclass
class Plugin:
    """A loaded plugin: its module, its folder and what it declares."""

    name: str
    module: object
    manifest: Manifest
    folder: Path
    regulation: Regulation | None = None
    limits: tuple = ()  # dicts of limits.toml
    duties: tuple = ()  # dicts of duties.toml

    @property
    def title(self):
        return Words(self.manifest.title, self.manifest.en or None, name=self.name)


@dataclass
class Registry:
    """All that is loaded, dependencies first, and what it adds up to."""

    plugins: dict = field(default_factory=dict)
    models: dict = field(default_factory=dict)  # record name -> model
    plugin_of: dict = field(default_factory=dict)  # record name -> plugin name
    extensions: dict = field(default_factory=dict)  # record name -> [(plugin name, Extension)]
    roles: dict = field(default_factory=dict)
    without: frozenset = frozenset()  # enforcers taken away, by `make prove` only
    hooks: object = None

    def implementing(self, hook):
        """The plugins that answer a hook, in order: [(plugin name, callable)]."""
        return self.hooks.get(hook, ())

    def enforcers(self):
        """Everything that names a clause: [(clause, id)], ids as `kind:what`."""
        return [pair for name in self.plugins for pair in self.enforcers_of(name)]

    def enforcers_of(self, name):
        """What one plugin declares that names a clause: [(clause, id)]."""
        found = []
        for kind, what, clauses in _declared(name, self.plugins[name]):
            found += [(clause, f"{kind}:{what}") for clause in clauses if f"{kind}:{what}" not in self.without]
        return found


_registry = Registry()


def registry():
    """What is loaded in this process."""
    return _registry


def include(folder):
    """Let a folder of plugins stand beside `plugins/` in this process, for what is loaded from now on."""
    path = importlib.import_module("plugins").__path__
    if str(folder) not in path:
        path.append(str(folder))


def folders_of_plugins():
    """The folders in which this process looks for plugins, for another process to `include`."""
    return [str(path) for path in importlib.import_module("plugins").__path__]


def load(off=(), without=frozenset(), roles=(), judges=()):
    """Find, order and join all plugins. Raises StartError with every fault of every plugin at once.

    `off` are names not to load; `without` are enforcers to take away (for proving that tests notice). `judges` find
    further faults in a Registry: what floors above this one read from the plugins.
    """
    global _registry
    faults = []
    found = {name: module for name, module in _find(faults).items() if name not in off}
    plugins = {name: plugin for name, module in found.items() if (plugin := _plugin(name, module, without, faults))}
    ordered = _order(plugins, faults)
    loaded = Registry(without=frozenset(without), roles={role.name: role for role in roles})
    loaded.hooks = _hooks(ordered, faults)
    for name, plugin in ordered.items():
        loaded.plugins[name] = plugin
        _join(loaded, name, plugin, faults)
    faults += [fault for judge in judges for fault in judge(loaded)]
    if faults:
        raise StartError(faults)
    _registry = loaded
    return loaded


def _find(faults):
    modules = {
        item.name: f"plugins.{item.name}" for item in pkgutil.iter_modules(importlib.import_module("plugins").__path__)
    }
    for point in entry_points(group="zhixing.plugins"):
        if point.name in modules:
            faults.append(
                f"{point.name}: two plugins have this name: {modules[point.name]} and {point.value}. "
                "Rename one, or remove its package."
            )
            continue
        modules[point.name] = point.value
    found = {}
    for name, path in sorted(modules.items()):
        try:
            found[name] = importlib.import_module(path)
        except (Exception, SystemExit) as error:
            faults.append(f"{path}: cannot be imported: {type(error).__name__}: {error}.")
    return found


def _plugin(name, module, without, faults):
    declare = getattr(module, "plugin_manifest", None)
    if declare is None:
        faults.append(f"plugins/{name}: has no plugin_manifest(). Write one that returns core.Manifest(title=...).")
        return None
    try:
        manifest = declare()
    except (Exception, SystemExit) as error:
        faults.append(f"plugins/{name}: plugin_manifest() raised {type(error).__name__}: {error}.")
        return None
    if not isinstance(manifest, Manifest):
        faults.append(f"plugins/{name}: plugin_manifest() returned {manifest!r}, not a core.Manifest.")
        return None
    wrong = _wrong_types(name, manifest)
    if wrong:
        faults.extend(wrong)
        return None
    folder = Path(module.__file__).parent
    plugin = Plugin(name, module, manifest, folder)
    try:
        plugin.regulation = read(folder)
        plugin.limits = _entries(folder / "limits.toml", "limit", name, without)
        plugin.duties = _entries(folder / "duties.toml", "duty", name, without)
    except Unreadable as error:
        faults.append(f"plugins/{name}/{error}")
    return plugin


WANTED = {
    "depends": str, "follows": str, "extensions": Extension, "roles": Role, "answers": Answer, "notices": Notice,
}  # fmt: skip


def _wrong_types(name, manifest):
    found = []
    for part in fields(manifest):
        value, where = getattr(manifest, part.name), f"plugins/{name}: Manifest.{part.name}"
        if part.default != () or part.name == "screens":
            continue
        if not isinstance(value, (tuple, list)):
            found.append(f"{where} = {value!r} is not a tuple. Write {part.name}=(..., ).")
            continue
        wanted = WANTED.get(part.name, object)
        found += [f"{where} holds {item!r}, not a {wanted.__name__}." for item in value if not isinstance(item, wanted)]
    for model in manifest.models if isinstance(manifest.models, (tuple, list)) else ():
        if not (isinstance(model, type) and issubclass(model, peewee.Model) and hasattr(model._meta, "record")):
            found.append(
                f"plugins/{name}: Manifest.models holds {model!r}, not a class derived from core.records.Record."
            )
    return found


def _entries(path, key, plugin, without):
    entries = read_toml(path).get(key, ()) if path.exists() else ()
    unnamed = [place for place, entry in enumerate(entries, 1) if not isinstance(entry, dict) or "name" not in entry]
    if unnamed:
        raise Unreadable(
            f'{path.name}: [[{key}]] number {", ".join(map(str, unnamed))} has no name. Write name = "...".'
        )
    return tuple(e for e in entries if f"{key}:{plugin}.{e['name']}" not in without)


def _order(plugins, faults):
    ordered, waiting = {}, dict(plugins)
    for name, plugin in list(waiting.items()):
        missing = [needed for needed in plugin.manifest.depends if needed not in plugins]
        for needed in missing:
            faults.append(
                f"plugins/{name}: depends on {needed!r}, which there is not. Found: {', '.join(sorted(plugins))}."
            )
        if missing:
            waiting.pop(name)
            ordered[name] = plugin
    while waiting:
        ready = [n for n, p in waiting.items() if all(d in ordered for d in p.manifest.depends)]
        if not ready:
            faults.append(
                f"plugins {', '.join(sorted(waiting))} depend on each other in a circle. Cut one of the dependencies."
            )
            break
        for name in sorted(ready):
            ordered[name] = waiting.pop(name)
    return ordered


def _hooks(plugins, faults):
    manager = pluggy.PluginManager("zhixing")
    manager.add_hookspecs(hookspecs)
    names = [name for name in vars(hookspecs) if getattr(getattr(hookspecs, name), "zhixing_spec", None)]
    for name, plugin in plugins.items():
        misspelt = [n for n, value in vars(plugin.module).items() if hasattr(value, "zhixing_impl") and n not in names]
        faults.extend(f"plugins/{name}: there is no hook {wrong!r}. Hooks: {', '.join(names)}." for wrong in misspelt)
        try:
            manager.register(plugin.module, name)
        except pluggy.PluginValidationError as error:
            faults.append(
                f"plugins/{name}: {' '.join(str(error).split())}. core/hookspecs.py shows each hook's arguments."
            )
    hooks = {}
    for hook in names:
        by_plugin = {impl.plugin_name: impl.function for impl in getattr(manager.hook, hook).get_hookimpls()}
        hooks[hook] = [(name, by_plugin[name]) for name in plugins if name in by_plugin]
    return hooks


def _join(loaded, name, plugin, faults):
    manifest = plugin.manifest
    for model in manifest.models:
        record = model._meta.record
        if record in loaded.models:
            faults.append(
                f"plugins/{name}: record {record!r} is declared by plugins/{loaded.plugin_of[record]} already."
            )
            continue
        faults.extend(f"plugins/{name}: {fault}" for fault in model.declaration_faults())
        model._meta.plugin = name
        loaded.models[record], loaded.plugin_of[record] = model, name
        for kind, what, _ in _declared_by_model(model):
            if kind == "field" and f"field:{what}" in loaded.without:
                model.take_away(what.split(".")[1])
    for extension in manifest.extensions:
        if extension.record not in loaded.models:
            faults.append(f"plugins/{name}: extends {extension.record!r}, which no plugin that it depends on has.")
            continue
        loaded.extensions.setdefault(extension.record, []).append((name, _without(name, extension, loaded.without)))
        for field_name, column in extension.fields.items():
            if f"field:{extension.record}.{name}__{field_name}" not in loaded.without:
                loaded.models[extension.record].extend_with(name, field_name, column)
        model = loaded.models[extension.record]
        if model._meta.workflow is not None:
            where = f"plugins/{name}: record {extension.record}"
            faults.extend(model._meta.workflow.extension_faults(where, extension, model.by_api_name()))
    faults.extend(_rule_faults(loaded, name, manifest))
    faults.extend(
        f"plugins/{name}: follows {record!r}, which no plugin that it depends on has."
        for record in manifest.follows
        if record not in loaded.models
    )
    for role in manifest.roles:
        loaded.roles[role.name] = _joined_role(loaded.roles.get(role.name), role)


def _rule_faults(loaded, name, manifest):
    for record, rules in manifest.rules.items():
        if loaded.plugin_of.get(record) != name:
            yield f"plugins/{name}: rules for {record!r}, which it does not have. Add them by an Extension."
            continue
        known = loaded.models[record]._meta.workflow.transitions if loaded.models[record]._meta.workflow else {}
        for rule in rules:
            if rule.on is not None and rule.on not in known:
                yield f"plugins/{name}: rule {rule.id} waits for {record}.{rule.on}, which there is not. Events: {', '.join(known)}."


def _joined_role(known, role):
    """A plugin that names a role which there is already adds its permissions to it."""
    if known is None:
        return role
    permissions = (*known.permissions, *role.permissions)
    return Role(known.name, known.label, permissions, known.capacity or role.capacity, known.may_grant + role.may_grant)


def _without(name, extension, without):
    if not without:
        return extension
    prefix = extension.record
    return type(extension)(
        extension.record,
        extension.fields,
        tuple(r for r in extension.requires if f"requires:{prefix}.{r.id}" not in without),
        tuple(r for r in extension.rules if f"rule:{prefix}.{r.id}" not in without),
        tuple(t for t in extension.transitions if f"transition:{prefix}.{t.event}" not in without),
        extension.states,
    )


def _declared_by_model(model):
    record = model._meta.record
    for column in model._meta.sorted_fields:
        yield "field", f"{record}.{column.name}", getattr(column, "clauses", ())
    for step in model._meta.workflow.transitions.values() if model._meta.workflow else ():
        yield "transition", f"{record}.{step.event}", step.clauses


def _declared(name, plugin):
    for model in plugin.manifest.models:
        yield from (item for item in _declared_by_model(model) if "__" not in item[1])
    for extension in plugin.manifest.extensions:
        for field_name, column in extension.fields.items():
            yield "field", f"{extension.record}.{name}__{field_name}", column.clauses
        for asked in extension.requires:
            yield "requires", f"{extension.record}.{asked.id}", (asked.clause,)
        for rule in extension.rules:
            yield "rule", f"{extension.record}.{rule.id}", (rule.clause,)
        for step in extension.transitions:
            yield "transition", f"{extension.record}.{step.event}", step.clauses
    for record, rules in plugin.manifest.rules.items():
        for rule in rules:
            yield "rule", f"{record}.{rule.id}", (rule.clause,)
    for limit in plugin.limits:
        yield "limit", f"{name}.{limit['name']}", _clauses(limit)
    for duty in plugin.duties:
        yield "duty", f"{name}.{duty['name']}", _clauses(duty)
    for kind in ("check", "measure", "notice", "answer"):
        for item in getattr(plugin.manifest, f"{kind}s"):
            yield kind, f"{name}.{item.name}", item.clauses


def _clauses(entry):
    clause = entry["clause"]
    return (clause,) if isinstance(clause, str) else tuple(clause)
