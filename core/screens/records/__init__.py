"""The screens that every record type gets for nothing: list, form, page, archive, and drafts of what is typed."""

from core.screens.records.archive import ArchivePage, Archives
from core.screens.records.draft_routes import blueprint
from core.screens.records.view import RecordView


def install(admin, registry):
    """Add one view for each record type, an archive for each plugin that has any, and the routes of drafts."""
    for plugin in registry.plugins.values():
        for place, model in enumerate(plugin.manifest.models):
            admin.add_view(RecordView(model, order=10 + place))
    archives = [ArchivePage(plugin) for plugin in registry.plugins.values() if plugin.manifest.models]
    for page in (Archives(archives), *archives):
        admin.add_view(page)
    admin.app.register_blueprint(blueprint)
