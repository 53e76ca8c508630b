"""The form designer: the questions that the group or one branch adds to a record type, published in editions."""

import peewee
from flask import g, request, url_for
from flask_admin import expose

from core import forms
from core.errors import NotFound
from core.forms import FormVersion, form_of, own_questions
from core.language import Words, say
from core.organisation import organisation
from core.plugins import registry
from core.records.model import BASE
from core.screens.administration.asking import Typed, branches_for, chosen_branch, done, level_of
from core.screens.administration.page import AdministrationPage
from core.screens.administration.question_rows import arranged, kind_choices, questions_of, rows_of, rows_typed

EDIT = "core.form.edit"


class Questions(AdministrationPage):
    """The record types whose forms can be added to, and the questions of one of them."""

    permission = EDIT
    title = Words("表单问题", "Form questions")
    icon = "list-alt"
    order = 40

    @expose("/")
    def index(self):
        """Every record type, and how many questions are asked of it at the branch."""
        branch = chosen_branch(EDIT)
        asked = {
            name: sum(not question.retired for question in form_of(name, branch.id).questions)
            for name in registry().models
        }
        return self.show(
            "zhixing/administration/questions.html",
            branch=branch,
            branches=branches_for(EDIT),
            models=registry().models,
            plugins=registry().plugins,
            asked=asked,
        )

    @expose("/<record>")
    def designer(self, record, rows=None, form=None, check=None):
        """The questions of one record type at one level."""
        model, branch = _model(record), chosen_branch(EDIT)
        level = level_of(branch)
        form = form or Typed()
        return self.show(
            "zhixing/administration/questions_form.html",
            model=model,
            branch=branch,
            level=level,
            branches=branches_for(EDIT),
            rows=rows if rows is not None else rows_of(own_questions(record, level)),
            inherited=_inherited(record, branch),
            form=form,
            kinds=kind_choices(),
            fields=[c for name, c in model.by_api_name().items() if name not in BASE],
            editions=_editions(record, level),
            check=check,
        ), 422 if form.faults else 200

    @expose("/<record>", methods=("POST",))
    def change(self, record):
        """Arrange the rows, show what publishing would touch, or publish (`do`)."""
        model, branch = _model(record), chosen_branch(EDIT)
        rows, form, act = rows_typed(request.form), Typed(), request.form.get("do", "check")
        if act not in ("check", "publish"):
            return self.designer(record=record, rows=arranged(rows, act))
        level, questions = level_of(branch), questions_of(rows)
        with form.judged():
            forms.judge(record, level, questions)
        if act == "check" or form.faults:
            check = None if form.faults else _touched(model, branch)
            return self.designer(record=record, rows=rows, form=form, check=check)
        with form.judged():
            version = forms.publish(g.actor, record, level, questions)
            message = say(
                "第 {n} 版已发布,即时生效。", "Edition {n} is published, in force at once.", n=version.edition
            )
            return done(message, url_for("questions.designer", record=record, branch=branch.code))
        return self.designer(record=record, rows=rows, form=form)


def _model(record):
    if record not in registry().models:
        raise NotFound(say("没有这种记录。", "There is no such record type."))
    return registry().models[record]


def _inherited(record, branch):
    """The questions that the levels above ask: [(branch or None, Question)]."""
    if level_of(branch) is None:
        return []
    above = (None, *organisation().path(branch.id)[:-1])
    tree = organisation().branches
    return [
        (tree.get(each), forms.question(data))
        for each in above
        for data in own_questions(record, tree.get(each))
        if not data.get("retired")
    ]


def _editions(record, level):
    branch = FormVersion.branch.is_null() if level is None else FormVersion.branch == level.id
    return list(FormVersion.select().where(FormVersion.record == record, branch).order_by(FormVersion.id.desc()))


def _touched(model, branch):
    """The records there already, which stay as they were filled in: [(edition in words, number)], a single query."""
    below = sorted(organisation().subtree(branch.id))
    query = (
        model.select(model.form_version, peewee.fn.COUNT(model.id))
        .where(model.branch.in_(below))
        .group_by(model.form_version)
        .order_by(model.form_version)
    )
    counts = dict(query.tuples())
    editions = {row.id: row for row in FormVersion.select().where(FormVersion.id.in_([i for i in counts if i] or [0]))}
    return [(_edition(editions.get(version)), number) for version, number in counts.items()]


def _edition(row):
    if row is None:
        return say("没有附加问题时", "before any question was added")
    where = organisation().branches[row.branch_id].name if row.branch_id else say("集团", "group")
    return say("{where}第 {n} 版", "{where}, edition {n}", where=where, n=row.edition)
