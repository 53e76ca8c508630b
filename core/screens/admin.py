"""Every page under Flask-Admin: the core's own, one set of screens for each record type, and what plugins add."""

from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel

from core.language import current
from core.screens import administration, frame, records
from core.screens.account import Account
from core.screens.desk import Desk
from core.screens.notices import Notices

LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
PAGES = (Notices, Account)


def install(app, registry):
    """Register every page once; which of them a person sees is asked at each request."""
    Babel(app, locale_selector=lambda: LOCALES[current()])
    theme = Bootstrap4Theme(base_template="zhixing/base.html")
    admin = Admin(app, name="制行", url="/", index_view=Desk(), theme=theme)
    for page in PAGES:
        admin.add_view(page())
    records.install(admin, registry)
    for plugin in registry.plugins.values():
        for page in plugin.manifest.screens:
            admin.add_view(page())
    for page in administration.PAGES:
        admin.add_view(page())
    frame.install(app, admin)
    return admin
