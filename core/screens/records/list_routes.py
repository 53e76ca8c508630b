"""The routes of a list: the page itself, its export, several records at once, and what the browser looks up."""

from urllib.parse import urlencode

from flask import Response, flash, g, jsonify, redirect, request, session, stream_with_context
from flask_admin import expose

from core import transfer
from core.errors import Denied, NotFound, Refused, Stale
from core.forms import questions_of
from core.language import say
from core.organisation import organisation
from core.records.showing import personal_of, purpose_in
from core.replay import state_now
from core.screens.downloads import kept_as
from core.screens.records import bulk, listing, lookups, made_inside
from core.screens.records.cells import address, state_cell, title_of
from core.screens.records.clock_cards import TONES

MIMES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
PAGED = ("after", "before", "count", "columns")  # what a new search or filter begins without


class ListRoutes:
    """What can be done with many records."""

    @expose("/")
    def index_view(self):
        """The list."""
        key = f"columns:{self.model._meta.record}"
        if "columns" in request.args:
            session[key] = [name for name in request.args.getlist("columns") if name][:40]
        found = listing.listing(g.actor, self.model, g.scope, g.branch, request.args, session.get(key))
        may_edit = any(self.may("edit", branch_id) for branch_id in g.scope)
        return self.show(
            "list",
            found=found,
            acts=bulk.acts(self.model, may_edit),
            may_export=any(self.may("export", branch_id) for branch_id in g.scope),
            purposes=self._purposes_of_exports(),
            empty=listing.empty_line(self.model, found.is_narrowed, self.can_create),
            state_cell=lambda row: state_cell(row, g.actor),
            clock_tone=lambda clock: TONES.get(state_now(clock, g.now), "grey"),
            address=address,
            url=lambda **changes: query_with(request.args, changes),
        )

    @expose("/export/<kind>")
    def export(self, kind):
        """The list as search and filters leave it, as CSV or Excel; personal data is masked."""
        return self._export(kind)

    @expose("/export/<kind>", methods=("POST",))
    def export_in_clear(self, kind):
        """The same with the personal data that the person may see in the clear: the purpose is asked and noted."""
        return self._export(kind, purpose_in(request.form.get("purpose")))

    def _export(self, kind, purpose=""):
        query, _ = listing.narrowed(g.actor, self.model, g.scope, g.branch, request.args, "export")
        pieces = transfer.export(g.actor, self.model, query, kind, purpose)
        return download(pieces, f"{self.model._meta.label}-{g.now:%Y%m%d}.{kind}", kind)

    @expose("/bulk", methods=("POST",))
    def action_view(self):
        """Something done to several records: first what it asks, then all of it or nothing."""
        try:
            chosen = bulk.bulk(g.actor, self.model, request.form)
        except Refused as refused:
            flash(refused.message, "red")
            return redirect(f"{self.url}/", 303)
        if chosen.asks and not request.form.get("confirmed"):
            return self._bulk(chosen)
        chosen.entry.read(request.form)
        try:
            done = bulk.do(g.actor, chosen)
        except Refused as refused:
            chosen.entry.blame(refused.faults)
            return self._bulk(chosen), 422
        except Stale as stale:
            told = say("{row} 已被他人修改", "{row} was changed by somebody else", row=stale.theirs.number)
            chosen.entry.faults += [told, stale.message]
            return self._bulk(chosen), 409
        flash(say("已处理 {n} 条", "{n} done", n=len(done)), "green")
        return redirect(f"{self.url}/", 303)

    def _purposes_of_exports(self):
        """For what the personal data of an export is kept, where the person may have it in the clear."""
        both = any(self.may("export", branch_id) and self.may("personal", branch_id) for branch_id in g.scope)
        asked = [question.column for question in questions_of(self.model._meta.record).values()]
        kept_for = [column.personal for column in (*personal_of(self.model).values(), *asked) if column.personal]
        return list(dict.fromkeys(kept_for)) if both else []

    def _bulk(self, chosen):
        branch = organisation().branches[chosen.entry.context.branch_id]
        return self.show("bulk", chosen=chosen, branch=branch, title_of=lambda row: title_of(row, g.actor))

    @expose("/look-up/<field>")
    def ajax_lookup(self, field):
        """What a typed text may mean in a field: [{value, label}]."""
        column = self.model.by_api_name().get(field)
        branch = organisation().by_code.get(request.args.get("branch", "")) or g.branch
        if column is None or column.kind not in ("ref", "softref"):
            raise NotFound(say("没有这个可查找的项。", "There is nothing to look up here."))
        if not any(self.may(verb, branch.id) for verb in ("create", "edit", "view")):
            raise NotFound(say("你不能在这个机构查找。", "You may not look things up in this branch."))
        text = request.args.get("q", "").replace("\0", "").strip()[:100]
        target = getattr(column, "rel_model", None)
        found = lookups.options(g.actor, target, branch.id, text)
        return jsonify([{"value": value, "label": label} for value, label in found])

    @expose("/alike")
    def alike_view(self):
        """The records that look like one about to be made: [text]."""
        if not self.can_create:
            raise Denied(say("你没有这项权限。", "You lack the permission for this."))
        values = {name: text.replace("\0", "").strip()[:255] for name, text in request.args.items()}
        return jsonify(made_inside.doubles(g.actor, self.model, values))


def query_with(args, changes):
    """The query of this address with some of its values changed (None takes one out); the pages begin anew."""
    kept = [(name, value) for name, value in args.items(multi=True) if name not in (*PAGED, *changes)]
    return "?" + urlencode([*kept, *((name, value) for name, value in changes.items() if value not in (None, ""))])


def download(pieces, name, kind):
    """Pieces of bytes as a file to be kept."""
    return kept_as(Response(stream_with_context(pieces), mimetype=MIMES[kind]), name)
