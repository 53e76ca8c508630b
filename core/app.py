"""Starting the product: every step in order, on one screen."""

from pathlib import Path

from flask import Flask

from core import (
    access,
    business_calendar,
    clocks,
    database,
    limits,
    organisation,
    outbox,
    plugins,
    switches,
    tellings,
)
from core.errors import StartError
from core.records import writing
from core.roles import CORE_ROLES
from core.screens import admin, guard, sign_in

ROOT = Path(__file__).parent.parent
MIGRATIONS = ROOT / "core" / "migrations"


def start(settings, *, without=frozenset(), upgrade=True):
    """Bring the product up in this process, without a face. Raises StartError with every fault at once.

    `without` are enforcers to take away, for proving that tests notice. `upgrade` applies what migrations wait.
    """
    database.connect(settings.database_url)
    organisation.set_default_zone(settings.timezone)
    registry = plugins.load(off=settings.plugins_off, without=without, roles=CORE_ROLES)
    access.ROLES.clear()
    access.ROLES.update(registry.roles)
    faults = limits.faults()
    if faults:
        raise StartError(faults)
    writing.limits_of_time["back_dating_business_days"] = settings.back_dating_business_days
    writing.effects[:] = [clocks.follow, tellings.record_changed]
    switches.effects[:] = [clocks.switched]
    business_calendar.effects[:] = [clocks.recalendar]
    limits.effects[:] = [clocks.relimit]
    outbox.handlers.update(tellings.HANDLERS)
    folders = {"core": MIGRATIONS, **{name: plugin.folder / "migrations" for name, plugin in registry.plugins.items()}}
    if upgrade:
        database.migrate(folders)
    database.refresh()
    return registry


def create_app(settings, **options):
    """The web program: what `start` brings up, with its pages and its API."""
    registry = start(settings, **options)
    app = Flask("core", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "core" / "static"))
    app.config.update(ZHIXING=settings, SECRET_KEY=settings.secret())
    guard.install(app, settings)  # errors, CSRF, headers, cookies
    sign_in.install(app)  # who asks
    admin.install(app, registry)  # every page and every record's screens
    return app
