"""The base of every page: closed until a permission opens it, absent where its plugin is off."""

from flask import abort, g, render_template
from flask_admin import BaseView

from core.errors import Denied
from core.language import Words, say
from core.organisation import organisation
from core.switches import branches_with, require_on

WORK = Words("工作", "Work")
EVERYBODY = "core.account.view"  # the permission that whoever is signed in holds: one's own account and notices


class Page(BaseView):
    """A page in the side bar. `permission` opens it where the person holds it and `plugin` is on, in any branch at hand.

    `title` stands in the side bar under the heading `group`, at the place `order`, with `icon` (a Font Awesome name).
    `path` is its address, by default the name of the class in small letters, which is the endpoint too.
    """

    permission = None  # closed
    plugin = "core"
    title = Words("")
    group = WORK
    icon = "circle-o"
    order = 50
    in_menu = True
    path = None

    def __init__(self, **options):
        options.setdefault("url", self.path)
        super().__init__(name=self.title.en, **options)

    def is_accessible(self):
        """Whether the person may open it in some branch at hand, and the plugin is on there."""
        return self.permission is not None and bool(open_branches(self.permission, self.plugin))

    def inaccessible_callback(self, name, **kwargs):
        """Say why: nothing granted yet, the plugin is off here, or a lack of permission."""
        if not g.actor.grants:
            raise Denied(say("你还没有任何角色,请联系管理员。", "You have no role yet. Ask an administrator for one."))
        if self.permission is not None and any(g.actor.may(self.permission, branch_id) for branch_id in g.scope):
            require_on(self.plugin, g.branch.id, g.now)
        abort(403)

    def _run_view(self, view, *args, **kwargs):
        return view(self, *args, **kwargs)  # Flask-Admin's own hides a TypeError by calling the view again

    def show(self, template, **values):
        """Render a template of this page."""
        return render_template(template, page=self, **values)


def open_branches(permission, plugin="core"):
    """The ids of the branches at hand where the person holds the permission and the plugin is on."""
    if g.actor is None:
        return frozenset()
    known = g.setdefault("open_branches", {})
    if (permission, plugin) not in known:
        allowed = None if permission == EVERYBODY else g.actor.branches(permission)
        found = frozenset(g.scope) if allowed is None else allowed.intersection(g.scope)
        known[permission, plugin] = found if plugin == "core" else found & _switched_on(plugin)
    return known[permission, plugin]


def _switched_on(plugin):
    known = g.setdefault("switched_on", {})
    if plugin not in known:
        known[plugin] = branches_with(plugin, g.now)
    return known[plugin]


def scope_of(branch):
    """The branch with all below it and those it succeeded, as ids in ascending order: what the person looks at."""
    return tuple(sorted(organisation().subtree(branch.id)))


def record_url(record, record_id):
    """The address of a record's page."""
    return f"/records/{record}/{record_id}"
