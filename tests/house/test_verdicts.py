"""A verdict once given stays as it was, whatever is published, set, upgraded or moved later; what is open is dated anew."""

from datetime import date

import pytest

from core import business_calendar, limits, organisation, records
from core.clocks import OPEN, Clock
from core.database import changed, transaction
from core.findings import Finding
from core.plugins import registry
from core.replay import judged_again, workings_of
from core.testing import branch, clock, console, local, work

CONTACT = "T3.2.3a"  # the customer is contacted within 1 business day


def notice(at, off):
    """The notice of 2027, published at a moment."""
    content = {"off": dict.fromkeys(off, "元旦"), "on": {}}
    return business_calendar.publish(console(local(at)), None, 2027, content, "通知")


NEW_YEAR = (
    "2027-01-01",
    "2027-01-02",
    "2027-01-03",
    "2027-01-04",
)  # without the notice, Friday 1 and Monday 4 are worked


def contacted(actor, record, received, at, login="alice", code="TJ"):
    """A complaint whose customer was contacted at a moment."""
    row = record("complaint", actor(login, received), code=code)
    row = records.transition(actor(login, received), row, "accept")
    return records.transition(actor(login, at), row, "contact_customer", {"details": "详情", "class": "simple"})


def contact_findings(colour):
    return Finding.select().where(Finding.source.endswith("complaint_contact"), Finding.colour == colour)


def test_a_notice_published_late_leaves_verdicts_and_dates_what_is_open_anew(record, actor):
    in_time = contacted(actor, record, "2026-12-31 10:00", "2026-12-31 11:00")
    late = contacted(actor, record, "2026-12-31 10:00", "2027-01-04 09:00")
    open_ = record("complaint", actor("alice", "2026-12-31 10:00"))
    before = {row.id: clock(row, CONTACT).__data__ for row in (in_time, late)}
    assert [data["state"] for data in before.values()] == ["met", "late"]
    assert clock(open_, CONTACT).is_provisional
    version = notice("2027-01-04 10:00", NEW_YEAR)
    assert {row.id: clock(row, CONTACT).__data__ for row in (in_time, late)} == before
    now = clock(open_, CONTACT)
    assert (now.due_at, now.is_provisional, now.calendar_version) == (local("2027-01-05 17:30"), False, version.id)
    for row in (in_time, late):  # nor does an edit bring the new calendar in
        records.change(actor("alice", "2027-01-05 09:00"), row, {"content": "补充"})
    assert {row.id: clock(row, CONTACT).__data__ for row in (in_time, late)} == before


def test_a_red_that_a_notice_published_late_proves_wrong_is_withdrawn(record, actor):
    record("complaint", actor("alice", "2026-12-31 10:00"))
    work("2027-01-01 16:30")
    work("2027-01-04 09:00")
    assert (contact_findings("yellow").count(), contact_findings("red").count()) == (1, 1)
    notice("2027-01-04 10:00", NEW_YEAR)
    work("2027-01-04 10:01")
    assert [found.state for found in contact_findings("red")] == ["withdrawn"]
    assert [found.state for found in contact_findings("yellow")] == ["closed"]
    work("2027-01-05 17:31")
    assert sorted(found.state for found in contact_findings("red")) == ["open", "withdrawn"]


def moved_to_another_zone():
    organisation.change_unit(console(local("2025-04-01 09:00")), branch(), {"timezone": "Europe/Berlin"}, "迁址")


def moved_in_the_tree():
    """TJ comes under BJ, which has closed days of its own since January."""
    organisation.change_unit(console(local("2025-04-01 09:00")), branch(), {"parent": branch("BJ")}, "划转")


def given_another_calendar():
    content = business_calendar.own_version(None, 2025).content
    off = {**content["off"], "2025-03-04": "停业", "2025-03-05": "停业"}
    business_calendar.publish(console(local("2025-04-01 09:00")), None, 2025, {**content, "off": off}, "更正")


def given_other_hours():
    business_calendar.publish(console(local("2025-04-01 09:00")), None, 0, {"sessions": [["06:00", "08:00"]]}, "夏令")


def given_a_stricter_limit():
    at = console(local("2025-04-01 09:00"))
    limits.set_limit(at, "timeliness.complaint_contact", branch(), "1 business hour", reason="更严")


def limits_are_read_anew():
    """As a process that starts with the new program reads them."""
    with transaction():
        changed("limits")


def upgraded(text):
    """The plugin ships another figure since."""

    def upgrade():
        for shipped in registry().plugins["timeliness"].limits:
            if shipped["name"] == "complaint_contact":
                shipped["limit"] = text
        limits_are_read_anew()

    return upgrade


@pytest.fixture
def shipped_again():
    kept = [(data, dict(data)) for data in registry().plugins["timeliness"].limits]
    yield
    for data, before in kept:
        data.clear()
        data.update(before)


LATER = [
    moved_to_another_zone,
    moved_in_the_tree,
    given_another_calendar,
    given_other_hours,
    given_a_stricter_limit,
    pytest.param(upgraded("10 minutes"), id="an upgrade ships a stricter limit"),
    pytest.param(upgraded("9 business days"), id="an upgrade ships a laxer limit"),
]


@pytest.mark.parametrize("happens", LATER)
def test_every_verdict_judged_again_after_whatever_has_changed_is_the_same(record, actor, happens, shipped_again):
    content = {"off": {"2025-03-03": "停业"}, "on": {}, "sessions": [["07:00", "12:00"]]}
    business_calendar.publish(console(local("2025-02-01 09:00")), branch("BJ"), 2025, content, "本地")
    rows = [
        contacted(actor, record, "2025-03-03 10:00", "2025-03-04 17:30:00"),
        contacted(actor, record, "2025-03-03 10:00", "2025-03-04 17:30:01"),
        contacted(actor, record, "2025-03-04 10:00", "2025-03-05 12:00:00", "frank", "BJ"),
        contacted(actor, record, "2025-03-04 10:00", "2025-03-05 12:00:01", "frank", "BJ"),
    ]
    verdicts = [clock(row, CONTACT) for row in rows]
    assert [verdict.state for verdict in verdicts] == ["met", "late", "met", "late"]
    shown = [workings_of(row, [verdict]) for row, verdict in zip(rows, verdicts, strict=True)]
    happens()
    for row, login in zip(rows, ("alice", "alice", "frank", "frank"), strict=True):
        records.change(actor(login, "2025-04-02 16:30"), row, {"content": "补充"})
    stored = list(Clock.select().where(Clock.state.not_in(OPEN)).order_by(Clock.id))
    assert len(stored) >= len(rows)
    assert [clock(row, CONTACT).__data__ for row in rows] == [verdict.__data__ for verdict in verdicts]
    for row, verdict, steps in zip(rows, verdicts, shown, strict=True):
        again = judged_again(row, [verdict])[verdict.id]
        assert (again.state(local("2025-04-03 09:00")), again.due_at, again.due_on) == (
            verdict.state,
            verdict.due_at,
            verdict.due_on,
        )
        assert workings_of(row, [verdict]) == steps


def test_another_limit_shipped_since_for_the_same_moments_does_not_reach_back(record, actor, monkeypatch):
    row = contacted(actor, record, "2025-03-03 10:00", "2025-03-04 12:00")
    before, plugin = clock(row, CONTACT).__data__, registry().plugins["timeliness"]
    first = next(data for data in plugin.limits if data["name"] == "complaint_contact")
    monkeypatch.setattr(plugin, "limits", (*plugin.limits, {**first, "name": "new", "limit": "10 minutes"}))
    limits_are_read_anew()
    records.change(actor("alice", "2025-03-05 16:30"), row, {"content": "补充"})
    assert clock(row, CONTACT).__data__ == before


def test_a_limit_set_since_binds_what_begins_from_its_day_on_only(record, actor):
    before = record("complaint", actor("alice", "2025-03-03 10:00"))
    at = console(local("2025-03-03 11:00"))
    limits.set_limit(
        at, "timeliness.complaint_contact", branch(), "1 business hour", reason="更严", from_day=date(2025, 3, 4)
    )
    after = record("complaint", actor("alice", "2025-03-04 10:00"))
    assert [clock(row, CONTACT).due_at for row in (before, after)] == [
        local("2025-03-04 17:30"),
        local("2025-03-04 11:00"),
    ]
