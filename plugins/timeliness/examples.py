"""Records that the plugin is proved with: a complaint that is late, and what follows from it."""

from core import records
from core.kit import example
from core.records.visibility import visible_to

from .models import RectificationMeasure, RectificationReport


@example
def a_late_complaint_and_its_rectification(testing, code):
    staff, head = {"TJ": ("alice", "bob"), "BJ": ("frank", "grace")}[code]
    testing.record("complaint", testing.actor(staff, "2025-03-03 10:00"), code=code, contact_means="13800000000")
    testing.work("2025-03-04 18:00")
    by = testing.actor(head, "2025-03-05 09:00")
    report = visible_to(by, RectificationReport).get()
    given = {"report": report.id, "measure": "增加坐席", "due_on": "2025-03-10"}
    records.create(by, RectificationMeasure, given, branch=testing.branch(code))
