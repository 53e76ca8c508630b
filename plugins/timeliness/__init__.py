"""The timeliness regulation: limits on nearly every piece of work, warnings near and past them, and what these demand."""

from core import Answer, Extension, Manifest, Notice, Requirement, Rule, hookimpl
from core.access import Role
from core.clocks import Clock
from core.fields import Ref
from core.language import Words

from . import answers, measures
from .models import RectificationMeasure, RectificationReport, Warning, has_a_measure, measures_are_done

VIEW = ("timeliness.warning.view", "timeliness.rectification_report.view", "timeliness.rectification_measure.view")
HEAD = VIEW + (
    "timeliness.warning.edit",
    "timeliness.rectification_report.edit",
    "timeliness.rectification_measure.create",
    "timeliness.rectification_measure.edit",
    "timeliness.measure.view",
    "timeliness.archive.view",
)


@hookimpl
def plugin_manifest():
    return Manifest(
        title="时效管理制度",
        en="Timeliness",
        depends=("cases",),
        models=(RectificationReport, RectificationMeasure, Warning),
        extensions=(
            Extension(
                "complaint",
                fields={"late_item": Ref("对应的超时事项", Clock, null=True)},
                requires=(Requirement("contact_customer", ("details", "class"), "T3.2.3b"),),
            ),
        ),
        rules={
            "rectification_report": (
                Rule(has_a_measure, "T4.2.2d", on="submit"),
                Rule(measures_are_done, "T4.2.2e", on="all_measures_done"),
            )
        },
        answers=(
            Answer("yellow", answers.open_yellow, ("T4.2.1a",)),
            Answer("red", answers.open_red, ("T4.2.2a", "T4.2.2c")),
        ),
        notices=(
            Notice("yellow", "owner", ("T4.2.1a",)),
            Notice("red", "owner", ("T4.2.2b",)),
            Notice("red", "department_head", ("T4.2.2b",)),
            Notice("red", "management", ("T4.2.2b",)),
            Notice("red", "involved_heads", ("T4.2.2b",)),
        ),
        measures=measures.ALL,
        follows=("warning", "rectification_report"),
        roles=(
            Role("staff", Words("员工", "Staff"), VIEW + ("timeliness.measure.view",)),
            Role("department_head", Words("部门负责人", "Department head"), HEAD),
            Role("management", Words("管理层", "Management"), VIEW + ("timeliness.measure.view",)),
        ),
    )


@hookimpl
def record_changed(record, event, actor):
    answers.follow(record, event, actor)


@hookimpl
def finding_closed(finding, actor):
    answers.finished(finding, actor)
