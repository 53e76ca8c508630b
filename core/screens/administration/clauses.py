"""The clause ledger: what each regulation demands, what enforces it, and what proves that it does."""

from collections import Counter

from flask import request
from flask_admin import expose

from core.errors import NotFound
from core.language import Words, say
from core.plugins import registry
from core.regulation import ledger
from core.screens.administration.page import AdministrationPage

STATUSES = {
    "proved": (Words("已证明", "Proved"), "green"),
    "enforced": (Words("已执行,未证明", "Enforced, not proved"), "yellow"),
    "uncovered": (Words("未覆盖", "Uncovered"), "red"),
}


class Clauses(AdministrationPage):
    """Per regulation, each clause with what holds it."""

    permission = "core.clause.view"
    title = Words("条款", "Clauses")
    icon = "book"
    order = 70

    @expose("/")
    def index(self):
        regulations = {p.regulation.id: p.regulation for p in registry().plugins.values() if p.regulation}
        chosen = request.args.get("regulation") or next(iter(regulations), None)
        if chosen and chosen not in regulations:
            raise NotFound(say("没有这部制度。", "There is no such regulation."))
        regulation = regulations.get(chosen)
        rows = ledger(regulation, registry().enforcers()) if regulation else []
        status, wanted = request.args.get("status", ""), request.args.get("q", "").strip().lower()
        shown = [row for row in rows if status in ("", row["status"]) and wanted in _text(regulation, row)]
        return self.show(
            "zhixing/administration/clauses.html",
            regulations=regulations,
            regulation=regulation,
            counts=Counter(row["status"] for row in rows),
            total=len(rows),
            rows=shown,
            statuses=STATUSES,
            status=status,
            wanted=request.args.get("q", ""),
        )


def _text(regulation, row):
    clause = regulation.clauses[row["id"]]
    return f"{clause.id} {clause.title} {clause.demand}".lower()
