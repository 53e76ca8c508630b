"""The archive of a plugin: its records in the branches where it is off, read-only, under a permission of its own."""

import csv
import io

from flask import abort, g, redirect, request, send_file
from flask_admin import expose

from core import attachments
from core.errors import NotFound
from core.language import Words, say
from core.records.showing import show
from core.records.visibility import archived, is_id
from core.screens.page import Page
from core.screens.records import listing
from core.screens.records.base import off_here
from core.screens.records.cells import cell, load, state_cell
from core.screens.records.details import details
from core.screens.records.list_routes import download, query_with
from core.transfer.cells import guarded

CHUNK = 500


class ArchivePage(Page):
    """One plugin's archive."""

    in_menu = False

    def __init__(self, plugin):
        self.archived_plugin = plugin
        self.permission, self.title = f"{plugin.name}.archive.view", plugin.title
        self.models = {model._meta.record: model for model in plugin.manifest.models}
        super().__init__(endpoint=f"archive_{plugin.name}", url=f"/archive/{plugin.name}")

    def is_accessible(self):
        """Whether the person holds the archive's permission anywhere; what it shows is decided row by row."""
        return g.actor is not None and g.actor.may(self.permission, None)

    def _rows(self, model):
        return archived(g.actor, model)

    def _model(self, name):
        if name not in self.models:
            abort(404)
        return self.models[name]

    @expose("/")
    def index(self):
        """What lies in the archive, by record type."""
        return self.show("zhixing/records/archive.html", archives=[(self, self.counts())])

    def counts(self):
        """How many records of each type lie in it for the person: [(model, count)]."""
        return [(model, self._rows(model).count()) for model in self.models.values()]

    @expose("/<record>")
    def rows(self, record):
        """The list of one record type, latest first."""
        model = self._model(record)
        query = listing.search(self._rows(model), model, g.actor, request.args.get("q", "").replace("\0", ""))
        branches = tuple(sorted({row.branch_id for row in self._rows(model).select(model.branch).distinct()}))
        found = listing.page_of(g.actor, model, query, branches or g.scope, request.args)
        return self.show(
            "zhixing/records/archive_list.html",
            model=model,
            found=found,
            why=[off_here(self.archived_plugin.name, branch_id) for branch_id in branches],
            address=self._address,
            state_cell=lambda row: state_cell(row, g.actor),
            url=lambda **changes: query_with(request.args, changes),
        )

    def _address(self, row):
        return f"{self.url}/{row._meta.record}/{row.id}"

    def _found(self, record, row_id):
        model = self._model(record)
        row = self._rows(model).where(model.id == row_id).get_or_none() if is_id(str(row_id)) else None
        if row is None:
            raise NotFound(
                say("归档中没有这条记录,或者你无权查看。", "The archive has no such record that you may see.")
            )
        return row

    @expose("/<record>/<int:row_id>")
    def record(self, record, row_id):
        """One record, read-only."""
        row = self._found(record, row_id)
        of = details(g.actor, row, everything=bool(request.args.get("trail")), is_archived=True)
        return self.show(
            "zhixing/records/page.html",
            of=of,
            record=row,
            model=type(row),
            faults={},
            typed={},
            saved="",
            address=self._address,
            state_cell=lambda each: state_cell(each, g.actor),
            why=off_here(self.archived_plugin.name, row.branch_id),
        )

    @expose("/<record>/<int:row_id>/show", methods=("POST",))
    def show_view(self, record, row_id):
        """Show the personal data of an archived record for a while: the purpose is asked and noted."""
        row = self._found(record, row_id)
        show(g.actor, [row], request.form.get("purpose"), g.settings.show_minutes)
        return redirect(self._address(row), 303)

    @expose("/<record>/<int:row_id>/files/<int:file_id>")
    def file(self, record, row_id, file_id):
        """A file of an archived record, as a download."""
        file = attachments.attachment_of(self._found(record, row_id), file_id)
        path = attachments.content_of(file, g.settings.files)
        return send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=file.name)

    @expose("/<record>/export.csv")
    def export(self, record):
        """All that the archive shows of one record type, as CSV."""
        model = self._model(record)
        return download(_csv(model, self._rows(model)), f"{model._meta.label}-{g.now:%Y%m%d}.csv", "csv")


class Archives(Page):
    """The archives of all plugins."""

    title = Words("归档", "Archive")
    icon = "archive"
    order = 95
    path = "/archive"

    def __init__(self, pages):
        self.pages = pages
        super().__init__()

    def is_accessible(self):
        """Whether the archive of any plugin is open to the person."""
        return any(page.is_accessible() for page in self.pages)

    @expose("/")
    def index(self):
        """What lies in which archive."""
        archives = [(page, page.counts()) for page in self.pages if page.is_accessible()]
        return self.show("zhixing/records/archive.html", archives=archives)


def _csv(model, query):
    """The rows as CSV in UTF-8, page by page, as the actor may see them."""
    columns = [column for name, column in model.by_api_name().items() if name not in ("stamps", "extra", "gaps")]
    yield b"\xef\xbb\xbf" + _line([column.label for column in columns])
    last = 0
    while True:
        rows = list(query.where(model.id > last).order_by(model.id).limit(CHUNK))
        for row in load(rows, model):
            yield _line([cell(row, column, g.actor).text for column in columns])
        if len(rows) < CHUNK:
            return
        last = rows[-1].id


def _line(cells):
    buffer = io.StringIO()
    csv.writer(buffer).writerow([guarded(str(text)) for text in cells])
    return buffer.getvalue().encode()
