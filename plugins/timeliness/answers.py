"""What a near or passed limit sets going: the warning, the report owed, and who is told of each step."""

from core import notices
from core.access import heads_of, holders_of
from core.clocks import Clock
from core.findings import Finding
from core.people import Person
from core.records import change, create, transition

from .models import RectificationMeasure, RectificationReport, Warning


def open_yellow(finding, actor):
    """The person responsible gets a yellow warning, once for each finding."""
    _issue(finding, actor)


def open_red(finding, actor):
    """The head gets a red warning and a rectification report for it: the department's open one, else a new one."""
    if finding.record == "rectification_measure":
        return _overdue(finding, actor)
    warning = _issue(finding, actor)
    if warning is None or warning.state != "issued":
        return
    report = (
        RectificationReport.select()
        .where(
            RectificationReport.branch == finding.branch_id,
            RectificationReport.department == finding.department_id,
            RectificationReport.state.in_(("open", "analysing")),
        )
        .order_by(RectificationReport.id)
        .first()
    )
    if report is None:
        heads = heads_of(finding.department_id) or holders_of("management", finding.branch_id)
        owner = heads[0].id if heads else finding.owner_id
        values = {"owner": _login(owner), "department": finding.department_id, "happened_at": finding.happened_at}
        report = create(actor, RectificationReport, values, branch=finding.branch_id)
    transition(actor, warning, "open_rectification_report", {"rectification": report.id})


def _overdue(finding, actor):
    measure = RectificationMeasure.get_by_id(finding.record_id)
    if measure.state == "open":
        transition(actor, measure, "date_passed")


def _issue(finding, actor):
    known = Warning.get_or_none(Warning.finding == finding.id)
    clock = Clock.get_or_none(Clock.id == finding.clock_id)
    if (
        known is not None
        or clock is None
        or finding.state == "withdrawn"
        or clock.record in ("warning", "rectification_report", "rectification_measure")
    ):
        return known  # what is owed for a warning is told by notice, not warned of in turn
    values = {
        "clock": clock.id,
        "finding": finding.id,
        "colour": finding.colour,
        "owner": _login(finding.owner_id),
        "department": finding.department_id,
        "happened_at": finding.happened_at,
    }
    return create(actor, Warning, values, branch=finding.branch_id)


def _login(person_id):
    person = Person.get_or_none(Person.id == person_id)
    return person.login if person else None


def follow(record, event, actor):
    """Tell who must act next, and close what is finished."""
    steps = {
        "report_progress": (
            _reported,
            ("黄色预警 {number} 已汇报进展,请阅", "Report on yellow warning {number}: please read"),
        ),
        "submit": (
            _management,
            ("整改报告 {number} 已提交,请审阅", "Rectification report {number} was submitted: please decide"),
        ),
        "resubmit": (
            _management,
            ("整改报告 {number} 已重新提交,请审阅", "Rectification report {number} came in again: please decide"),
        ),
        "accept": (
            _owner,
            (
                "整改报告 {number} 已认可,请落实措施",
                "Rectification report {number} was accepted: carry out the measures",
            ),
        ),
        "send_back": (
            _owner,
            ("整改报告 {number} 被退回:{decision}", "Rectification report {number} was sent back: {decision}"),
        ),
    }
    if event in steps:
        people, (zh, en) = steps[event]
        said = {"number": record.number, "decision": getattr(record, "decision", "") or ""}
        notices.tell(
            people(record),
            actor.now,
            occasion=f"{record.soft_id()}:{event}:{record.revision}",
            branch_id=record.branch_id,
            zh=zh.format(**said),
            en=en.format(**said),
            record=record._meta.record,
            record_id=record.id,
        )
    if event == "mark_seen" and Finding.get_by_id(record.finding_id).state != "open":
        transition(actor, record, "work_finished")
    if event == "all_measures_done":
        for warning in Warning.select().where(Warning.rectification == record.id, Warning.state == "rectifying"):
            transition(actor, warning, "rectification_closed")


def _reported(warning):
    heads = (
        [head for head in heads_of(warning.department_id) if head.id != warning.owner_id]
        if warning.department_id
        else []
    )
    return heads or holders_of("management", warning.branch_id)


def _management(report):
    return holders_of("management", report.branch_id)


def _owner(report):
    return [report.owner]


def finished(finding, actor):
    """The work behind a warning is done, or its red was withdrawn.

    A seen yellow one closes, an unanswered one is filled in for the owner to confirm; a withdrawn red one ends.
    """
    warning = Warning.get_or_none(Warning.finding == finding.id)
    if warning is None:
        return
    if finding.state == "withdrawn":
        _withdraw(warning, actor)
    elif warning.state == "seen":
        transition(actor, warning, "work_finished")
    elif warning.colour == "yellow" and warning.state in ("issued", "self_checked") and not warning.progress:
        change(actor, warning, {"progress": "业务已完成"})


def _withdraw(warning, actor):
    """A red that proved wrong binds nobody: its warning ends, and the report that was owed for nothing else."""
    if warning.state != "rectifying":
        return
    transition(actor, warning, "rectification_closed")
    report = warning.rectification
    others = Warning.select().where(Warning.rectification == report.id, Warning.state == "rectifying")
    if report.state in ("open", "analysing") and not others.exists():
        transition(actor, report, "withdraw")
