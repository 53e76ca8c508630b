"""The clocks of a record as its page shows them: limit, clauses, state as of now, and the working day by day."""

from dataclasses import dataclass

from core.clocks import OPEN, STATES, Clock
from core.language import Words, say
from core.limits import shipped
from core.replay import state_now, workings_of
from core.screens.records import asked
from core.switches import is_on

TONES = {"running": "green", "yellow": "yellow", "red": "red", "met": "green", "late": "red"}
WHAT = {
    "start": Words("起算", "Start"),
    "counted": Words("计入", "Counted"),
    "make_up": Words("计入(调休)", "Counted (make-up day)"),
    "off": Words("不计", "Not counted"),
    "paused": Words("暂停", "Paused"),
    "due": Words("到期", "Due"),
}


@dataclass(frozen=True)
class ClockCard:
    """One clock as shown. `steps` are the lines of its working: (day, what, how much so far, note)."""

    clock: Clock
    label: str
    span: str
    state: str
    clauses: tuple
    steps: tuple

    @property
    def is_open(self):
        """Whether its work is not done yet."""
        return self.clock.state in OPEN

    @property
    def tone(self):
        """The colour of its tag."""
        return TONES.get(self.state, "grey")

    @property
    def word(self):
        """Its state in words."""
        return STATES[self.state]


def cards_of(record, context):
    """The clocks of a record whose regulation is on, open ones first, each in the order in which they fall due."""
    query = Clock.select().where(Clock.record == record._meta.record, Clock.record_id == record.id)
    clocks = [clock for clock in query if is_on(clock.plugin, record.branch_id, context.now)]
    clocks.sort(key=lambda c: (c.state not in OPEN, c.due_at is None, c.due_at or c.started_at))
    return [_card(clock, steps, context) for clock, steps in zip(clocks, workings_of(record, clocks), strict=True)]


def _card(clock, steps, context):
    limit = shipped().get(f"{clock.plugin}.{clock.limit}")
    unit = limit.span.unit if limit else ""
    lines = [(s["day"], WHAT[s["what"]], _counted(s, unit), s["note"]) for s in steps]
    return ClockCard(
        clock,
        str(limit.label) if limit else clock.limit,
        str(limit.span.label) if limit else "",
        state_now(clock, context.now),
        asked.clauses(context, clock.clauses),
        tuple(lines),
    )


def _counted(step, unit):
    if step["what"] == "start" or not step["count"]:
        return ""
    if unit in ("day", "business day", "nth business day"):
        return say("第 {n} 天", "day {n}", n=step["count"])
    return say("{h} 小时 {m} 分", "{h} h {m} min", h=step["count"] // 60, m=step["count"] % 60)
