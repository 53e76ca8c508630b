"""Time limits as they bind a branch: where each comes from, its editions, and setting a stricter one."""

from flask import g, url_for
from flask_admin import expose

from core import limits
from core.conditions import Condition
from core.errors import NotFound
from core.fields import Choice
from core.language import Words, say
from core.limits import LimitEdition, all_limits, limit_in_force, shipped
from core.organisation import organisation
from core.plugins import registry
from core.screens.administration.asking import Typed, branches_for, chosen_branch, done, level_of, today, typed
from core.screens.administration.page import AdministrationPage
from core.switches import switches
from core.worktime import Span, parse

EDIT = "core.limit.edit"


class Limits(AdministrationPage):
    """Every limit of the branch, and one limit with its editions."""

    permission = EDIT
    title = Words("时限", "Time limits")
    icon = "clock-o"
    order = 50

    @expose("/")
    def index(self):
        branch = chosen_branch(EDIT)
        return self.show(
            "zhixing/administration/limits.html",
            branch=branch,
            branches=branches_for(EDIT),
            limits=all_limits(branch.id, today(branch)),
            shipped=shipped(),
            switches=switches(branch.id, g.now),
            plugins=registry().plugins,
            record_label=record_label,
            condition=condition_words,
            yellow=yellow_words,
            editions={row.id: row for row in LimitEdition.select()},
            level=_level,
        )

    @expose("/<limit_id>")
    def limit(self, limit_id, form=None):
        """One limit: what it says, its editions along the branch, and the form for a new one."""
        branch = chosen_branch(EDIT)
        limit = _in_force(limit_id, branch)
        clauses = registry().plugins[limit.plugin].regulation
        shown = {"limit": limit.span.text, "yellow_percent": _percent(limit), "from_day": today(branch).isoformat()}
        return self.show(
            "zhixing/administration/limit.html",
            branch=branch,
            branches=branches_for(EDIT),
            limit=limit,
            first=shipped()[limit.id],
            plugin=registry().plugins[limit.plugin],
            clauses=[clauses.clauses[c] for c in limit.clauses if clauses and c in clauses.clauses],
            record_label=record_label(limit),
            condition=condition_words(limit),
            moments=_moments(limit),
            yellow=yellow_words,
            editions=_editions(limit.id, branch),
            parse=parse,
            level=_level,
            is_group=level_of(branch) is None,
            form=form or Typed(shown),
        ), 422 if form else 200

    @expose("/<limit_id>", methods=("POST",))
    def set_limit(self, limit_id):
        """Set the limit for the branch (head office: for the group) from a day on."""
        branch, form = chosen_branch(EDIT), typed()
        _in_force(limit_id, branch)
        percent, day = form.text("yellow_percent"), form.day("from_day")
        if percent and not percent.isdigit():
            form.fault("yellow_percent", say("应为 1 到 99 的整数", "a whole number from 1 to 99"))
        if not form.faults:
            with form.judged():
                limits.set_limit(
                    g.actor,
                    limit_id,
                    branch,
                    form.text("limit"),
                    reason=form.text("reason"),
                    from_day=day,
                    yellow_percent=int(percent) if percent else None,
                )
                message = say("时限已登记。", "The limit is entered.")
                return done(message, url_for("limits.limit", limit_id=limit_id, branch=branch.code))
        return self.limit(limit_id=limit_id, form=form)


def _in_force(limit_id, branch):
    if limit_id not in shipped():
        raise NotFound(say("没有这个时限。", "There is no such limit."))
    return limit_in_force(limit_id, branch.id, today(branch))


def _percent(limit):
    return limit.yellow if isinstance(limit.yellow, int) else ""


def _editions(limit_id, branch):
    """The editions that bind the branch, its own and those of the levels above, newest first."""
    levels = LimitEdition.branch.is_null() | LimitEdition.branch.in_(organisation().path(branch.id))
    query = LimitEdition.select().where(LimitEdition.limit == limit_id, levels)
    return list(query.order_by(LimitEdition.from_day.desc(), LimitEdition.id.desc()))


def _level(edition):
    """Who set an edition."""
    return organisation().branches[edition.branch_id].name if edition.branch_id else say("集团", "Group")


def record_label(limit):
    """The record type that a limit speaks of, in words."""
    model = registry().models.get(limit.record)
    return model._meta.label if model else limit.record


def _moments(limit):
    """The labels of the moments that start and stop a limit."""
    return tuple(_label(limit, name) for name in limit.family)


def _label(limit, name):
    column = _column(limit, name)
    return column.label if column is not None else name


def _column(limit, name):
    model = registry().models.get(limit.record)
    return model.by_api_name().get(name) if model else None


def condition_words(limit):
    """The condition of a limit in words; "" where it holds always."""
    if limit.condition == Condition():
        return ""
    return say(",", ", ").join(_part(limit, *part) for part in limit.condition.parts)


def _part(limit, name, wanted, values):
    column = _column(limit, name)
    options = column.options if isinstance(column, Choice) else {}
    shown = say("或", " or ").join(str(options.get(value, value)) for value in values)
    verb = say("是", " is ") if wanted else say("不是", " is not ")
    return f"{_label(limit, name)}{verb}{shown}"


def yellow_words(limit):
    """When the yellow warning comes, in words."""
    if not limit.yellow:
        return say("无", "none")
    if isinstance(limit.yellow, int):
        return f"{limit.yellow} %"
    return str(limit.yellow.label if isinstance(limit.yellow, Span) else limit.yellow)
