"""Bringing the product up in a process, without a face: every step in order, on one screen."""

from core import (
    access,
    business_calendar,
    checks,
    clocks,
    daily_backup,
    database,
    encryption,
    faulty,
    fields,
    forms,
    limits,
    notices,
    organisation,
    outbox,
    own_checks,
    passwords,
    plugins,
    reworking,
    schedule,
    sealing,
    switches,
    tellings,
)
from core.errors import StartError
from core.records import context, saving
from core.roles import CORE_ROLES


def start(settings, *, without=frozenset(), upgrade=True):
    """Bring the product up in this process, without a face. Raises StartError with every fault at once.

    `without` are enforcers to take away, for proving that tests notice. `upgrade` applies what migrations wait.
    """
    database.connect(settings.database_url)
    encryption.open_keys(settings)
    fields.Answers.kinds = forms.sealed_kinds
    organisation.set_default_zone(settings.timezone)
    judges = [limits.faults, checks.faults]
    registry = plugins.load(off=settings.plugins_off, without=without, roles=CORE_ROLES, judges=judges)
    checks.own[:] = [*own_checks.ALL, *daily_backup.checks_of(settings)]
    access.ROLES.clear()
    access.ROLES.update(registry.roles)
    _require_known(settings.totp_roles, registry, settings)
    passwords.in_force["name"] = settings.password_policy
    context.limits_of_time["back_dating_business_days"] = settings.back_dating_business_days
    saving.effects[:] = [clocks.follow, tellings.record_changed]
    switches.effects[:] = [reworking.switched]
    business_calendar.effects[:] = [reworking.recalendar]
    limits.effects[:] = [reworking.relimit]
    faulty.limits["in_a_row"] = settings.hook_failures
    faulty.effects[:] = [outbox.plugin_moved, schedule.plugin_moved, notices.plugin_moved]
    outbox.handlers.update(tellings.HANDLERS)
    if upgrade:
        migrate(registry)
    encryption.register()
    database.refresh()
    return registry


def migrate(registry):
    """Apply what migrations wait; returns their names. Where they sealed what stood plain, the file is wiped of it too."""
    sealing.rewritten.clear()
    applied = database.migrate(folders(registry))
    if sealing.rewritten:
        database.wipe(sealing.rewritten)
    return applied


def _require_known(roles, registry, settings):
    unknown = sorted(set(roles) - set(registry.roles))
    if unknown and not settings.plugins_off:  # in an emergency a role may be away with its plugin
        known = ", ".join(sorted(registry.roles))
        raise StartError([f"totp_roles: no role {name!r}. Known: {known}." for name in unknown])


def folders(registry):
    """Where the migrations of the core and of each plugin lie, in the order in which they apply: {name: folder}."""
    return {
        "core": database.MIGRATIONS,
        **{name: plugin.folder / "migrations" for name, plugin in registry.plugins.items()},
    }
