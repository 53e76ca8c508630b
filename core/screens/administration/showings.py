"""Who saw which personal data in the clear, of what, for what purpose: for whoever watches over it."""

from flask import g, request
from flask_admin import expose

from core.language import Words, say
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.records.shown import Showing
from core.screens.administration.asking import Typed, branch_of, branches_for
from core.screens.administration.audit import record_label
from core.screens.administration.page import AdministrationPage

VIEW = "core.showing.view"
PAGE = 50


class Showings(AdministrationPage):
    """The showings of personal data in the branches at hand."""

    permission = VIEW
    title = Words("个人信息查看记录", "Personal data shown")
    icon = "eye"
    order = 82

    @expose("/")
    def index(self):
        asked = Typed(request.args)
        rows = list(_found(asked).order_by(Showing.id.desc()).limit(PAGE + 1))
        return self.show(
            "zhixing/administration/showings.html",
            rows=rows[:PAGE],
            before=rows[PAGE - 1].id if len(rows) > PAGE else None,
            asked=asked,
            branches=[(depth, branch) for depth, branch in branches_for(VIEW) if branch.id in g.scope],
            tree=organisation(),
            label_of=record_label,
            fields_of=_fields,
        )


def _found(asked):
    """The showings that the filters let through, each with its person."""
    allowed = g.actor.branches(VIEW)
    places = [branch_id for branch_id in g.scope if allowed is None or branch_id in allowed]
    if asked.text("branch"):
        places = [branch_of(asked.text("branch"), VIEW).id]
    query = Showing.select(Showing, Person).left_outer_join(Person).where(Showing.branch_id.in_(places or [-1]))
    for name in ("who", "record"):
        if asked.text(name):
            query = query.where(getattr(Showing, name) == asked.text(name))
    if asked.text("before").isdigit():
        query = query.where(Showing.id < int(asked.text("before")[:18]))
    return asked.during(query, Showing.at)


def _fields(row):
    """The fields that were shown, by their labels."""
    model = registry().models.get(row.record)
    known = {column.name: column for column in model._meta.sorted_fields} if model else {}
    return say("、", ", ").join(str(getattr(known.get(name), "label", name)) for name in row.fields)
