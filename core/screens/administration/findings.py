"""Findings over the branches at hand: what limits and checks found, since when, about which record."""

from flask import g, request, url_for
from flask_admin import expose

from core import checks
from core.errors import NotFound
from core.findings import STATES, Finding
from core.language import Words, say
from core.limits import shipped
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.records.visibility import visible_to
from core.screens.administration.asking import Typed, done, typed
from core.screens.administration.page import AdministrationPage
from core.standing import WORDS as CHECK_WORDS
from core.standing import standings

VIEW, WAIVE = "core.check.view", "core.check.waive"
PAGE = 50
CHECK_TONES = {"clean": "green", "found": "red", "error": "red", "not_run": "red", "waived": "yellow"}
COLOURS = {"yellow": Words("黄色", "Yellow"), "red": Words("红色", "Red"), "": Words("检查", "Check")}


class Findings(AdministrationPage):
    """How each check stands, and the open findings, or those of another state."""

    permission = VIEW
    title = Words("检查与发现", "Checks and findings")
    icon = "flag"
    order = 85

    @expose("/")
    def index(self, form=None):
        state, colour = request.args.get("state", "open"), request.args.get("colour")
        allowed = g.actor.branches(VIEW)
        branches = sorted(set(g.scope) if allowed is None else set(g.scope) & allowed) or [-1]
        query = Finding.select().where(Finding.branch_id.in_(branches))
        if state in STATES:
            query = query.where(Finding.state == state)
        if colour in COLOURS:
            query = query.where(Finding.colour == colour)
        before = request.args.get("before", type=int)
        if before:
            query = query.where(Finding.id < before)
        rows = list(query.order_by(Finding.id.desc()).limit(PAGE + 1))
        shown = rows[:PAGE]
        return self.show(
            "zhixing/administration/findings.html",
            findings=shown,
            subjects=_subjects(shown),
            owners=_owners(shown),
            sources={row.source: _source(row.source) for row in shown},
            models=registry().models,
            states=STATES,
            state=state,
            colours=COLOURS,
            colour=colour,
            tree=organisation(),
            before=rows[PAGE - 1].id if len(rows) > PAGE else None,
            checks=standings(g.branch, g.now) if g.actor.may(VIEW, g.branch.id) else [],
            check_words=CHECK_WORDS,
            check_tones=CHECK_TONES,
            may_waive=g.actor.may(WAIVE, None),
            form=form or Typed(),
            asked=request.args,
        ), 422 if form else 200

    @expose("/<int:finding_id>/waive", methods=("POST",))
    def waive(self, finding_id):
        """Let a check's finding rest until a day, with a reason."""
        form = typed()
        row = Finding.get_or_none(Finding.id == finding_id)
        if row is None or not g.actor.may(VIEW, row.branch_id):
            raise NotFound(say("没有这项发现,或者你无权查看。", "There is no such finding that you may see."))
        until = form.day("until")
        if until is None:
            form.fault("until", say("请填写截止日期", "say until when"))
        if not form.faults:
            with form.judged():
                checks.waive(g.actor, row, until, form.text("reason"))
                return done(say("已豁免。", "Waived."), url_for("findings.index"))
        return self.index(form=form)


def _subjects(rows):
    """The records that findings speak of and the actor may see: {(record name, id): record}, a query for each type."""
    ids, found = {}, {}
    for row in rows:
        ids.setdefault(row.record, set()).add(row.record_id)
    for name, wanted in ids.items():
        model = registry().models.get(name)
        if model is not None:
            found.update({(name, r.id): r for r in visible_to(g.actor, model).where(model.id.in_(sorted(wanted)))})
    return found


def _owners(rows):
    ids = {row.owner_id for row in rows} - {None}
    return {person.id: person for person in Person.select().where(Person.id.in_(sorted(ids) or [0]))}


def _source(source):
    """What found it, in words: the limit's label, the check's sentence, else its name."""
    kind, _, name = source.partition(":")
    if kind == "limit" and name in shipped():
        return shipped()[name].label
    known = checks.all_checks().get(name)
    return known[1].label if known else name
