"""Measures: what was measured of a branch in a period, and the rows behind each figure, the late ones first."""

import csv
import io
from datetime import timedelta

from flask import Response, g, request
from flask_admin import expose

from core import closings
from core.database import is_trouble
from core.errors import NotFound, Refused, ZhixingError
from core.language import Words, say
from core.measures import measured, measures_of, scope_of
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.screens.administration.asking import branch_of, today
from core.screens.administration.measure_rows import behind, page_of, row_of, with_records
from core.screens.downloads import kept_as
from core.screens.page import Page, open_branches
from core.transfer.cells import guarded

PAGE = 50
HEADERS = ("measure", "branch", "period", "group", "numerator", "denominator", "value")
GROUPS = {
    "": Words("合计", "Total"),
    "department": Words("按部门", "By department"),
    "person": Words("按人员", "By person"),
}


class Measures(Page):
    """The indicators of every plugin that is on in the branch."""

    title = Words("指标", "Measures")
    icon = "line-chart"
    order = 60

    def is_accessible(self):
        """Whether some plugin that is on in a branch at hand has measures that the person may see there."""
        return bool(_open())

    @expose("/")
    def index(self):
        branch, period, by = _asked()
        known = _known(branch)
        fault, rows, failing = "", [], []
        try:
            rows, failing = _counted(known, branch, period, by)
        except Refused as refused:
            fault = refused.message
        return self.show(
            "zhixing/administration/measures.html",
            branch=branch,
            branches=_branches(),
            period=period,
            periods=_periods(branch),
            by=by,
            groups=GROUPS,
            known=known,
            rows=rows,
            names=_names(rows, by, branch),
            frozen={(row.measure, row.by, row.group): row for row in closings.frozen(branch, period)},
            fault=fault,
            failing=failing,
        ), 422 if fault else 200

    @expose("/export.csv")
    def export(self):
        """The same figures as CSV, for a spreadsheet."""
        branch, period, by = _asked()
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        for name in _known(branch):
            for row in measured(g.actor, branch, period, name, by or None):
                writer.writerow(["" if row[key] is None else guarded(row[key]) for key in HEADERS])
        name = f"measures-{branch.code}-{period}.csv"
        return kept_as(Response("\ufeff" + file.getvalue(), mimetype="text/csv"), name)

    @expose("/<measure>/rows")
    def rows(self, measure):
        """The rows that one figure counts, of the whole, or of a department or person (`group`)."""
        branch, period, by = _asked()
        known = _known(branch)
        if measure not in known:
            raise NotFound(say("这个机构没有该指标。", "There is no such measure in this branch."))
        group = request.args.get("group", "")
        by = by if group else ""
        declared = known[measure]
        plugin, _ = measures_of(branch.id, g.now)[measure]
        scope = scope_of(branch.id, period, g.now, by or None, plugin=plugin)
        ids = _group_ids(by, group, branch)
        found, after = page_of(behind(declared, scope, ids), request.args.get("after", ""))
        counted = declared.count(scope)
        pairs = [counted.get(each, (0, 0)) for each in (ids if by else [None])]
        return self.show(
            "zhixing/administration/measure_rows.html",
            measure=declared,
            branch=branch,
            period=period,
            by=by,
            group=group,
            group_name=_named(by, group, branch),
            total=tuple(map(sum, zip(*pairs, strict=True))),
            rows=[row_of(row, record) for row, record in with_records(found)],
            after=after,
        )


def _open():
    """The branches at hand where the person may see measures of some plugin."""
    plugins = {name for name, plugin in registry().plugins.items() if plugin.manifest.measures}
    return frozenset().union(*(open_branches(f"{name}.measure.view", name) for name in plugins))


def _branches():
    open_ = _open()
    listed = [(depth, branch) for depth, branch in organisation().ordered() if branch.id in open_]
    least = min((depth for depth, _ in listed), default=0)
    return [(depth - least, branch) for depth, branch in listed]


def _asked():
    """The branch, the period and the grouping that the address says."""
    by = request.args.get("by", "")
    code, open_ = request.args.get("branch"), _open()
    if code:
        branch = organisation().by_code.get(code)
        if branch is None or branch.id not in open_:
            branch_of(code, "core.desk.view")
            raise NotFound(say("这个机构没有你可看的指标。", "There are no measures of this branch for you to see."))
    else:
        branch = g.branch if g.branch.id in open_ else organisation().branches[min(open_)]
    period = request.args.get("period", "").strip().upper() or f"{today(branch):%Y-%m}"
    return branch, period, by if by in GROUPS else ""


def _counted(known, branch, period, by):
    """What the measures count, and those that fail, which keeps none of the others from being shown: (rows, [Measure])."""
    rows, failing = [], []
    for name, measure in known.items():
        try:
            rows += measured(g.actor, branch, period, name, by or None)
        except ZhixingError:
            raise
        except (Exception, SystemExit) as error:
            if is_trouble(error):
                raise
            failing.append(measure)
    return rows, failing


def _known(branch):
    """The measures that are on in the branch and that the person may see there: {name: Measure}."""
    return {
        name: measure
        for name, (plugin, measure) in measures_of(branch.id, g.now).items()
        if g.actor.may(f"{plugin}.measure.view", branch.id)
    }


def _periods(branch):
    """Periods to choose from: [(words, [period])], the last 12 months, 8 quarters and 5 years."""
    day, months = today(branch).replace(day=1), []
    year = day.year
    for _ in range(24):
        months.append(day)
        day = (day - timedelta(days=1)).replace(day=1)
    quarters = list(dict.fromkeys(f"{month.year}Q{(month.month + 2) // 3}" for month in months))
    return [
        (say("月", "Months"), [f"{month:%Y-%m}" for month in months[:12]]),
        (say("季度", "Quarters"), quarters[:8]),
        (say("年", "Years"), [str(year - n) for n in range(5)]),
    ]


def _names(rows, by, branch):
    """What groups are called: {code or login: name}, in one query."""
    groups = {row["group"] for row in rows} - {None}
    if by == "person":
        return dict(Person.select(Person.login, Person.name).where(Person.login.in_(sorted(groups) or [""])).tuples())
    return {d.code: d.name for d in _departments(branch)}


def _departments(branch):
    below = organisation().subtree(branch.id) | set(organisation().path(branch.id))
    return [d for d in organisation().departments.values() if d.branch_id in below]


def _group_ids(by, group, branch):
    """The ids behind a group's login or code (departments of several branches may share one). Raises NotFound."""
    if not by:
        return None
    if by == "person":
        ids = [person.id for person in Person.select(Person.id).where(Person.login == group)]
    else:
        ids = [department.id for department in _departments(branch) if department.code == group]
    if not ids:
        raise NotFound(say("没有这个部门或人员。", "There is no such department or person."))
    return ids


def _named(by, group, branch):
    if by == "person":
        person = Person.get_or_none(Person.login == group)
        return person.name if person else group
    return next((d.name for d in _departments(branch) if by and d.code == group), group)
