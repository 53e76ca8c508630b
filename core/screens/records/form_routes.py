"""The routes of the form: a new record, an old one, and the two versions of a stale save."""

from flask import flash, g, redirect, request, session
from flask_admin import expose
from werkzeug.datastructures import MultiDict

from core import drafts
from core.database import transaction
from core.errors import Denied, NotFound, Refused, Stale
from core.language import say
from core.organisation import organisation
from core.records.visibility import permission
from core.screens.records import conflict
from core.screens.records.cells import address, title_of
from core.screens.records.entry import change_entry, new_entry


class FormRoutes:
    """Filling a form in."""

    @expose("/new", methods=("GET", "POST"))
    def create_view(self):
        """The form of a new record, in the branch at hand or one that was chosen."""
        branch_id = self._branch_for_new()
        if branch_id is None:
            branches = [organisation().branches[i] for i in self.branches_for_new()]
            return self.show("choose_branch", branches=branches, args=request.args)
        entry = new_entry(g.actor, self.model, branch_id, request.args)
        if request.method == "GET":
            return self._form(entry)
        entry.read(request.form)
        try:
            with transaction():
                record = self.create_model(entry)
                drafts.drop(g.actor.person, draft_key())
        except Refused as refused:
            entry.blame(refused.faults)
            return self._form(entry), 422
        return self._saved(record, say("已登记 {number}", "{number} is recorded", number=record.number))

    def _branch_for_new(self):
        code, possible = request.values.get("branch", ""), self.branches_for_new()
        if code:
            branch = organisation().by_code.get(code)
            if branch is None or not self.may("create", branch.id):
                raise NotFound(
                    say("没有这个机构,或者你不能在那里登记。", "There is no such branch, or you may not record there.")
                )
            return branch.id
        if not possible:
            raise Denied(say("你没有登记{label}的权限。", "You may not record a {label}.", label=self.title))
        return g.branch.id if g.branch.id in possible else possible[0] if len(possible) == 1 else None

    @expose("/<int:row_id>/edit", methods=("GET", "POST"))
    def edit_view(self, row_id):
        """The form to change a record; a stale save is answered with both versions."""
        record = self.found(row_id)
        g.actor.require(permission(self.model, "edit"), record.branch_id)
        entry = change_entry(g.actor, record)
        if request.method == "GET":
            return self._form(entry)
        entry.read(request.form)
        try:
            with transaction():
                record = self.update_model(entry, record)
                drafts.drop(g.actor.person, draft_key())
        except Refused as refused:
            entry.blame(refused.faults)
            return self._form(entry), 422
        except Stale:
            both = conflict.both(entry, change_entry(g.actor, self.found(row_id)))
            return self.show(
                "conflict", entry=entry, both=both, shown=conflict.shown, title=title_of(record, g.actor)
            ), 409
        return self._saved(record, say("已保存", "Saved"))

    def _form(self, entry):
        key = draft_key()
        draft = drafts.find(g.actor.person, key) if request.method == "GET" else None
        if draft is not None and request.args.get("draft"):
            entry.read(MultiDict(draft.values))
            draft = None
        branch = organisation().branches[entry.context.branch_id]
        record = entry.record
        title = title_of(record, g.actor) if record is not None else ""
        return self.show("form", entry=entry, draft=draft, key=key, branch=branch, title=title)

    def _saved(self, record, told):
        session["saved_form"] = draft_key()  # the page then forgets the browser's own copy
        flash(told, "green")
        return redirect(address(record), 303)


def draft_key():
    """The address of the form at hand, which its draft is kept under."""
    args = [f"{name}={value}" for name, value in request.args.items(multi=True) if name != "draft"]
    return (request.path + ("?" + "&".join(args) if args else ""))[:200]
