"""The three indicators of chapter 5: on time, attained, and the share of complaints that lateness caused."""

from datetime import datetime, time

import peewee

from core.clocks import Clock
from core.language import Words
from core.measures import Measure
from core.organisation import zone_of
from core.records.visibility import about_finished, without_unfinished
from plugins.cases.models import Complaint


def clocks_due(scope, chapter=""):
    """The clocks whose due day lies in the period and whose due moment has passed; cancelled ones are left out."""
    query = Clock.select().where(
        Clock.branch_id.in_(scope.branches),
        Clock.due_on.between(scope.first, scope.last),
        Clock.due_at < scope.now,
        Clock.state != "cancelled",
        Clock.clause.startswith(chapter),
    )
    return about_finished(query, Clock)


def _rate(scope, chapter):
    group = {"person": Clock.owner_id, "department": Clock.department_id, None: peewee.Value(None)}[scope.by]
    met = peewee.fn.SUM(peewee.Case(None, [(Clock.state == "met", 1)], 0))
    query = clocks_due(scope, chapter).select(group, met, peewee.fn.COUNT(Clock.id))
    if scope.by:
        query = query.group_by(group)
    return {g: (int(n or 0), total) for g, n, total in query.tuples()}


def on_time_rate(scope):
    """T5.1.1: of all that had to be done by a time, reports owed included, the share that was."""
    return _rate(scope, "")


def attainment_rate(scope):
    """T5.1.2: of the clocks under chapter 3, the share that met its limit."""
    return _rate(scope, "T3.")


def complaints_received(scope):
    """The complaints received in the period, without those voided."""
    zone = zone_of(scope.branches[0]) if scope.branches else zone_of(None)
    first = datetime.combine(scope.first, time.min, zone)
    after = datetime.combine(scope.last, time.max, zone)
    query = Complaint.select().where(
        Complaint.branch.in_(scope.branches), Complaint.happened_at.between(first, after), Complaint.state != "voided"
    )
    return without_unfinished(query, Complaint)


def late_complaint_share(scope):
    """T5.1.3: of the complaints received, the share that lateness caused, by the department or employee complained of."""
    group = {"person": Complaint.about_employee, "department": Complaint.about_department, None: peewee.Value(None)}[
        scope.by
    ]
    late = peewee.fn.SUM(peewee.Case(None, [(Complaint.cause == "timeliness", 1)], 0))
    query = complaints_received(scope).select(group, late, peewee.fn.COUNT(Complaint.id))
    if scope.by:
        query = query.group_by(group)
    return {g: (int(n or 0), total) for g, n, total in query.tuples()}


CLOCKS = {
    "groups": {"person": Clock.owner_id, "department": Clock.department_id},
    "late": Clock.state != "met",
}
COMPLAINTS = {
    "groups": {"person": Complaint.about_employee, "department": Complaint.about_department},
    "late": Complaint.cause == "timeliness",
}

ALL = (
    Measure(
        "on_time_rate",
        Words("工作任务按时完成率", "On-time completion rate"),
        ("T5.1.1",),
        on_time_rate,
        clocks_due,
        **CLOCKS,
    ),
    Measure(
        "attainment_rate",
        Words("时效达标率", "Attainment rate"),
        ("T5.1.2",),
        attainment_rate,
        lambda scope: clocks_due(scope, "T3."),
        **CLOCKS,
    ),
    Measure(
        "late_complaint_share",
        Words("因时效引发的投诉占比", "Share of complaints caused by lateness"),
        ("T5.1.3",),
        late_complaint_share,
        complaints_received,
        **COMPLAINTS,
    ),
)
