"""The business calendar: a year as it is worked, its versions, publishing a new one, and a limit worked out day by day."""

import calendar as months
from collections import Counter
from datetime import date, datetime

from flask import g, request, url_for
from flask_admin import expose

from core import business_calendar, calendar_preview
from core.business_calendar import CalendarVersion, calendar_of, own_version
from core.errors import Refused
from core.language import Words, say
from core.limits import shipped
from core.screens.administration.asking import Typed, branches_for, chosen_branch, done, level_of, today, typed
from core.screens.administration.calendar_lines import (
    days_typed,
    hour_days_typed,
    hour_lines_of,
    hours_text,
    hours_typed,
    lines_of,
)
from core.screens.administration.page import AdministrationPage
from core.worktime import due, parse, working

EDIT = "core.calendar.edit"
WEEKDAYS = (("一", "Mo"), ("二", "Tu"), ("三", "We"), ("四", "Th"), ("五", "Fr"), ("六", "Sa"), ("日", "Su"))
USUAL = 0  # the "year" of a version that says the usual hours
STEPS = {
    "start": Words("起算", "Start"),
    "counted": Words("计入", "Counted"),
    "make_up": Words("调休上班,计入", "Make-up day, counted"),
    "off": Words("不计", "Off"),
    "paused": Words("暂停", "Paused"),
    "due": Words("到期", "Due"),
}


class Calendar(AdministrationPage):
    """A year of the group or a branch."""

    permission = EDIT
    title = Words("工作日历", "Business calendar")
    icon = "calendar"
    order = 60

    @expose("/")
    def index(self, form=None, told=None):
        branch = chosen_branch(EDIT)
        kept = calendar_of(branch.id)
        year = _year(branch, kept)
        level = level_of(branch)
        own = _content(level, year)
        usual = hours_text([(f"{opens:%H:%M}", f"{closes:%H:%M}") for opens, closes in kept.sessions])
        shown = {
            "off": lines_of(own.get("off", {})),
            "on": lines_of(own.get("on", {})),
            "day_sessions": hour_lines_of(own.get("day_sessions", {})),
            "sessions": hours_text(_content(level, USUAL).get("sessions") or []) or ("" if level else usual),
        }
        versions = CalendarVersion.select().where(
            CalendarVersion.branch.is_null() if level is None else CalendarVersion.branch == level.id,
            CalendarVersion.year.in_((year, USUAL)),
        )
        return self.show(
            "zhixing/administration/calendar.html",
            branch=branch,
            branches=branches_for(EDIT),
            level=level,
            year=year,
            years=(kept.first.year, kept.last.year),
            months=_months(kept, year, own if level else {}),
            weekdays=[say(*names) for names in WEEKDAYS],
            is_published=year in kept.published,
            usual=usual,
            versions=list(versions.order_by(CalendarVersion.id.desc()).limit(30)),
            form=form or Typed(shown),
            told=told,
            worked=_worked(kept),
            steps=STEPS,
            asked=request.args,
        ), 422 if form and form.faults else 200

    @expose("/year", methods=("POST",))
    def publish(self):
        """Show what a new version of the year would change, or publish it (`do`)."""
        branch, form = chosen_branch(EDIT), typed()
        year = _year(branch, calendar_of(branch.id))
        content = {
            "off": days_typed(form, "off"),
            "on": days_typed(form, "on"),
            "day_sessions": hour_days_typed(form, "day_sessions"),
        }
        return self._published(branch, year, content, form)

    @expose("/hours", methods=("POST",))
    def hours(self):
        """The same for the usual hours of every year."""
        branch, form = chosen_branch(EDIT), typed()
        content = {"sessions": hours_typed(form, "sessions")}
        if level_of(branch) is None and not content["sessions"]:
            form.fault("sessions", say("集团须有工作时间", "the group needs hours"))
        return self._published(branch, USUAL, content, form)

    def _published(self, branch, year, content, form):
        level = level_of(branch)
        if not form.text("source"):
            form.fault("source", say("请写明依据或理由", "say by what notice, or why"))
        told = None
        with form.judged():
            told = _told(branch, year, content)
        if form.faults or form.get("do") != "publish":
            return self.index(form=_completed(form, level, year), told=told)
        with form.judged():
            business_calendar.publish(g.actor, level, year, content, form.text("source"))
            message = say("新版本已发布,进行中的时限已重新计算。", "Published. Open limits were worked out anew.")
            return done(message, url_for("calendar.index", branch=branch.code, year=form.text("year")))
        return self.index(form=form)


def _year(branch, kept):
    text = request.values.get("year", "")
    year = int(text) if text.isdigit() else today(branch).year
    return min(max(year, kept.first.year), kept.last.year)


def _content(level, year):
    version = own_version(level, year)
    return version.content if version else {}


def _completed(form, level, year):
    """What was typed with, for the form that was not sent, what is in force."""
    own = _content(level, USUAL if year else int(form.text("year") or 0))
    if year:
        form.values.setdefault("sessions", hours_text(own.get("sessions") or []))
    else:
        for name, lines in (("off", lines_of), ("on", lines_of), ("day_sessions", hour_lines_of)):
            form.values.setdefault(name, lines(own.get(name, {})))
    return form


def _told(branch, year, after):
    """What a version changes: {"what", "lines": [(words, lines)], "moved": how many open clocks, by their limit}."""
    before, lines = _content(level_of(branch), year), []
    moved = Counter(
        f"{clock.plugin}.{clock.limit}" for clock, *_ in calendar_preview.moved(level_of(branch), year, after, g.now)
    )
    for name, appears, goes in (
        ("off", say("新增放假", "new days off"), say("取消放假", "no longer off")),
        ("on", say("新增上班", "new working days"), say("取消上班", "no longer working days")),
        ("day_sessions", say("当日时间", "hours of a day"), say("取消当日时间", "no hours of their own any more")),
    ):
        old, new, show = (
            before.get(name, {}),
            after.get(name, {}),
            hour_lines_of if name == "day_sessions" else lines_of,
        )
        lines.append((appears, show({day: what for day, what in new.items() if old.get(day) != what})))
        lines.append((goes, show({day: what for day, what in old.items() if day not in new})))
    if year == USUAL:
        lines.append((say("每日时间", "usual hours"), hours_text(after["sessions"]) or say("沿用上级", "as above")))
    known = shipped()
    return {
        "what": "hours" if year == USUAL else "year",
        "lines": [(words, text) for words, text in lines if text],
        "moved": [(known[name].label if name in known else name, number) for name, number in moved.items()],
    }


def _months(kept, year, own):
    """Twelve months of weeks of days: [[None or (date, is worked, is a weekend, note, is own)]]."""
    mine = {*own.get("off", {}), *own.get("on", {}), *own.get("day_sessions", {})}
    return [
        [[_day(kept, date(year, month, n), mine) if n else None for n in week] for week in weeks]
        for month, weeks in ((month, months.monthcalendar(year, month)) for month in range(1, 13))
    ]


def _day(kept, day, mine):
    hours = kept.day_sessions.get(day)
    note = kept.notes.get(day, "")
    if hours:
        note = f"{note} {hours_text([(f'{a:%H:%M}', f'{b:%H:%M}') for a, b in hours])}".strip()
    return day, kept.is_business_day(day), day.weekday() > 4, note, day.isoformat() in mine


def _worked(kept):
    """A limit worked out for a moment (`?limit=...&from=...`): {"due", "steps"} or {"fault"}; None where nothing is asked."""
    text, begin = request.args.get("limit", "").strip(), request.args.get("from", "").strip()
    if not text and not begin:
        return None
    try:
        start = datetime.fromisoformat(begin).replace(tzinfo=kept.zone) if begin else g.now
        span = parse(text)
        return {"span": span, "due": due(span, start, kept), "steps": working(span, start, kept)}
    except Refused as refused:
        return {"fault": refused.message}
    except ValueError:
        return {"fault": say("开始时间应写成 2026-02-13T10:00", "write the start as 2026-02-13T10:00")}
