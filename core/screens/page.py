"""The base of every page: closed until a permission opens it, absent where its plugin is off."""

from flask import abort, g, redirect, render_template, request, url_for
from flask_admin import BaseView

from core.language import Words
from core.organisation import organisation
from core.switches import is_on


class Page(BaseView):
    """A page in the side bar. `permission` opens it; `plugin` must be on in some branch that the person may see it for.

    `group` is the heading in the side bar, `icon` a Font Awesome name, `order` its place in the group.
    """

    permission = None  # closed
    plugin = "core"
    title = Words("")
    group = Words("工作", "Work")
    icon = "circle"
    order = 50
    in_menu = True

    def __init__(self, **kwargs):
        super().__init__(name=str(self.title), **kwargs)

    def is_accessible(self):
        """Whether the person may open it in the branch at hand, and the plugin is on there (or below it)."""
        actor = getattr(g, "actor", None)
        if actor is None or self.permission is None:
            return False
        return any(actor.may(self.permission, branch_id) and self._is_on(branch_id) for branch_id in g.scope)

    def _is_on(self, branch_id):
        return is_on(self.plugin, branch_id, g.actor.now)

    def inaccessible_callback(self, name, **kwargs):
        if getattr(g, "actor", None) is None:
            return redirect(url_for("sign_in.form", next=request.full_path.rstrip("?")))
        abort(403)

    def show(self, template, **values):
        """Render a template with what every page needs."""
        return render_template(template, page=self, **values)


def scope():
    """The branches that the person looks at now: the chosen one with all below it, as ids in ascending order."""
    return tuple(sorted(organisation().subtree(g.branch.id)))
