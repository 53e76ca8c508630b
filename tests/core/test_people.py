"""People and how they sign in: tries are counted across restarts, links work once, and who is deactivated is out at once."""

from datetime import timedelta

import pytest

from core import database, handover, people
from core.audit import AuditEntry
from core.database import refresh
from core.errors import Denied, NotFound, Refused
from core.people import Person, person_by_login
from core.testing import branch, console, department_of, local

NOW = local("2025-03-03 10:00")
MINUTE = timedelta(minutes=1)
PASSWORD = "correct horse 7"


@pytest.fixture
def alice(settings):
    person = person_by_login("alice")
    people.set_password(console(NOW), person, PASSWORD)
    return person


def tries(settings, password, times, start=NOW):
    """Sign in as alice again and again, a second apart; what each try answered, as the name of its error or the login."""
    answers = []
    for n in range(times):
        try:
            answers.append(people.sign_in("alice", password, start + n * timedelta(seconds=1), settings).login)
        except Denied as error:
            answers.append("wait" if "次数过多" in error.message else "wrong")
    return answers


def test_the_right_password_signs_in_and_a_wrong_one_does_not(settings, alice):
    assert tries(settings, PASSWORD, 1) == ["alice"] and tries(settings, "wrong", 1) == ["wrong"]


def test_a_login_that_there_is_not_hears_the_same_words(settings, alice):
    with pytest.raises(Denied) as nobody:
        people.sign_in("nobody", PASSWORD, NOW, settings)
    with pytest.raises(Denied) as wrong:
        people.sign_in("alice", "wrong", NOW, settings)
    assert nobody.value.message == wrong.value.message


def test_after_five_wrong_tries_even_the_right_password_waits(settings, alice):
    assert tries(settings, "wrong", 5) == ["wrong"] * 5
    assert tries(settings, PASSWORD, 1, NOW + MINUTE) == ["wait"]
    assert tries(settings, PASSWORD, 1, NOW + 16 * MINUTE) == ["alice"]


def test_the_wait_survives_a_restart(settings, alice):
    tries(settings, "wrong", 5)
    database.connect(settings.database_url)
    refresh()
    assert tries(settings, PASSWORD, 1, NOW + MINUTE) == ["wait"]


def test_a_good_try_in_between_begins_the_count_anew(settings, alice):
    assert tries(settings, "wrong", 4) == ["wrong"] * 4
    assert tries(settings, PASSWORD, 1, NOW + MINUTE) == ["alice"]
    assert tries(settings, "wrong", 5, NOW + 2 * MINUTE) == ["wrong"] * 5


def test_passwords_and_tokens_stand_nowhere_in_the_clear(settings, alice):
    people.make_token(console(NOW), alice)
    link = people.make_link(console(NOW), alice, settings)
    kept = "".join(str(entry.__data__) for entry in AuditEntry.select())
    secrets = (PASSWORD, link, Person.get_by_id(alice.id).password_hash)
    assert not [secret for secret in secrets if secret in kept]
    changed = AuditEntry.get(AuditEntry.verb == "password")
    assert changed.changes == {"password_hash": ["…", "…"], "password_set_at": [None, str(NOW)]}
    assert people.OneTimeLink.get().token_hash != link


def test_a_one_time_link_signs_in_once(settings, alice):
    link = people.make_link(console(NOW), alice, settings)
    assert people.use_link(link, NOW + MINUTE).login == "alice"
    with pytest.raises(Denied, match="已用过"):
        people.use_link(link, NOW + 2 * MINUTE)


@pytest.mark.parametrize("after, works", [(timedelta(hours=72), True), (timedelta(hours=72, seconds=1), False)])
def test_a_one_time_link_is_good_for_72_hours(settings, alice, after, works):
    link = people.make_link(console(NOW), alice, settings)
    if works:
        assert people.use_link(link, NOW + after)
    else:
        with pytest.raises(Denied):
            people.use_link(link, NOW + after)


def test_a_new_link_ends_the_one_before(settings, alice):
    first, second = (people.make_link(console(NOW), alice, settings) for _ in range(2))
    with pytest.raises(Denied):
        people.use_link(first, NOW)
    assert people.use_link(second, NOW).login == "alice"


def test_a_link_that_was_never_made_is_refused(settings):
    with pytest.raises(Denied):
        people.use_link("guessed", NOW)


@pytest.mark.parametrize(
    "steps, lives",
    [
        pytest.param([119], True, id="not idle for two hours"),
        pytest.param([121], False, id="idle for two hours"),
        pytest.param([110 * n for n in range(1, 7)], True, id="used again and again"),
        pytest.param([110 * n for n in range(1, 8)], False, id="twelve hours after signing in, though used"),
    ],
)
def test_a_session_ends(settings, alice, steps, lives):
    token = people.begin_session(alice, NOW)
    for minutes in steps:
        session = people.session_of(token, NOW + minutes * MINUTE, settings)
    assert (session is not None) is lives


def test_signing_out_ends_the_session_on_the_server(settings, alice):
    token, other = people.begin_session(alice, NOW), people.begin_session(alice, NOW)
    people.end_session(token, NOW)
    assert people.session_of(token, NOW, settings) is None and people.session_of(other, NOW, settings)


def test_a_new_password_ends_every_other_session(settings, alice):
    mine, other = people.begin_session(alice, NOW), people.begin_session(alice, NOW)
    kept = people.session_of(mine, NOW, settings).id
    people.set_password(console(NOW), alice, "another horse 8", keep_session=kept)
    assert people.session_of(mine, NOW, settings) and people.session_of(other, NOW, settings) is None


def test_who_is_deactivated_is_out_at_once(settings, alice):
    session, token = people.begin_session(alice, NOW), people.make_token(console(NOW), alice)
    link = people.make_link(console(NOW), alice, settings)
    assert people.session_of(session, NOW, settings) and people.person_of_token(token).login == "alice"
    handover.deactivate(console(NOW), alice, reason="离职")
    assert people.session_of(session, NOW, settings) is None and people.person_of_token(token) is None
    assert tries(settings, PASSWORD, 1) == ["wrong"]
    with pytest.raises(Denied):
        people.use_link(link, NOW)


def test_a_deactivated_person_acts_nowhere_even_with_an_actor_at_hand(actor):
    old = actor("alice", NOW)
    handover.deactivate(console(NOW), old.person, reason="离职")
    again = actor("alice", NOW)
    assert not again.may("cases.complaint.view", branch().id) and again.branches("cases.complaint.view") == frozenset()


@pytest.mark.parametrize(
    "login, name, field",
    [
        ("", "某人", "login"),
        ("with space", "某人", "login"),
        ("x" * 65, "某人", "login"),
        ("alice", "某人", "login"),
        ("new", " ", "name"),
    ],
)
def test_a_person_needs_a_login_of_their_own_and_a_name(group, login, name, field):
    with pytest.raises(Refused) as refused:
        people.add_person(console(), login, name, branch())
    assert [fault.field for fault in refused.value.faults] == [field]


def test_all_that_is_wrong_with_a_new_person_is_told_at_once(group):
    with pytest.raises(Refused) as refused:
        people.add_person(console(), "a b", "", branch(), department_of("BJ", "KF"))
    assert [fault.field for fault in refused.value.faults] == ["login", "name", "department"]


def test_a_login_that_nobody_has_is_named(group):
    with pytest.raises(NotFound, match="nobody"):
        person_by_login("nobody")
