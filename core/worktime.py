"""Business time under one name: calendars, the grammar of limits, counting, and the working shown to people."""

from core.calendars import SESSIONS, Calendar
from core.counting import Due, business_seconds, due, in_time, opening, stricter, yellow
from core.spans import Span, parse
from core.working import Step, working

__all__ = [
    "SESSIONS",
    "Calendar",
    "Due",
    "Span",
    "Step",
    "business_seconds",
    "due",
    "in_time",
    "opening",
    "parse",
    "stricter",
    "working",
    "yellow",
]
