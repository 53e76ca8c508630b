"""The web program: every step of its making, on one screen."""

from pathlib import Path

from flask import Flask

from core import api
from core.screens import admin, guard, sign_in
from core.start import start

ROOT = Path(__file__).parent.parent


def create_app(settings, **options):
    """The web program: what `start` brings up, with its pages and its API."""
    registry = start(settings, **options)
    app = Flask("core", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "core" / "static"))
    app.config.update(ZHIXING=settings, SECRET_KEY=settings.secret())
    sign_in.install(app)  # who asks
    api.install(app)  # the JSON API, with tokens of its own
    guard.install(app, settings)  # errors, CSRF, headers, cookies
    admin.install(app, registry)  # every page and every record's screens
    return app
