"""The screens that a record type gets for nothing."""

from core.screens.records.base import RecordScreens
from core.screens.records.form_routes import FormRoutes
from core.screens.records.list_routes import ListRoutes
from core.screens.records.page_routes import PageRoutes


class RecordView(ListRoutes, FormRoutes, PageRoutes, RecordScreens):
    """List, form and page of one record type. Open with the permission `<plugin>.<record>.view` where the plugin is on."""
