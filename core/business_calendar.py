"""The business calendars of the group and its branches: append-only versions, seeded with the published years."""

import tomllib
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar
import peewee

from core.audit import keep
from core.calendars import Calendar
from core.database import Cache, Kept, changed, transaction
from core.errors import Fault, Refused
from core.fields import JsonColumn, MomentColumn
from core.language import say
from core.organisation import Branch, organisation, zone_of

FIRST_YEAR = 2004
USUAL_SESSIONS = [["09:00", "17:30"]]
HOLIDAYS = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "National Day": "国庆节",
    "Mid-autumn Festival": "中秋节",
    "Anti-Fascist 70th Day": "抗战胜利70周年纪念日",
}
effects = []  # called in the transaction of a new version as effect(actor, branch, year); set at start by core.start


class CalendarVersion(Kept):
    """What a branch (None: the whole group) says of one year, or with year 0 of the usual hours of every year.

    `content` holds off and on (day -> why), sessions (usual hours, [["09:00", "12:00"], ...]) and day_sessions
    (day -> hours of that day). A later row for the same branch and year replaces the earlier one; none is ever changed.
    """

    branch = peewee.ForeignKeyField(Branch, null=True, backref="+", on_delete="RESTRICT")
    year = peewee.IntegerField()
    content = JsonColumn()
    source = peewee.CharField(max_length=255, default="")
    made_at = MomentColumn()

    class Meta:
        indexes = ((("branch", "year"), False),)


class _Calendars:
    def __init__(self):
        self.rows = list(CalendarVersion.select().order_by(CalendarVersion.id))
        self.by_branch, self.built = {}, {}

    def of(self, branch_id, version):
        return self.along(organisation().path(branch_id) if branch_id else (), zone_of(branch_id), version)

    def along(self, path, zone, version):
        key = (path, zone.key, version)
        if key not in self.by_branch:
            rows = [
                r
                for r in self.rows
                if (r.branch_id is None or r.branch_id in path) and (version is None or r.id <= version)
            ]
            levels = _levels(rows, path)
            same = (tuple(r.id for r in rows), levels, zone.key)
            if same not in self.built:
                self.built[same] = _build(rows, levels, zone)
            self.by_branch[key] = self.built[same]
        return self.by_branch[key]


_calendars = Cache("calendar", _Calendars)


def calendar_of(branch_id, version=None):
    """The calendar of a branch (None: the group), now or as it stood at a version (an int, as clocks keep it)."""
    return _calendars.get().of(branch_id, int(version) if version is not None else None)


def calendar_as_kept(zone, levels, version):
    """The calendar of a version along the branches that had a say in it then, in the zone (by name) of then."""
    return _calendars.get().along(tuple(levels), ZoneInfo(zone), int(version))


def own_version(branch, year):
    """The version in force that one level itself gives a year, or None where it says nothing."""
    branch_id = branch.id if branch else None
    found = [row for row in _calendars.get().rows if (row.branch_id, row.year) == (branch_id, year)]
    return found[-1] if found else None


def _levels(rows, path):
    owners = {row.branch_id for row in rows}
    return tuple(branch_id for branch_id in path if branch_id in owners)


def _build(rows, levels, zone):
    latest = {}
    for row in rows:
        latest[row.branch_id, row.year] = row
    off, on, day_sessions, sessions, published = {}, {}, {}, USUAL_SESSIONS, set()
    for level in (None, *levels):  # the nearest level speaks last
        for (owner, year), row in sorted(latest.items(), key=lambda item: item[0][1]):
            if owner != level:
                continue
            sessions = row.content.get("sessions") or sessions
            for add, drop, name in ((off, on, "off"), (on, off, "on")):
                for text, why in row.content.get(name, {}).items():
                    add[date.fromisoformat(text)] = why
                    drop.pop(date.fromisoformat(text), None)
            for text, hours in row.content.get("day_sessions", {}).items():
                day_sessions[date.fromisoformat(text)] = _hours(hours)
            if year and level is None:
                published.add(year)
    return Calendar.build(
        zone,
        min(published, default=FIRST_YEAR),
        max(published, default=FIRST_YEAR),
        off,
        on,
        sessions=_hours(sessions),
        day_sessions=day_sessions,
        published=frozenset(published),
        version=str(max((row.id for row in rows), default=0)),
        levels=levels,
    )


def _hours(sessions):
    return tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in sessions)


def faults_of(year, content):
    """What is wrong with the content of a version, as Faults."""
    faults = []
    for name in ("off", "on", "day_sessions"):
        for day in content.get(name, {}):
            try:
                if date.fromisoformat(day).year != year:
                    faults.append(
                        Fault(name, say("{day} 不在 {year} 年", "{day} is not in {year}", day=day, year=year))
                    )
            except ValueError:
                faults.append(
                    Fault(
                        name,
                        say("“{day}”不是日期,请写成 2027-02-05", '"{day}" is not a day: write 2027-02-05', day=day),
                    )
                )
    for day in set(content.get("off", {})) & set(content.get("on", {})):
        faults.append(Fault("off", say("{day} 既上班又放假", "{day} is both on and off", day=day)))
    for hours in [content.get("sessions") or [], *content.get("day_sessions", {}).values()]:
        faults += _session_faults(hours)
    return faults


def trial(branch_id, branch, year, content):
    """The calendar of a branch as it would be if `branch` (None: the group) published this for a year. Kept nowhere."""
    kept = _calendars.get().rows
    new = CalendarVersion(id=max((row.id for row in kept), default=0) + 1, branch=branch, year=year, content=content)
    path = organisation().path(branch_id)
    rows = [row for row in (*kept, new) if row.branch_id in (None, *path)]
    return _build(rows, _levels(rows, path), zone_of(branch_id))


def publish(actor, branch, year, content, source=""):
    """Add a version of a year (0: the usual hours) for a branch, or for the group where it is None."""
    actor.require("core.calendar.edit", branch.id if branch else organisation().root_id)
    faults = faults_of(year, content)
    if faults:
        raise Refused(*faults)
    with transaction():
        values = {"branch": branch, "year": year, "content": content, "source": source, "made_at": actor.now}
        row = keep(actor, CalendarVersion, values, branch_id=branch.id if branch else None, verb="publish")
        changed("calendar")
        for effect in effects:
            effect(actor, branch, year)
    return row


def _session_faults(hours):
    try:
        times = [time.fromisoformat(part) for session in hours for part in session]
    except (TypeError, ValueError):
        return [Fault("sessions", say("时间应写成 09:00-12:00", "write hours as 09:00-12:00"))]
    if times != sorted(set(times)):
        return [Fault("sessions", say("时段须先后相接、不重叠", "sessions follow each other and do not overlap"))]
    return []


def seed(actor):
    """Publish the years that chinesecalendar knows, once: what is there stays as it is."""
    have = {row.year for row in CalendarVersion.select().where(CalendarVersion.branch.is_null())}
    last = max(day.year for day in chinese_calendar.holidays)
    for year in range(FIRST_YEAR, last + 1):
        if year not in have:
            publish(actor, None, year, _published(year), source=f"国务院办公厅关于{year}年部分节假日安排的通知")


def _published(year):
    off, on, day = {}, {}, date(year, 1, 1)
    while day.year == year:
        is_holiday, name = chinese_calendar.get_holiday_detail(day)
        if is_holiday and name:
            off[day.isoformat()] = HOLIDAYS.get(name, name)
        elif not is_holiday and day.weekday() >= 5:
            on[day.isoformat()] = f"{HOLIDAYS.get(name, name) or ''}调休上班"
        day += timedelta(days=1)
    return {"off": off, "on": on}


def read_notice(path):
    """A year's notice from a TOML file: (year, content, source). Raises Refused that says what is wrong in it.

    year = 2027; source = "..."; [off] and [on] map a day or "2027-02-05/2027-02-11" to why.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        year = int(data["year"])
        content = {"off": _spread(data.get("off", {})), "on": _spread(data.get("on", {}))}
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise Refused(
            Fault(
                str(path),
                say(
                    '无法读取:{error}。应为 TOML:year = 2027,[off] "2027-02-05/2027-02-11" = "春节"',
                    'cannot be read: {error}. Write TOML: year = 2027, [off] "2027-02-05/2027-02-11" = "Spring Festival"',
                    error=error,
                ),
            )
        ) from error
    return year, content, str(data.get("source", ""))


def _spread(days):
    spread = {}
    for key, why in days.items():
        first, _, last = str(key).partition("/")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            spread[day.isoformat()] = str(why)
            day += timedelta(days=1)
    return spread
