"""The demo group: a small believable group whose two weeks of complaints were worked by its people and end now.

Everything is made through the ways that people and the worker use, as of the moments at which it happened, so that clocks,
warnings, reports and the trail are what they would have been. The story is told in config/demo.toml.
"""

import heapq
import tomllib
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import count
from pathlib import Path

import peewee

from core import access, business_calendar, database, organisation, people, records, switches
from core.access import Actor
from core.clocks import Clock
from core.database import transaction
from core.language import Words
from core.organisation import organisation as tree
from core.outbox import deliver
from core.people import Person
from core.plugins import registry
from core.sweep import sweep

STORY = Path(__file__).parent.parent / "config" / "demo.toml"
BEGINNING = 13  # business days back: when the group was set up
ANSWERED_UP_TO = 1  # what the limits demanded in the last business day is left to the newcomer
DECIDED_UP_TO = 3  # what was reported since then waits for management
SWEEP_LAG = timedelta(seconds=4)  # the worker comes by a moment later
REGULATION = "timeliness"
NO_CODES = """\
# Written when the demo group was made: nobody needs an authenticator app to look around.
# Take the line away to see administrators asked for one. Never keep it in a real installation.
totp_roles = []
"""
UNTOLD = {
    "details": "客户来电说明情况,已记录",
    "findings": "经核实,客户反映属实",
    "measure": "已按流程处理,并提醒相关岗位",
    "result": "已向客户说明处理结果",
}


def create(now):
    """Make the demo group, in one transaction. Returns who signs in first, with what waits for them: [(Person, Words)]."""
    story = tomllib.loads(STORY.read_text(encoding="utf-8"))
    with transaction() as current:
        business_calendar.seed(access.system(now, "demo"))
        days = _Days(business_calendar.calendar_of(None), now)
        staff = _set_up(story, days.at(BEGINNING, time(9)))
        while current.after_commit:  # what follows from the switch belongs to its moment, before the first complaint
            current.after_commit.pop(0)()
        database.refresh()  # what was set up is read once, not anew for each record
        _Life(story, days, staff).live()
    database.refresh()
    return [(staff[each["login"]], Words(each["zh"], each["en"])) for each in story["first"]]


def without_codes(settings):
    """Let the demo's people sign in by password alone: written into its data folder, where no settings are yet."""
    path = settings.home / "zhixing.toml"
    if path.exists():
        return settings
    path.write_text(NO_CODES, encoding="utf-8")
    return replace(settings, totp_roles=[])


class _Days:
    """Business days counted back from the one whose close comes next."""

    def __init__(self, calendar, now):
        self.calendar, self.now = calendar, now
        self.last = calendar.add_business_days(calendar.day_of(now), 0)
        if calendar.close(self.last) < now:
            self.last = calendar.next_business_day(self.last)

    def at(self, back, hour):
        """The moment of an hour of the day `back` business days ago."""
        day = self.calendar.add_business_days(self.last, -back) if back else self.last
        return self.calendar.moment(day, hour)

    def close(self, back):
        """When the day `back` business days ago ended."""
        return self.calendar.close(self.calendar.add_business_days(self.last, -back))

    def later(self, moment, hours):
        """The moment after so many business hours."""
        return self.calendar.after(moment, timedelta(hours=hours))


def _set_up(story, then):
    """Branches, departments, people with their roles, and the regulation switched on. Returns {login: Person}."""
    actor = access.system(then, "demo")
    root, branches = None, {}
    for data in story["branch"]:
        branches[data["code"]] = organisation.add_branch(actor, data["code"], data["name"], root)
        root = root or branches[data["code"]]
    homes = {
        (code, data["code"]): organisation.add_department(actor, branch, data["code"], data["name"], data["function"])
        for code, branch in branches.items()
        if branch is not root
        for data in story["department"]
    }
    staff = {}
    for data in story["person"]:
        home, branch = homes.get((data["branch"], data.get("department"))), branches[data["branch"]]
        person = staff[data["login"]] = people.add_person(actor, data["login"], data["name"], branch, home)
        for role in data["roles"]:
            access.grant(actor, person, role, branch, home if role == "department_head" else None)
    admin = Actor(staff["admin"], "demo", then)
    for branch in branches.values():
        if branch is not root:
            switches.switch(admin, REGULATION, branch, "on", reason="《时效管理制度》施行")
    return staff


class _Life:
    """Two weeks of the group: what people do and what the worker does, each at its moment, in order."""

    def __init__(self, story, days, staff):
        self.story, self.days, self.staff, self.now = story, days, staff, days.now
        self.waiting, self.order = [], count()
        self.customers, self.seen = {}, {"warning": 0, "rectification_report": 0}
        for data in story["complaint"]:
            hour = time.fromisoformat(data["at"])
            self.plan(days.at(data["day"], hour), self.receive, data)

    def plan(self, moment, act, *args):
        """Let `act(moment, *args)` happen; what would lie in the future does not."""
        if moment <= self.now:
            heapq.heappush(self.waiting, (moment, next(self.order), act, args))

    def live(self):
        """Let everything happen up to now."""
        while True:
            self.sweep_up_to(self.waiting[0][0] if self.waiting else self.now)
            if not self.waiting:
                return
            moment, _, act, args = heapq.heappop(self.waiting)
            act(moment, *args)
            while deliver(moment):
                pass

    def sweep_up_to(self, moment):
        """What the worker finds before the next thing that happens; people plan their answers to it."""
        last = None
        while True:
            due = Clock.select(peewee.fn.MIN(Clock.next_at)).scalar()
            if due in (None, last) or due > moment or (self.waiting and self.waiting[0][0] < due):
                return
            last = due
            then = min(due + SWEEP_LAG, self.now)
            sweep(access.system(then, "job"))
            while deliver(then):
                pass
            self.answer(then)

    def actor(self, login, moment):
        return Actor(self.staff[login], "demo", moment)

    # ---- complaints --------------------------------------------------------------------------------------------------

    def receive(self, moment, data):
        """A complaint comes in; what happens to it is planned."""
        actor, branch = self.actor(data["by"], moment), tree().by_code[data["branch"]]
        values = {
            "customer": self.customer(actor, branch, data["customer"]),
            "about_department": data["about"],
            **{name: data[name] for name in ("channel", "content")},
        }
        complaint = records.create(actor, registry().models["complaint"], values, branch=branch)
        for event, day, when in self.story["fates"][data["fate"]]:
            at = self.when(moment, data["day"] - day, when)
            self.plan(at, self.step, complaint.id, event, data)

    def when(self, received, back, when):
        if when.startswith("+"):
            return self.days.later(received, int(when) / 60)
        return (
            self.days.at(back, time.fromisoformat(when)) if back >= 0 else datetime.max.replace(tzinfo=self.now.tzinfo)
        )

    def customer(self, actor, branch, name):
        """The customer of this name, made at their first complaint."""
        if (branch.id, name) not in self.customers:
            values = {
                "name": name,
                "group": "corporate" if len(name) > 4 else "individual",
                "phone": f"138000{len(self.customers) + 1:05d}",
            }
            made = records.create(actor, registry().models["customer"], values, branch=branch)
            self.customers[branch.id, name] = made.id
        return self.customers[branch.id, name]

    def step(self, moment, complaint_id, event, data):
        """One step of a complaint's way, with what it asks for."""
        told = {**UNTOLD, **data}
        values = {
            "contact_customer": ("details", "class"),
            "record_findings_and_measure": ("findings", "measure", "result", "cause"),
        }.get(event, ())
        values = {name: told[name] for name in values}
        login = data["by"]
        if event == "close_unsatisfied_with_reason":
            values = {"close_reason": "已两次说明合同约定,客户仍不同意,告知其可申请调解"}
            login = self.head(data["branch"])
        elif event == "void":
            values = {"void_as": "duplicate", "void_reason": "同一客户就同一事项再次来电,并入原投诉"}
        self.change("complaint", complaint_id, event, values, login, moment)

    def change(self, name, row_id, event, values, login, moment):
        actor = self.actor(login, moment)
        record = records.find(actor, registry().models[name], row_id)
        return records.transition(actor, record, event, values)

    def head(self, branch_code):
        return next(p["login"] for p in self.story["person"] if _is(p, branch_code, "department_head", "KF"))

    def manager(self, branch_code):
        return next(p["login"] for p in self.story["person"] if _is(p, branch_code, "management", "GL"))

    # ---- answers to warnings -----------------------------------------------------------------------------------------

    def answer(self, moment):
        """Plan what the people who owe an answer to new warnings and reports do."""
        for warning in self.new("warning"):
            if warning.colour == "yellow" and moment < self.days.close(ANSWERED_UP_TO + 1):
                self.plan(self.days.later(moment, 2), self.self_check, warning.id)
        for report in self.new("rectification_report"):
            if moment < self.days.close(ANSWERED_UP_TO):
                self.plan(self.days.later(moment, 1.5), self.analyse, report.id)

    def new(self, name):
        model = registry().models[name]
        found = list(model.select().where(model.id > self.seen[name]).order_by(model.id))
        self.seen[name] = found[-1].id if found else self.seen[name]
        return found

    def self_check(self, moment, warning_id):
        """The person responsible answers a yellow warning; the head reads it."""
        warning = registry().models["warning"].get_by_id(warning_id)
        login = Person.get_by_id(warning.owner_id).login
        values = {"cause": "客户资料未齐,等待相关部门回复", "measure": "当日电话催办,升级至部门负责人协调"}
        self.change("warning", warning_id, "record_cause_and_measure", values, login, moment)
        progress = {"progress": warning.progress or "已联系到经办人,预计时限内办结"}
        self.change("warning", warning_id, "report_progress", progress, login, moment + timedelta(minutes=20))
        code = tree().branches[warning.branch_id].code
        self.plan(
            self.days.later(moment, 2),
            self.read,
            warning_id,
            self.manager(code) if login == self.head(code) else self.head(code),
        )

    def read(self, moment, warning_id, login):
        self.change("warning", warning_id, "mark_seen", {}, login, moment)

    def analyse(self, moment, report_id):
        """The head says why it was late, what is done, by whom, until when, and submits the report."""
        report = registry().models["rectification_report"].get_by_id(report_id)
        code = tree().branches[report.branch_id].code
        head = self.head(code)
        cause = {"cause": "人员交接时案件未登记在册,跟进责任不清;高峰期坐席不足"}
        self.change("rectification_report", report_id, "record_cause", cause, head, moment)
        measures = (
            ("交接清单逐件签收,遗漏即追责", head, 3),
            ("每日晨会核对临近时限的投诉", self.colleague(code), 5),
        )
        made = []
        for text, login, days in measures:
            actor = self.actor(head, moment + timedelta(minutes=30))
            due = self.days.calendar.add_business_days(self.days.calendar.day_of(moment), days)
            values = {"report": report_id, "measure": text, "owner": login, "due_on": due.isoformat()}
            measure = registry().models["rectification_measure"]
            made.append((records.create(actor, measure, values, branch=report.branch_id).id, login, days))
        self.plan(self.days.later(moment, 5), self.submit, report_id, code, made)

    def colleague(self, branch_code):
        return next(
            p["login"] for p in self.story["person"] if _is(p, branch_code, "staff", "KF") and len(p["roles"]) == 1
        )

    def submit(self, moment, report_id, code, measures):
        self.change("rectification_report", report_id, "submit", {}, self.head(code), moment)
        if moment < self.days.close(DECIDED_UP_TO):
            self.plan(self.days.later(moment, 6), self.accept, report_id, code, measures)

    def accept(self, moment, report_id, code, measures):
        """Management accepts the report; its measures are carried out in time, and it is closed."""
        decision = {"decision": "同意,请按期落实并在晨会通报"}
        self.change("rectification_report", report_id, "accept", decision, self.manager(code), moment)
        for measure_id, login, days in measures:
            self.plan(self.days.later(moment, 8.5 * (days - 2)), self.finish, measure_id, login)
        self.plan(self.days.later(moment, 8.5 * 3.3), self.close_report, report_id, code)

    def finish(self, moment, measure_id, login):
        values = {"done_on": self.days.calendar.day_of(moment).isoformat(), "result": "已执行,抽查无遗漏"}
        self.change("rectification_measure", measure_id, "finish", values, login, moment)

    def close_report(self, moment, report_id, code):
        self.change("rectification_report", report_id, "all_measures_done", {}, self.head(code), moment)


def _is(person, branch_code, role, department):
    return person["branch"] == branch_code and person.get("department") == department and role in person["roles"]
