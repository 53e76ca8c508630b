"""Who may open the screens of a record type, and what Flask-Admin asks of a model view, over the one way in and out."""

from flask import abort, g, render_template, request
from flask_admin.model import BaseModelView
from wtforms import Form

from core import records
from core.errors import Denied, NotFound
from core.language import say
from core.organisation import organisation
from core.plugins import registry
from core.records.visibility import is_id, permission
from core.screens.page import open_branches
from core.screens.records import listing
from core.switches import is_on, why


class RecordScreens(BaseModelView):
    """The ground of one record type's screens. Open with the permission `<plugin>.<record>.view` where the plugin is on."""

    can_delete = False
    can_view_details = True
    can_export = True
    icon = "file-text-o"
    in_menu = True

    def __init__(self, model, order=50):
        self.plugin, self.order = model._meta.plugin, order
        self.title, self.group = model._meta.label, registry().plugins[self.plugin].title
        name = model._meta.record
        super().__init__(
            model, name=self.title.zh, category=self.group.zh, endpoint=f"records_{name}", url=f"/records/{name}"
        )

    def may(self, verb, branch_id):
        """Whether the person may do `verb` to records of this type in a branch, and the plugin is on there."""
        return g.actor.may(permission(self.model, verb), branch_id) and is_on(self.plugin, branch_id, g.now)

    def is_accessible(self):
        """Whether the list is open to the person in some branch at hand."""
        return bool(open_branches(permission(self.model, "view"), self.plugin))

    @property
    def can_create(self):
        """Whether the person may make a new record in some branch at hand."""
        return bool(self.branches_for_new())

    can_edit = True  # asked again for each record, by the one way in

    def branches_for_new(self):
        """The ids of the branches at hand where the person may make a new record, in ascending order."""
        return sorted(open_branches(permission(self.model, "create"), self.plugin))

    def _handle_view(self, name, **kwargs):
        """A record's own routes ask `records.find`, wherever the record lies; the others ask about the branches at hand."""
        return None if "row_id" in kwargs else super()._handle_view(name, **kwargs)

    def inaccessible_callback(self, name, **kwargs):
        """Say since when and why the plugin is off here, to whoever could see its records otherwise."""
        view = permission(self.model, "view")
        if not is_on(self.plugin, g.branch.id, g.now) and any(g.actor.may(view, branch_id) for branch_id in g.scope):
            raise NotFound(off_here(self.plugin, g.branch.id))
        abort(403)

    def _run_view(self, view, *args, **kwargs):
        return view(self, *args, **kwargs)  # Flask-Admin's own hides a TypeError by calling the view again

    def found(self, row_id):
        """The record, if the person may see it. Raises NotFound, which tells whether its plugin is off there."""
        try:
            return records.find(g.actor, self.model, row_id)
        except NotFound:
            row = self.model.get_or_none(self.model.id == row_id) if is_id(str(row_id)) else None
            known = row is not None and g.actor.may(permission(self.model, "view"), row.branch_id)
            if known and not is_on(self.plugin, row.branch_id, g.now):
                raise NotFound(off_here(self.plugin, row.branch_id)) from None
            raise

    def get_pk_value(self, model):
        return model.id

    def scaffold_list_columns(self):
        return list(self.model._meta.list_fields)

    def scaffold_sortable_columns(self):
        return {"happened_at": "happened_at", "number": "number"}

    def scaffold_form(self):
        return Form  # the forms are Entries: asked, judged and refused by `core.records`

    def scaffold_list_form(self, widget=None, validators=None):
        return Form

    def _create_ajax_loader(self, name, options):
        raise NotImplementedError(f"look-ups of {name} go through core.screens.records.lookups")

    def get_list(self, page, sort_field, sort_desc, search, filters, page_size=None):
        found = listing.listing(g.actor, self.model, g.scope, g.branch, request.args)
        return found.count, found.rows

    def get_one(self, id):
        return self.found(id)

    def create_model(self, form):
        return form.create()

    def update_model(self, form, model):
        return form.save()

    def delete_model(self, model):
        raise Denied(say("记录不能删除,只能作废。", "Records are never deleted; void them instead."))

    def show(self, template, **values):
        """Render a template of the record screens."""
        return render_template(f"zhixing/records/{template}.html", page=self, model=self.model, **values)

    def delete_view(self):
        """Not a route: records are never deleted."""
        return self.delete_model(None)

    def ajax_update(self):
        """Not a route: the list has no cells that are written in place."""
        raise Denied(say("列表中不能直接修改。", "Nothing is written in the list itself."))


def off_here(plugin, branch_id):
    """The sentence that says since when, by whom and why a plugin is off in a branch."""
    return say(
        "“{plugin}”在{branch}未启用:{why}",
        "{plugin} is off in {branch}: {why}",
        plugin=registry().plugins[plugin].title,
        branch=organisation().branches[branch_id].name,
        why=why(plugin, branch_id, g.now),
    )
