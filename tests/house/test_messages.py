"""Messages out: told once each, in working hours, gathered where there would be many, and nothing where nothing is to be told."""

import os
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from core import access, business_calendar, channels, dispatches, messages, switches
from core.audit import amend
from core.channels import ChannelHealth
from core.database import refresh
from core.dispatches import Dispatch
from core.message_texts import digest, facts_of
from core.notices import Notice
from core.people import person_by_login
from core.sending import Outcome
from core.testing import actor, branch, console, local, record
from core.worker import Worker
from tests.core.processes import begin, together
from tests.house.mailing import BEFORE, WORK, Post, mail_channel, room_channel, told, wanting
from tests.house.posts import mail_server

HOUR = timedelta(hours=1)
REFUSED, SILENT = Outcome("refused", "554 no"), Outcome("timeout")


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def deliver(settings, post):
    """`deliver(at)` is a round of the worker that sends into `post`."""

    def delivered(at=WORK, **changed):
        refresh()
        return messages.deliver(local(at) if isinstance(at, str) else at, replace(settings, **changed), post)

    return delivered


# ---- once ----------------------------------------------------------------------------------------------------------


def test_who_wants_messages_is_told_once_at_their_own_address(deliver, post):
    mail_channel()
    wanting("alice")
    told("alice", "bob")
    for minutes in range(0, 120, 20):
        deliver(WORK + timedelta(minutes=minutes))
    assert post.to == ["alice@example.cn"]


def test_a_room_is_told_once_of_what_several_people_are_told(deliver, post):
    room_channel()
    told("alice", "bob", "carol")
    deliver(), deliver(WORK + HOUR)
    assert post.to == [""]


def test_two_channels_of_mail_tell_nobody_twice(deliver, post):
    mail_channel("HQ"), mail_channel("TJ", name="天津邮件", sender="tj@example.cn")
    wanting("alice")
    told("alice")
    deliver(), deliver(WORK + HOUR)
    assert post.to == ["alice@example.cn"]
    assert Dispatch.get().channel.name == "天津邮件", "the nearest level sends"


LOGINS = ("alice", "amy", "bob", "carol", "dave", "erin")


def _deliver_into(settings, number, path):
    def send(url, title, body, seconds):
        with open(path, "a") as file:
            file.write(url.partition("&to=")[2] + "\n")
        return Outcome("sent")

    messages.deliver(WORK, settings, send)


def test_workers_side_by_side_tell_nobody_twice(settings, tmp_path):
    mail_channel(), room_channel()
    wanting(*LOGINS)
    told(*LOGINS)
    path = tmp_path / "letters"
    together(settings, lambda one, number: _deliver_into(one, number, path), count=4)
    letters = path.read_text().split("\n")[:-1]
    assert len(letters) == len(set(letters)) == len(LOGINS) + 1


def _die_when_sent(settings, path):
    def send(url, title, body, seconds):
        path.write_text("sent")
        os.kill(os.getpid(), signal.SIGKILL)

    messages.deliver(WORK, settings, send)


def test_a_worker_killed_between_claim_and_mark_leads_to_one_repeat_that_says_so(settings, tmp_path, deliver, post):
    mail_channel()
    wanting("alice")
    told("alice")
    process = begin(settings, _die_when_sent, tmp_path / "letter")
    process.join(30)
    assert process.exitcode == -signal.SIGKILL and (tmp_path / "letter").exists()
    assert deliver(WORK + timedelta(seconds=30)) == 0, "it may be at work still"
    assert deliver(WORK + HOUR) == 1
    assert "可能重复" in post.letters[0][1]
    assert deliver(WORK + 2 * HOUR) == 0 and len(post.letters) == 1


def test_what_may_have_arrived_is_marked_when_it_is_sent_again(deliver, post):
    mail_channel()
    wanting("alice")
    told("alice")
    post.outcome = SILENT
    deliver()
    post.outcome = Outcome("sent")
    deliver(WORK + HOUR)
    assert "可能重复" in post.letters[0][1]


def test_what_was_refused_for_sure_is_no_repeat(deliver, post):
    mail_channel()
    wanting("alice")
    told("alice")
    post.outcome = REFUSED
    deliver()
    post.outcome = Outcome("sent")
    deliver(WORK + HOUR)
    assert len(post.letters) == 1 and "可能重复" not in post.letters[0][1]


# ---- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at, opens",
    [
        pytest.param("2025-03-05 18:00", "2025-03-06 09:00", id="after work"),
        pytest.param("2025-03-05 17:30", "2025-03-06 09:00", id="at the close"),
        pytest.param("2025-03-08 11:00", "2025-03-10 09:00", id="a weekend"),
        pytest.param("2025-01-28 10:00", "2025-02-05 09:00", id="Spring Festival"),
        pytest.param("2025-01-25 23:00", "2025-01-26 09:00", id="before a Sunday that is worked"),
    ],
)
@pytest.mark.parametrize("tone", ["", "red"])
def test_outside_working_hours_messages_wait_for_the_next_opening(deliver, post, at, opens, tone):
    made, at, opens = local("2025-01-10 10:00"), local(at), local(opens)
    mail_channel(at=made), room_channel(at=made)
    wanting("alice", at=made)
    told("alice", at=at, tone=tone)
    deliver(at), deliver(opens - timedelta(seconds=1))
    assert post.letters == []
    deliver(opens)
    assert sorted(post.to) == ["", "alice@example.cn"]


def test_a_branch_has_hours_of_its_own(deliver, post):
    business_calendar.publish(console(BEFORE), branch("TJ"), 0, {"sessions": [["10:30", "16:00"]]}, "本地")
    mail_channel()
    wanting("alice", "frank")
    told("alice", "frank")
    deliver()
    assert post.to == ["frank@example.cn"]
    deliver("2025-03-05 10:30")
    assert post.to == ["frank@example.cn", "alice@example.cn"]


def test_a_setting_lets_red_go_out_at_once_and_nothing_else(deliver, post):
    night = local("2025-03-05 22:00")
    mail_channel()
    wanting("alice")
    told("alice", n=1, at=night, tone="red")
    told("alice", n=2, at=night)
    deliver(night, message_red_at_once=True)
    assert len(post.letters) == 1
    deliver("2025-03-06 08:59", message_red_at_once=True)
    assert len(post.letters) == 1
    deliver("2025-03-06 09:00", message_red_at_once=True)
    assert len(post.letters) == 2


# ---- how many ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count, letters", [(1, 1), (3, 3), (4, 1), (40, 1)])
def test_where_more_than_three_wait_one_digest_is_sent(deliver, post, count, letters):
    mail_channel()
    wanting("alice")
    for n in range(count):
        told("alice", n=n)
    deliver()
    assert len(post.letters) == letters
    assert (f"{count} 条通知" in post.letters[0][1]) == (count > 3)
    assert Dispatch.select().where(Dispatch.state == "sent").count() == count


def test_what_comes_in_one_by_one_is_gathered(deliver, post):
    mail_channel()
    wanting("alice")
    for minute in range(30):
        told("alice", n=minute, at=WORK + timedelta(minutes=minute))
        deliver(WORK + timedelta(minutes=minute))
    assert [title[-5:] for _, title, _ in post.letters[1:]] == ["10 条通知"[-5:]] * 2 and len(post.letters) == 3


def test_a_kind_that_asks_for_a_digest_is_told_in_one(deliver, post):
    mail_channel()
    wanting("alice")
    for n in (1, 2):
        told("alice", occasion=f"comment:{n}")
    deliver()
    assert len(post.letters) == 1 and "2 条通知" in post.letters[0][1]


def test_a_channel_of_digests_sends_once_a_day(deliver, post):
    mail_channel(carries="digest")
    wanting("alice")
    for day in ("2025-03-05", "2025-03-06", "2025-03-07", "2025-03-08"):
        for hour in ("09:10", "11:00", "16:00", "18:00"):
            told("alice", n=f"{day} {hour}", at=local(f"{day} {hour}"))
            deliver(f"{day} {hour}")
    deliver("2025-03-10 09:00")
    assert [title for _, title, _ in post.letters] == [f"【制行】{n} 条通知" for n in (1, 4, 4, 7)]


def test_a_digest_fits_into_what_a_room_takes(filled):
    rows = [row for rows in filled.values() for row in rows] * 20
    many = [
        Notice(id=n, occasion="x:1", branch_id=row.branch_id, record=row._meta.record, record_id=row.id)
        for n, row in enumerate(rows)
    ]
    told_of = list(facts_of(many).values())
    assert len(told_of) > 50
    for longest in (1900, 15000):
        for language in ("zh", "en"):
            title, body = digest(told_of, language, "https://zhixing.example.cn", longest)
            assert len(f"{title}\r\n{body}".encode()) <= longest
            assert str(len(told_of)) in title and "/records/" in body


# ---- to whom not ---------------------------------------------------------------------------------------------------


@pytest.fixture
def one_waits(deliver):
    """A complaint's notice that waits for Alice and for a room since the evening before; gives the complaint."""
    mail_channel(), room_channel()
    wanting("alice")
    made = record("complaint", actor("alice", WORK), content="理赔太慢")
    told("alice", at=WORK + 8 * HOUR, record="complaint", record_id=made.id)
    deliver(WORK + 8 * HOUR)
    assert Dispatch.select().count() == 2
    return made


NEXT = "2025-03-06 09:00"


def test_what_waits_is_sent_in_the_morning(one_waits, deliver, post):
    deliver(NEXT)
    assert sorted(post.to) == ["", "alice@example.cn"]
    assert all(one_waits.number in title for _, title, _ in post.letters)


def test_what_is_read_in_the_program_is_not_sent(one_waits, deliver, post):
    Notice.update(read_at=WORK + 9 * HOUR).execute()
    deliver(NEXT)
    assert post.letters == []


def test_where_the_plugin_is_off_nothing_is_sent(one_waits, deliver, post):
    switches.switch(console(WORK + 9 * HOUR), "timeliness", branch("TJ"), "off", reason="停用")
    deliver("2025-03-07 09:00")
    assert post.letters == []


def test_where_the_plugin_is_off_nothing_is_told_of_its_records_as_a_whole(deliver, post):
    mail_channel(), room_channel()
    wanting("alice")
    told("alice", occasion="import:1:1", record="complaint", at=WORK + 8 * HOUR)
    deliver(WORK + 8 * HOUR)
    switches.switch(console(WORK + 9 * HOUR), "timeliness", branch("TJ"), "off", reason="停用")
    deliver("2025-03-07 09:00")
    assert Dispatch.select().count() == 2 and post.letters == []


def test_what_is_not_theirs_to_see_any_more_is_not_sent(one_waits, deliver, post):
    alice = person_by_login("alice")

    for grant in access.Grant.select().where(access.Grant.person == alice):
        access.revoke(console(WORK + 9 * HOUR), grant)
    deliver(NEXT)
    assert post.to == [""], "the room is told still"


def test_a_person_who_is_gone_or_wants_none_is_sent_nothing(one_waits, deliver, post):
    channels.keep_address(actor("alice", WORK + 9 * HOUR), "alice@example.cn", False)
    deliver(NEXT)
    assert post.to == [""]
    wanting("bob")
    told("bob", n=2, at=local(NEXT) + 9 * HOUR)
    deliver(local(NEXT) + 9 * HOUR)

    amend(console(WORK), person_by_login("bob"), {"is_active": False})
    deliver("2025-03-07 09:00")
    assert "bob@example.cn" not in post.to


def test_where_no_channel_is_nothing_is_kept_or_sent(deliver, post):
    wanting("alice")
    told("alice")
    assert deliver() == 0 and Dispatch.select().count() == 0
    channel = mail_channel()
    deliver(), told("alice", n=2, at=WORK + 9 * HOUR), deliver(WORK + 9 * HOUR)
    post.letters.clear()
    channels.remove_channel(console(WORK), channel)
    deliver(NEXT)
    assert post.letters == []


def test_what_was_told_before_somebody_asked_is_not_sent(deliver, post):
    told("alice", at=WORK - HOUR)
    mail_channel()
    wanting("alice", at=WORK)
    deliver()
    assert post.letters == []


def test_what_was_told_before_the_channel_was_made_is_not_sent(deliver, post):
    wanting("alice")
    told("alice", at=WORK - HOUR)
    mail_channel(at=WORK), room_channel(at=WORK)
    deliver()
    assert post.letters == []


def test_a_channel_of_red_carries_red_only_and_a_department_hears_of_its_own(deliver, post):
    mail_channel(carries="red"), room_channel(department="LP")
    wanting("alice", "dave")
    told("alice", n=1), told("alice", n=2, tone="red"), told("frank", n=3, code="BJ")
    deliver()
    assert post.to == ["alice@example.cn"]
    told("dave", n=4)
    deliver()
    assert post.to == ["alice@example.cn", ""]


def test_a_room_hears_of_the_branches_below_it_and_of_no_other(deliver, post):
    room_channel("BJ", name="北京"), room_channel("HQ", name="集团")
    told("alice", n=1)
    deliver()
    assert [row.channel.name for row in Dispatch.select()] == ["集团"]


# ---- failures ------------------------------------------------------------------------------------------------------


def test_a_channel_that_fails_is_tried_ever_later_then_set_aside_and_its_administrators_are_told(deliver, post):
    channel = mail_channel("TJ")
    wanting("alice", "bob")
    told("alice", "bob")
    post.outcome, tries = REFUSED, []
    for seconds in range(0, 3 * 3600, 10):
        before = ChannelHealth.select().count() and ChannelHealth.get().failures
        deliver(WORK + timedelta(seconds=seconds))
        if ChannelHealth.get().failures != before:
            tries.append(seconds)
    waits = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert waits == [30, 90, 270, 810]
    health = ChannelHealth.get(ChannelHealth.channel == channel)
    assert health.set_aside_at and health.failures == 5 and "554" in health.told
    who = {notice.person.login for notice in Notice.select().where(Notice.occasion.startswith("channel:"))}
    assert who == {"admin"}
    post.outcome = Outcome("sent")
    deliver(WORK + 4 * HOUR)
    assert post.letters == []
    channels.resume(console(WORK + 4 * HOUR), channel)
    deliver(WORK + 4 * HOUR)
    assert sorted(post.to) == ["alice@example.cn", "bob@example.cn"]


def test_an_address_that_is_wrong_stops_nobody_else(settings, deliver):
    mail_channel()
    wanting("alice", "bob")
    told("alice", "bob")
    got = []

    def send(url, title, body, seconds):
        got.append(url.partition("&to=")[2])
        return Outcome("recipient" if "alice" in got[-1] else "sent")

    for hours in range(7):
        messages.deliver(WORK + hours * HOUR, settings, send)
    assert got.count("bob%40example.cn") == 1 and got.count("alice%40example.cn") == messages.TRIES
    assert not ChannelHealth.get().set_aside_at
    states = {row.person_id: row.state for row in Dispatch.select()}
    assert states[person_by_login("alice").id] == "failed"


# ---- all of it -----------------------------------------------------------------------------------------------------


def test_the_worker_sends_a_letter_by_a_real_server(settings):
    with mail_server().open() as server:
        mail_channel(server="127.0.0.1", port=str(server.port), security="insecure", user="", password="")
        wanting("alice")
        told("alice")
        Worker(settings, []).round(WORK)
        Worker(settings, []).round(WORK + HOUR)
        assert [letter["to"] for letter in server.letters] == ["alice@example.cn"]
        assert settings.url in server.letters[0]["body"]


def test_old_rows_go_and_nobody_is_told_again(deliver, post):
    mail_channel()
    wanting("alice")
    told("alice")
    deliver()
    assert dispatches.prune(WORK + timedelta(days=7), timedelta(days=1)) == 0
    assert dispatches.prune(WORK + timedelta(days=9), timedelta(days=1)) == 1
    deliver(WORK + timedelta(days=9))
    assert len(post.letters) == 1
