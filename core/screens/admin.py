"""Every page under Flask-Admin: the core's own, one set of screens for each record type, and what plugins add."""

from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel

from core.language import current

LOCALES = {"zh": "zh_Hans_CN", "en": "en"}


def install(app, registry):
    """Register every page once; which of them a person sees is asked at each request."""
    Babel(app, locale_selector=lambda: LOCALES[current()])
    admin = Admin(app, name="制行", url="/", theme=Bootstrap4Theme(base_template="zhixing/base.html"))
    for page in PAGES:
        admin.add_view(page())
    return admin


PAGES = ()
