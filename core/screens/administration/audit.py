"""The sealed trail: who did what, found by person, act, branch and day; whether the chains hold; their heads."""

import csv
import io
import json

from flask import Response, g, request
from flask_admin import expose

from core import audit
from core.audit import EVERYWHERE, AuditEntry
from core.language import Words, say
from core.organisation import organisation
from core.plugins import registry
from core.records.visibility import masked
from core.screens.administration.asking import Typed, branch_of, branches_for
from core.screens.administration.page import AdministrationPage
from core.transfer.cells import guarded

VIEW = "core.audit.view"
PAGE = 50


class Audit(AdministrationPage):
    """The trail over the branches at hand."""

    permission = VIEW
    title = Words("审计", "Audit")
    icon = "shield"
    order = 80

    @expose("/")
    def index(self, verified=None):
        asked = Typed(request.args)
        query = _found(asked)
        before = asked.text("before")
        if before.isdigit():
            query = query.where(AuditEntry.id < int(before))
        rows = list(query.order_by(AuditEntry.id.desc()).limit(PAGE + 1))
        return self.show(
            "zhixing/administration/audit.html",
            entries=rows[:PAGE],
            before=rows[PAGE - 1].id if len(rows) > PAGE else None,
            asked=asked,
            branches=[(depth, branch) for depth, branch in branches_for(VIEW) if branch.id in g.scope],
            tree=organisation(),
            told=told,
            kind=record_label,
            is_record=lambda name: name in registry().models,
            heads=_heads(),
            verified=verified,
        )

    @expose("/verify", methods=("POST",))
    def verify(self):
        """Walk the chains at hand and say which of them holds, and where one breaks, also against the daily heads."""
        kept = audit.kept_heads(g.settings.audit_heads)
        faults = audit.verify(_chains(), kept)
        compared = len({head["file"] for head in kept})
        return self.index(verified={"chains": len(_heads()), "faults": faults, "files": compared})

    @expose("/heads.<kind>")
    def heads(self, kind):
        """The head of each chain at hand, as csv or json, to be kept outside."""
        rows = [{"branch": _code(head["branch_id"]), **head} for head in _heads()]
        if kind == "csv":
            file = io.StringIO()
            writer = csv.DictWriter(file, ["branch", "branch_id", "seq", "hash"])
            writer.writeheader()
            writer.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
            text, mimetype = file.getvalue(), "text/csv"
        else:
            text, mimetype = json.dumps({"at": g.now.isoformat(), "heads": rows}, indent=1), "application/json"
        name = f"audit-heads-{g.now:%Y%m%d-%H%M}.{'csv' if kind == 'csv' else 'json'}"
        return Response(text, mimetype=mimetype, headers={"Content-Disposition": f"attachment; filename={name}"})


def _chains():
    """The chains at hand: those of the branches, and what belongs to no branch where the actor sees all of them."""
    allowed = g.actor.branches(VIEW)
    ids = set(g.scope) if allowed is None else set(g.scope) & allowed
    if allowed is None and g.branch.parent_id is None:
        ids.add(EVERYWHERE)
    return sorted(ids)


def _heads():
    mine = set(_chains())
    return [head for head in audit.heads() if head["branch_id"] in mine]


def _code(branch_id):
    branch = organisation().branches.get(branch_id)
    return branch.code if branch else "-"


def _found(asked):
    """The entries that the filters let through; newest last id first is left to the caller."""
    at_hand = _chains()
    if asked.text("branch"):
        at_hand = [branch_of(asked.text("branch"), VIEW).id]
    query = AuditEntry.select().where(AuditEntry.branch_id.in_(at_hand or [-1]))
    for name in ("actor", "verb", "record", "via"):
        if asked.text(name):
            query = query.where(getattr(AuditEntry, name) == asked.text(name))
    if asked.text("row").isdigit():
        query = query.where(AuditEntry.row_id == int(asked.text("row")))
    return asked.during(query, AuditEntry.at)


def record_label(name):
    """The table of an entry in words: a record type's label, else the table's own name."""
    model = registry().models.get(name)
    return str(model._meta.label) if model else name


def told(entry):
    """The changes of an entry as lines (label, old, new); personal data is masked, for everybody."""
    if entry.changes is None:
        return [(say("内容已依法删除", "erased as the law demands"), None, None)]
    model = registry().models.get(entry.record)
    columns = model._meta.fields if model else {}
    return [_line(columns.get(name), name, change) for name, change in entry.changes.items()]


def _line(column, name, change):
    old, new = change if isinstance(change, list) and len(change) == 2 else (None, change)
    hidden = getattr(column, "personal", None) or name == "extra"
    label = str(getattr(column, "label", "") or name)
    return label, *(_shown(value, hidden) for value in (old, new))


def _shown(value, hidden):
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return masked(text) if hidden else text
