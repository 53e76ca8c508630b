"""Which plugin is on where: the resolver as a table of sentences, then the same through the database."""

import threading
from datetime import date

import pytest

from core import database, switches
from core.database import db, refresh
from core.errors import Denied, NotFound, Refused, SwitchedOff
from core.language import speaking
from core.switches import Entry, is_on, resolve, switch
from core.testing import branch, console, local

ROOT, REGION, CITY = 1, 2, 3
PATH = (ROOT, REGION, CITY)
# two business plugins, and regulations on them; `strict` stands on `plain`
DEPENDS = {"base": (), "cases": ("base",), "plain": ("cases",), "strict": ("plain",), "lone": ()}
BUSINESS = frozenset({"base", "cases"})
TODAY = date(2026, 3, 2)


def said(*entries):
    """Entries from (branch, plugin, value) or (branch, plugin, value, from day)."""
    return [Entry(b, p, v, *(day or [date(2026, 1, 1)])) for b, p, v, *day in entries]


def case(sentence, entries, **wanted):
    return pytest.param(entries, wanted, id=sentence)


@pytest.mark.pure
@pytest.mark.parametrize(
    "entries, wanted",
    [
        case("what nobody has spoken of is off", [], lone=(False, "nothing")),
        case("a choice above holds below", [(ROOT, "lone", "on")], lone=(True, "choice")),
        case("the nearest choice wins", [(ROOT, "lone", "on"), (CITY, "lone", "off")], lone=(False, "choice")),
        case("forbidden above beats a choice", [(ROOT, "lone", "forbidden"), (CITY, "lone", "on")], lone=(False, "forbidden")),
        case("required above beats off", [(ROOT, "lone", "required"), (CITY, "lone", "off")], lone=(True, "required")),
        case("forbidden beats required", [(ROOT, "lone", "required"), (REGION, "lone", "forbidden")], lone=(False, "forbidden")),
        case("forbidden above beats required below", [(ROOT, "lone", "forbidden"), (REGION, "lone", "required")], lone=(False, "forbidden")),
        case("without a choice the default holds", [(ROOT, "lone", "default-on")], lone=(True, "default")),
        case("the nearest default wins", [(ROOT, "lone", "default-on"), (REGION, "lone", "optional")], lone=(False, "default")),
        case("a choice beats a default", [(REGION, "lone", "default-on"), (ROOT, "lone", "off")], lone=(False, "choice")),
        case("a later entry of the same place replaces the earlier", [(CITY, "lone", "on"), (CITY, "lone", "off")], lone=(False, "choice")),
        case("what is dated tomorrow does not hold today", [(CITY, "lone", "on", date(2026, 3, 3))], lone=(False, "nothing")),
        case("what is dated today holds today", [(CITY, "lone", "on", TODAY)], lone=(True, "choice")),
        case(
            "an entry made later for an earlier day does not undo the later day's",
            [(CITY, "lone", "off", date(2026, 3, 1)), (CITY, "lone", "on", date(2026, 2, 1))],
            lone=(False, "choice"),
        ),
        case(
            "inherit lifts a policy, and the choice holds again",
            [(ROOT, "lone", "forbidden"), (CITY, "lone", "on"), (ROOT, "lone", "inherit")],
            lone=(True, "choice"),
        ),
        case(
            "inherit below lifts nothing from above",
            [(ROOT, "lone", "required"), (REGION, "lone", "inherit")],
            lone=(True, "required"),
        ),
        case(
            "what something on needs is on",
            [(CITY, "plain", "on")],
            plain=(True, "choice"), cases=(True, "needed"), base=(True, "needed"), strict=(False, "nothing"),
        ),
        case(
            "what something on needs is on although it was switched off",
            [(CITY, "strict", "on"), (CITY, "plain", "off")],
            strict=(True, "choice"), plain=(True, "needed"), cases=(True, "needed"),
        ),
        case(
            "a forbidden dependency makes it off, at any depth",
            [(CITY, "strict", "required"), (ROOT, "cases", "forbidden")],
            strict=(False, "dependency"), plain=(False, "nothing"), cases=(False, "forbidden"), base=(False, "nothing"),
        ),
        case(
            "a business plugin is never chosen, whatever stands in the entries",
            [(CITY, "cases", "on"), (CITY, "base", "required")],
            cases=(False, "nothing"), base=(False, "nothing"),
        ),
        case("another branch's entries do not count", [(9, "lone", "on"), (9, "plain", "forbidden")], lone=(False, "nothing")),
    ],
)  # fmt: skip
def test_the_resolver(entries, wanted):
    found = resolve(PATH, said(*entries), DEPENDS, TODAY, BUSINESS)
    assert {name: (found[name].is_on, found[name].because) for name in wanted} == wanted


@pytest.mark.pure
def test_the_answer_names_what_decided_and_what_is_lacking_or_needs_it():
    found = resolve(PATH, said((CITY, "strict", "on"), (ROOT, "cases", "forbidden")), DEPENDS, TODAY, BUSINESS)
    assert (found["strict"].plugins, found["strict"].by.branch) == (("cases",), ROOT)
    found = resolve(PATH, said((CITY, "plain", "on")), DEPENDS, TODAY, BUSINESS)
    assert (found["base"].plugins, found["cases"].plugins, found["plain"].by.value) == (("cases",), ("plain",), "on")


# ---- through the database


NOW = local("2025-02-03 10:00")


def admin(now=NOW):
    return console(now)


def why(code="TJ", plugin="timeliness", now=NOW):
    with speaking("en"):
        return switches.why(plugin, branch(code).id, now)


@pytest.mark.parametrize(
    "value, below, sentence",
    [
        ("forbidden", "on", "Forbidden"),
        ("forbidden", "required", "Forbidden"),
        ("forbidden", "default-on", "Forbidden"),
        ("required", "off", "Required"),
        ("required", "optional", "Required"),
        ("required", "forbidden", "Required"),
    ],
)
def test_a_level_below_is_never_laxer_and_hears_why(group, value, below, sentence):
    switch(admin(), "timeliness", branch("HQ"), value, reason="集团规定")
    with speaking("en"), pytest.raises(Refused, match=f"总公司 set it {sentence} from 2025-02-03, reason: 集团规定"):
        switch(admin(), "timeliness", branch("GZ"), below)


def test_stricter_below_is_allowed(group):
    switch(admin(), "timeliness", branch("HQ"), "optional")
    switch(admin(), "timeliness", branch("TJ"), "required")
    assert is_on("timeliness", branch("TJ").id, NOW)
    switch(admin(), "timeliness", branch("BJ"), "forbidden")
    assert not is_on("timeliness", branch("BJ").id, NOW)


def test_a_business_plugin_is_not_switched(group):
    with pytest.raises(Refused, match="业务插件"):
        switch(admin(), "cases", branch("GZ"), "on")


def test_forbidding_what_it_needs_puts_a_regulation_off_and_says_so(group):
    changes = switch(admin(), "customers", branch("HQ"), "forbidden", reason="迁移")
    assert {(name, before.is_on, after.is_on) for _, name, before, after in changes} == {
        ("timeliness", True, False),
        ("cases", True, False),
        ("customers", True, False),
    }
    assert why() == "it needs Customers, which is forbidden: 总公司 set it Forbidden from 2025-02-03, reason: 迁移."


@pytest.mark.parametrize(
    "code, plugin, sentence",
    [
        ("TJ", "timeliness", "天津分公司 set it On from 2025-01-06, reason: 制度施行."),
        ("TJ", "cases", "needed by Timeliness, which is on."),
        ("TJ", "customers", "needed by Cases, which is on."),
        ("GZ", "timeliness", "nobody has switched it on."),
    ],
)
def test_why(group, code, plugin, sentence):
    assert why(code, plugin) == sentence


def test_who_decided_is_named(actor):
    switch(actor("admin", "2025-02-03 10:00"), "timeliness", branch("GZ"), "on", reason="试点")
    assert why("GZ") == "广州分公司 set it On from 2025-02-03 (管理员), reason: 试点."


def test_a_plugin_that_is_not_there_is_named_with_those_that_are(group):
    with pytest.raises(NotFound, match="timelines.*timeliness"):
        switch(admin(), "timelines", branch("GZ"), "on")
    with pytest.raises(Refused, match="maybe"):
        switch(admin(), "timeliness", branch("GZ"), "maybe")


def test_policy_and_choice_are_two_permissions(actor):
    for value in ("on", "required"):
        with pytest.raises(Denied):
            switch(actor("bob", NOW), "timeliness", branch("TJ"), value)


def test_nothing_is_switched_in_the_past(group):
    with pytest.raises(Refused, match="2025-02-03"):
        switch(admin(), "timeliness", branch("GZ"), "on", from_day=date(2025, 2, 2))


def test_the_preview_is_what_the_switch_then_does(group):
    foreseen = switches.consequences("timeliness", branch("HQ"), "forbidden", date(2025, 2, 3))
    assert len(foreseen) == 6 and foreseen == switch(admin(), "timeliness", branch("HQ"), "forbidden")


def test_a_switch_in_another_connection_is_seen_from_the_next_refresh_on(group):
    assert not is_on("timeliness", branch("GZ").id, NOW)

    def elsewhere():
        refresh()
        switch(admin(), "timeliness", branch("GZ"), "on")
        db.close()

    other = threading.Thread(target=elsewhere)
    other.start()
    other.join()
    refresh()
    assert is_on("timeliness", branch("GZ").id, NOW)


def test_the_day_is_that_of_the_branch(group):
    switch(admin(), "timeliness", branch("GZ"), "on", from_day=date(2025, 2, 10))
    with pytest.raises(SwitchedOff):
        switches.require_on("timeliness", branch("GZ").id, local("2025-02-09 23:59:59"))
    switches.require_on("timeliness", branch("GZ").id, local("2025-02-10 00:00"))


def test_a_rolled_back_switch_changes_nothing(group):
    with pytest.raises(RuntimeError), database.transaction():
        switch(admin(), "timeliness", branch("GZ"), "on")
        raise RuntimeError
    refresh()
    assert not is_on("timeliness", branch("GZ").id, NOW)
