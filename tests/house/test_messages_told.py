"""Every kind of notice that the core and the plugins declare goes out, in both languages, and says nothing of any person."""

import ast
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core import channels, messages, notices, switches
from core.channel_kinds import KINDS
from core.clocks import Clock
from core.database import db, door, refresh
from core.findings import Finding
from core.message_texts import KINDS as NAMED
from core.message_texts import STEP
from core.notices import COLOURS, Notice
from core.organisation import change_unit
from core.people import Person, change_person, person_by_login
from core.plugins import registry
from core.sending import Outcome
from core.testing import branch, console, department_of
from tests.house.conftest import fill
from tests.house.mailing import BEFORE, SECRET, WORK, Post, mail_channel, room_channel, told, wanting

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = "秘"  # stands in every text that tests.house.filling writes


@pytest.fixture
def everything(all_may, settings):
    """Rows of every record type in TJ, with every plugin on there: {record name: [row]}."""
    for name, plugin in registry().plugins.items():
        if not plugin.manifest.business and not switches.is_on(name, branch("TJ").id, WORK):
            switches.switch(console(BEFORE), name, branch("TJ"), "on", reason="测试")
    return fill(("TJ",), all_may, settings, each=1)


def occasions(folders=("core", "plugins")):
    """What every occasion in the source begins with: {kind: where}; "" where the record itself comes first."""
    found = {}
    for path in [path for folder in folders for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "occasion":
                found.setdefault(_beginning(node.value), []).append(f"{path.name}:{node.value.lineno}")
    return found


def _beginning(value):
    first = value.values[0] if isinstance(value, ast.JoinedStr) else value
    return first.value.partition(":")[0] if isinstance(first, ast.Constant) else ""


def declared():
    """Every (plugin, colour) whose findings people are told of."""
    return sorted({(name, n.colour) for name, plugin in registry().plugins.items() for n in plugin.manifest.notices})


def tell_everything(rows):
    """Tell of every row whatever is declared, as the core does it: each record in each colour, and each other kind."""
    owner, place = person_by_login("alice"), department_of("TJ", "KF")
    limits = {colour: plugin for plugin, colour in declared()}
    for name, (row,) in rows.items():
        common = {
            "branch_id": row.branch_id,
            "record": name,
            "record_id": row.id,
            "owner_id": owner.id,
            "department_id": place.id,
        }
        limit = next(limit for plugin in limits.values() for limit in registry().plugins[plugin].limits)
        clock = Clock.create(
            **common, start="a", stop=f"told_{name}", plugin=limits["red"], limit=limit["name"], clause="T1", clauses=["T1"],
            edition=1, calendar_version=1, started_at=BEFORE, due_at=WORK, state="red",
        )  # fmt: skip
        for plugin, colour in declared():
            values = {**common, "plugin": plugin, "source": f"test:{plugin}", "colour": colour, "clock_id": clock.id}
            with door():
                finding = Finding.create(**values, happened_at=WORK, message=f"{PRIVATE}话")
            notices.finding_opened(plugin, {"finding": finding.id}, console(WORK))
        for kind in sorted(occasions()):
            if kind != "finding":
                occasion = f"{kind}:{name}:{row.id}" if kind else f"{row.soft_id()}:step:1"
                text = {"zh": f"{PRIVATE}某人", "en": f"{PRIVATE} somebody", "record": name, "record_id": row.id}
                told("alice", "bob", "carol", occasion=occasion, **text)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_notice_goes_out_and_names_nobody(everything, settings, monkeypatch, language):
    change_unit(console(BEFORE), branch("TJ"), {"timezone": "Asia/Urumqi"})
    mail_channel(), room_channel(language=language)
    wanting("alice", "bob", "carol")
    for login in ("alice", "bob", "carol"):
        change_person(console(BEFORE), person_by_login(login), {"language": language})
    tell_everything(everything)
    refresh()
    post = Post()
    monkeypatch.setattr(messages, "DIGESTED", set())
    messages.deliver(WORK + timedelta(hours=2), replace(settings, message_digest_from=10**6), post)
    occasions_told = {notice.occasion for notice in Notice.select().where(Notice.person == person_by_login("alice"))}
    assert len(occasions_told) >= len(everything) * (len(declared()) + len(occasions()) - 1) > 10
    text = "\n".join(f"{title}\n{body}" for _, title, body in post.letters)
    for title in (
        *(str(pair[language == "en"]) for pair in COLOURS.values()),
        *(getattr(w, language) for w in (*NAMED.values(), STEP)),
    ):
        assert title in text, f"{title} was told to nobody"
    for name, (row,) in everything.items():
        label = registry().models[name]._meta.label
        assert text.count(row.number) >= len(declared()) and str(getattr(label, language)) in text
        assert f"{settings.url}/records/{name}/{row.id}" in text
    assert "2025-03-05 08:00" in text and "Asia/Urumqi" in text, "the due moment in the branch's zone"
    assert PRIVATE not in text, "what somebody has typed is told outside"
    for person in Person.select():
        assert person.name not in text and f"{person.login}@" not in text


def test_no_kind_of_notice_of_the_core_is_without_words():
    found = occasions(["core"])
    assert set(found) - {"", "finding"} == set(NAMED), "say in core/message_texts.py what it is called outside"
    assert "finding" in found and "" in occasions() and {colour for _, colour in declared()} == set(COLOURS)


def test_no_secret_stands_in_the_database_the_trail_or_a_log(settings, caplog):
    caplog.set_level(logging.DEBUG)
    made = [mail_channel()]
    for kind in sorted(KINDS):
        if KINDS[kind].robot:
            address = KINDS[kind].example.replace("…", SECRET)
            made.append(room_channel(name=kind, kind=kind, address=address))
    assert len(made) == len(KINDS) == 4
    wanting("alice")
    told("alice", "bob")
    post = Post()
    messages.deliver(WORK, settings, post)
    post.outcome = Outcome("refused", "x")
    told("alice", n=2, at=WORK)
    messages.deliver(WORK.replace(hour=8), settings, post)
    for channel in made:
        assert SECRET in channels.Channel.get_by_id(channel.id).sealed_address
        assert SECRET not in channel.shown_address[:-4]
        channels.remove_channel(console(WORK), channels.Channel.get_by_id(channel.id))
    looked = 0
    for table in db.get_tables():
        held = str(db.execute_sql(f'SELECT * FROM "{table}"').fetchall())
        looked += 1
        assert SECRET not in held and "alice@example.cn" not in held, table
    assert looked > 30
    assert SECRET not in caplog.text and "alice@example.cn" not in caplog.text
