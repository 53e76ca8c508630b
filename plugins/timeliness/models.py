"""The answers owed to a limit that is near or passed: the warning, the rectification report and its measures."""

from core.clocks import Clock
from core.errors import Fault
from core.fields import Choice, Day, Integer, LongText, Moment, Ref, YesNo
from core.findings import Finding
from core.language import Words, say
from core.people import Person
from core.records import Record, State, Transition, Workflow


class RectificationReport(Record):
    """The written report that the head of a department owes for its red warnings."""

    cause = LongText("原因分析", null=True, clause="T4.2.2c", hint="为什么超时:环节、人员、系统")
    analysed_at = Moment("分析时间", null=True)
    submitted_at = Moment("提交时间", null=True)
    edition = Integer("版本", default=1, read_only=True)
    decided_by = Ref("审阅人", Person, null=True, read_only=True)
    decision = LongText("审阅意见", null=True)
    closed_at = Moment("办结时间", null=True)

    class Meta:
        label = "整改报告"
        prefix = "ZG"
        labels = {"owner": "部门负责人", "happened_at": Words("开始时间", "Opened at")}
        list_fields = ("department", "owner", "happened_at", "submitted_at", "edition")
        workflow = Workflow(
            State("open", "待分析", initial=True, tone="red"),
            State("analysing", "分析中", tone="yellow"),
            State("submitted", "已提交"),
            State("returned", "已退回", tone="red"),
            State("accepted", "已认可", tone="green"),
            State("closed", "已办结", final=True),
            State("withdrawn", "已撤回", void=True),
            Transition(
                "record_cause",
                "open",
                "analysing",
                "记录原因",
                by="department_head",
                requires="cause",
                stamps="analysed_at",
            ),
            Transition(
                "submit",
                "analysing",
                "submitted",
                "提交",
                by="department_head",
                stamps="submitted_at",
                clause="T4.2.2f",
            ),
            Transition(
                "accept",
                "submitted",
                "accepted",
                "认可",
                by="management",
                asks="decision",
                signs="decided_by",
                clause="T4.2.2f",
            ),
            Transition(
                "send_back",
                "submitted",
                "returned",
                "退回",
                by="management",
                requires="decision",
                signs="decided_by",
                clause="T4.2.2f",
            ),
            Transition(
                "resubmit", "returned", "submitted", "重新提交", by="department_head", asks="cause", counts="edition"
            ),
            Transition("all_measures_done", "accepted", "closed", "办结", by="department_head", stamps="closed_at"),
            # every red behind it proved wrong: ours, the regulation does not speak of that
            Transition("withdraw", ("open", "analysing"), "withdrawn", "撤回", by="system"),
        )


class RectificationMeasure(Record):
    """One measure of a rectification report: what is done, by whom, until when."""

    report = Ref("整改报告", RectificationReport)
    measure = LongText("措施", clause="T4.2.2d")
    due_on = Day("时间节点", clause="T4.2.2d")
    done_on = Day("完成日", null=True)
    result = LongText("结果", null=True)

    class Meta:
        label = "整改措施"
        prefix = "CS"
        labels = {"owner": "责任人", "happened_at": "提出时间"}
        list_fields = ("report", "measure", "owner", "due_on", "done_on")
        workflow = Workflow(
            State("open", "未完成", initial=True, tone="yellow"),
            State("done", "已完成", final=True, tone="green"),
            State("overdue", "已逾期", tone="red"),
            Transition(
                "finish",
                ("open", "overdue"),
                "done",
                "完成",
                by=("owner", "department_head"),
                requires="result",
                stamps="done_on",
            ),
            Transition("date_passed", "open", "overdue", "逾期", by="system"),
        )


class Warning(Record):
    """A yellow or red warning about one clock, and what the person responsible answers to it."""

    clock = Ref("计时事项", Clock, read_only=True)
    finding = Ref("检查发现", Finding, read_only=True, unique=True)
    colour = Choice("级别", {"yellow": Words("黄色", "Yellow"), "red": Words("红色", "Red")}, read_only=True)
    cause = LongText("原因", null=True, clause="T4.2.1b", hint="为什么临近时限")
    measure = LongText("加快措施", null=True, clause="T4.2.1c")
    progress = LongText("进展情况", null=True)
    reported_at = Moment("汇报时间", null=True)
    seen_by = Ref("已阅人", Person, null=True, read_only=True)
    seen_at = Moment("已阅时间", null=True)
    technical_cause = YesNo("技术原因", default=False)
    rectification = Ref("整改报告", RectificationReport, null=True, read_only=True)

    class Meta:
        label = "时效预警"
        prefix = "YJ"
        labels = {"happened_at": Words("发出时间", "Issued at")}
        list_fields = ("colour", "department", "owner", "happened_at", "reported_at")
        workflow = Workflow(
            State("issued", "已发出", initial=True, tone="yellow"),
            State("self_checked", "已自查"),
            State("reported", "已汇报"),
            State("seen", "已阅", tone="green"),
            State("rectifying", "整改中", tone="red"),
            State("closed", "已结束", final=True),
            Transition(
                "record_cause_and_measure",
                "issued",
                "self_checked",
                "自查",
                by="owner",
                requires=("cause", "measure"),
                asks="technical_cause",
            ),
            Transition(
                "report_progress",
                "self_checked",
                "reported",
                "汇报进展",
                by="owner",
                requires="progress",
                stamps="reported_at",
            ),
            Transition(
                "mark_seen",
                "reported",
                "seen",
                "已阅",
                by=("department_head", "management"),
                signs="seen_by",
                stamps="seen_at",
                clause="T4.2.1d",
            ),
            Transition("work_finished", "seen", "closed", "业务已完成", by="system"),
            Transition("open_rectification_report", "issued", "rectifying", "开始整改", by="department_head"),
            Transition("rectification_closed", "rectifying", "closed", "整改办结", by="management"),
        )


def has_a_measure(report, change):
    """A report is submitted with at least one measure, each with a person and a date."""
    if not RectificationMeasure.select().where(RectificationMeasure.report == report.id).exists():
        return Fault(
            "measures",
            say(
                "至少要有一项整改措施,写明责任人和时间节点", "at least one measure is needed, with a person and a date"
            ),
            "required",
        )


def measures_are_done(report, change):
    """A report closes when each of its measures is done and the late work is finished."""
    undone = (
        RectificationMeasure.select()
        .where(RectificationMeasure.report == report.id, RectificationMeasure.state != "done")
        .count()
    )
    open_ = (
        Warning.select()
        .join(Clock, on=(Warning.clock == Clock.id))
        .where(Warning.rectification == report.id, Clock.stopped_at.is_null(), Clock.state != "cancelled")
        .count()
    )
    if undone or open_:
        return Fault(
            "measures",
            say(
                "还有 {undone} 项措施未完成、{open} 件超时业务未办结",
                "{undone} measures are not done yet and {open} late items not finished",
                undone=undone,
                open=open_,
            ),
            "order",
        )
