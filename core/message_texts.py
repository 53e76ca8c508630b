"""What a message says outside the program: a title, a number, the due moment and a link. Never what somebody has typed.

A notice's own text may name people; it is read in the program only. What goes out is worked out from its occasion.
"""

from dataclasses import dataclass
from datetime import datetime

from core.clocks import OPEN, Clock
from core.findings import Finding
from core.language import Words, say, speaking
from core.limits import shipped
from core.notices import COLOURS
from core.organisation import organisation, zone_of
from core.plugins import registry

MARK = Words("【制行】", "[Zhixing 制行] ")
KINDS = {  # by what an occasion begins with; any other is a step of a record
    "comment": Words("新留言", "New comment"),
    "handover": Words("工作移交", "Work handed over"),
    "import": Words("导入的记录临近或超过时限", "Imported records near or past their limit"),
    "plugin": Words("插件运行异常", "A plugin is in trouble"),
    "channel": Words("消息通道已停用", "A message channel was set aside"),
}
STEP = Words("待办提醒", "A step waits")
DIGESTED = {"comment", "import"}  # kinds that are told in a digest, never one by one


def kind_of(occasion):
    """The kind of an occasion: what stands before its first colon."""
    return occasion.partition(":")[0]


@dataclass(frozen=True)
class Facts:
    """What is told of one notice. `title` and `limit` are Words."""

    title: Words
    label: object
    number: str
    limit: object
    due_at: datetime | None
    branch_id: int
    path: str

    @property
    def line(self):
        """One line, in the language that speaks now, with the due moment in the branch's zone."""
        branch = organisation().branches.get(self.branch_id)
        what = " ".join(filter(None, [str(self.label or ""), self.number, str(self.limit or "")]))
        told = f"{self.title}{say(':', ': ')}{what}" if what else str(self.title)
        if branch:
            told += say("({name})", " ({name})", name=branch.name)
        if self.due_at:
            local = self.due_at.astimezone(zone_of(self.branch_id))
            told += say(
                ",时限 {due}({zone})", ", due {due} ({zone})", due=f"{local:%Y-%m-%d %H:%M}", zone=local.tzinfo.key
            )
        return told


def facts_of(notices):
    """The Facts of notices: {notice id: Facts}, in a fixed number of queries for each record type."""
    findings, clocks = _findings(notices), {}
    clock_ids = [finding.clock_id for finding in findings.values() if finding.clock_id]
    clocks = {clock.id: clock for clock in Clock.select().where(Clock.id.in_(clock_ids or [0]))}
    numbers, running = _numbers(notices), _running(notices)
    told = {}
    for notice in notices:
        finding = findings.get(notice.occasion)
        key = (notice.record, notice.record_id)
        clock = clocks.get(finding.clock_id) if finding else running.get(key)
        limit = shipped().get(f"{clock.plugin}.{clock.limit}") if clock and finding else None
        model = registry().models.get(notice.record)
        told[notice.id] = Facts(
            title=_title(notice, finding),
            label=model._meta.label if model else None,
            number=numbers.get(key) or "",
            limit=limit.label if limit else None,
            due_at=clock.due_at if clock else None,
            branch_id=notice.branch_id,
            path=f"/records/{notice.record}/{notice.record_id}" if model and notice.record_id else "/notices/",
        )
    return told


def _title(notice, finding):
    if finding is not None and finding.colour in COLOURS:
        return Words(*COLOURS[finding.colour])
    return KINDS.get(kind_of(notice.occasion), STEP)


def _findings(notices):
    ids = {n.occasion: n.occasion.partition(":")[2] for n in notices if kind_of(n.occasion) == "finding"}
    rows = Finding.select().where(Finding.id.in_([int(i) for i in ids.values() if i.isdigit()] or [0]))
    known = {str(row.id): row for row in rows}
    return {occasion: known[text] for occasion, text in ids.items() if text in known}


def _by_record(notices):
    ids = {}
    for notice in notices:
        if notice.record and notice.record_id:
            ids.setdefault(notice.record, set()).add(notice.record_id)
    return ids


def _numbers(notices):
    numbers = {}
    for name, ids in _by_record(notices).items():
        model = registry().models.get(name)
        if model is not None:
            rows = model.select(model.id, model.number).where(model.id.in_(ids)).tuples()
            numbers |= {(name, row_id): number for row_id, number in rows}
    return numbers


def _running(notices):
    """The clock of each record that is due first."""
    first = {}
    for name, ids in _by_record(notices).items():
        rows = Clock.select().where(
            Clock.record == name, Clock.record_id.in_(ids), Clock.state.in_(OPEN), Clock.due_at.is_null(False)
        )
        for clock in rows.order_by(Clock.due_at.desc()):
            first[clock.record, clock.record_id] = clock
    return first


# ---- messages ------------------------------------------------------------------------------------------------------


def single(facts, language, url, is_repeat=False):
    """The message of one notice: (title, body)."""
    with speaking(language):
        title = f"{_repeat(is_repeat)}{MARK}{facts.line}"
        return title, f"{say('查看:', 'Open: ')}{url}{facts.path}"


def digest(many, language, url, longest, is_repeat=False):
    """One message of many notices: (title, body), as many lines as fit into `longest` bytes and how many more there are."""
    with speaking(language):
        count = len(many)
        title = f"{_repeat(is_repeat)}{MARK}" + say("{n} 条通知", "{n} notices", n=count)
        end = say("全部通知:{url}/notices/", "All notices: {url}/notices/", url=url)
        room, lines = longest - len(f"{title}{end}".encode()) - 100, []
        for facts in many:
            line = f"{facts.line}\n{url}{facts.path}"
            room -= len(line.encode()) + 1
            if room < 0:
                break
            lines.append(line)
        if len(lines) < count:
            lines.append(
                say("另有 {n} 条,请在程序中查看。", "{n} more: see them in the program.", n=count - len(lines))
            )
        return title, "\n".join([*lines, end])


def _repeat(is_repeat):
    return say("(可能重复)", "(possibly a repeat) ") if is_repeat else ""
