"""The second step of signing in and what passwords must be: codes are good once, policies are kept, an admin helps out."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest

from core import accounts, database, keys, passwords, people, second_factor, tries
from core.access import grant
from core.audit import AuditEntry
from core.errors import Denied, Refused, StartError
from core.people import person_by_login
from core.second_factor import SecondFactor
from core.settings import Settings, load
from core.start import start
from core.testing import actor, branch, console, local
from core.tries import LoginTry

NOW = local("2025-03-03 10:00")
STEP = timedelta(seconds=30)
DAY = timedelta(days=1)
GOOD = "Frisch-gewagt-7"


@pytest.fixture
def policy(monkeypatch):
    """`policy("asvs")` puts a policy in force."""
    return lambda name: monkeypatch.setitem(passwords.in_force, "name", name)


def code(secret, moment):
    return pyotp.TOTP(secret).at(moment)


def with_app(login, now=NOW):
    """Give somebody an authenticator app at a moment; its secret."""
    secret = pyotp.random_base32()
    second_factor.set_up(actor(login, now), secret, code(secret, now))
    return secret


def told(call, *args, **options):
    """What an attempt answered: "yes", or the name of its error's kind."""
    try:
        call(*args, **options)
    except Denied as error:
        return "wait" if "次数过多" in error.message else "no"
    except Refused:
        return "refused"
    return "yes"


# ---- one-time codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shift, answer",
    [(-2, "no"), (-1, "yes"), (0, "yes"), (1, "yes"), (2, "no")],
)
def test_a_code_may_be_one_step_old_or_early(settings, shift, answer):
    secret, later = with_app("alice"), NOW + 10 * STEP
    assert told(
        second_factor.accept, person_by_login("alice"), code(secret, later + shift * STEP), later, settings
    ) == (answer)


def test_a_code_is_good_once_and_so_is_every_earlier_one(settings):
    secret, alice, later = with_app("alice"), person_by_login("alice"), NOW + 10 * STEP
    tries = [(code(secret, later), "yes"), (code(secret, later), "no"), (code(secret, later - STEP), "no")]
    for shown, answer in tries:
        assert told(second_factor.accept, alice, shown, later, settings) == answer
    assert told(second_factor.accept, alice, code(secret, later + STEP), later + STEP, settings) == "yes"


def test_the_code_that_proved_the_app_does_not_sign_in(settings):
    secret = with_app("alice")
    assert told(second_factor.accept, person_by_login("alice"), code(secret, NOW), NOW, settings) == "no"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "000000\0"])
def test_what_is_no_code_is_refused(settings, typed):
    with_app("alice")
    assert told(second_factor.accept, person_by_login("alice"), typed, NOW + STEP, settings) == "no"


def test_codes_are_throttled_and_a_good_password_in_between_does_not_help(settings):
    secret, alice, later = with_app("alice"), person_by_login("alice"), NOW + 10 * STEP
    people.set_password(console(NOW), alice, GOOD)
    for n in range(settings.sign_in_tries):
        moment = later + timedelta(seconds=n)
        assert people.sign_in("alice", GOOD, moment, settings)
        assert told(second_factor.accept, alice, "wrong", moment, settings) == "no"
    assert told(second_factor.accept, alice, code(secret, later + STEP), later + STEP, settings) == "wait"
    after = later + timedelta(minutes=settings.sign_in_wait_minutes, seconds=9)
    assert told(second_factor.accept, alice, code(secret, after), after, settings) == "yes"


def test_many_guesses_at_the_same_moment_are_no_more_than_one_after_the_other(settings):
    with_app("alice")
    alice, together = person_by_login("alice"), threading.Barrier(12)

    def guess(n):
        together.wait(10)
        try:
            return told(second_factor.accept, alice, f"{n:06d}", NOW + 10 * STEP, settings)
        finally:
            database.db.close()

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(guess, range(12)))
    assert answers == ["no"] * settings.sign_in_tries + ["wait"] * (12 - settings.sign_in_tries)


def test_of_the_same_code_typed_twice_at_the_same_moment_one_is_taken(settings):
    later = NOW + 10 * STEP
    good, alice, together = code(with_app("alice"), later), person_by_login("alice"), threading.Barrier(4)

    def type_it(_):
        together.wait(10)
        try:
            return told(second_factor.accept, alice, good, later, settings)
        finally:
            database.db.close()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(type_it, range(4)))
    assert answers == ["no", "no", "no", "yes"]


def test_an_app_is_set_up_once_and_only_with_a_code_of_it(settings):
    secret = pyotp.random_base32()
    assert told(second_factor.set_up, actor("alice", NOW), secret, code(pyotp.random_base32(), NOW)) == "refused"
    assert not SecondFactor.select().exists()
    with_app("alice")
    assert told(second_factor.set_up, actor("alice", NOW), secret, code(secret, NOW)) == "refused"


@pytest.mark.parametrize(
    "login, required", [("admin", True), ("security", True), ("auditor", True), ("alice", False), ("carol", False)]
)
def test_the_three_administrations_need_codes_as_shipped(settings, login, required):
    assert second_factor.is_required(actor(login, NOW), settings) is required


def test_a_role_in_the_setting_needs_codes_too(settings):
    chosen = Settings(home=settings.home, database=settings.database, totp_roles=["management"])
    assert second_factor.is_required(actor("carol", NOW), chosen)
    assert not second_factor.is_required(actor("admin", NOW), chosen)


def test_a_role_that_there_is_not_stops_the_start(settings):
    with pytest.raises(StartError, match="totp_roles: no role 'sytem_admin'"):
        start(Settings(home=settings.home, database=settings.database, totp_roles=["sytem_admin"]))


def test_the_secret_stands_in_no_trail(settings):
    secret = with_app("alice")
    accounts.reset(actor("security", NOW), person_by_login("alice"), settings, "手机丢失")
    entries = AuditEntry.select().where(AuditEntry.record == "person")
    assert {"totp", "reset"} <= {entry.verb for entry in entries}
    assert secret not in "".join(str(entry.__data__) for entry in AuditEntry.select())


def test_the_secret_cannot_be_read_in_the_database(settings):
    secret = with_app("alice")
    kept = database.db.execute_sql("SELECT totp_secret FROM second_factor").fetchone()[0]
    assert keys.is_sealed(kept) and secret not in kept and SecondFactor.get().totp_secret == secret
    database.db.execute_sql(f"UPDATE second_factor SET totp_secret = '{kept[:-4]}AAA='")
    assert told(second_factor.accept, person_by_login("alice"), code(secret, NOW + STEP), NOW + STEP, settings) == "no"


# ---- passwords -----------------------------------------------------------------------------------------------------------


@pytest.mark.pure
@pytest.mark.parametrize(
    "name, password, is_good",
    [
        pytest.param("mlps", "Abcdef12", True, id="mlps: eight characters of three classes"),
        pytest.param("mlps", "Abcde12", False, id="mlps: seven"),
        pytest.param("mlps", "abcdef12", False, id="mlps: two classes"),
        pytest.param("mlps", "密码密钥ab12", True, id="mlps: other writing is a class"),
        pytest.param("mlps", "xALICEx12", False, id="mlps: the login in it"),
        pytest.param("mlps", "Aa1Aa1Aa1", False, id="mlps: three characters again and again"),
        pytest.param("mlps", "Ab1-" * 51, False, id="mlps: endless"),
        pytest.param("asvs", "vier pferde im", True, id="asvs: no classes are asked"),
        pytest.param("asvs", "vierpferdei", False, id="asvs: eleven"),
        pytest.param("asvs", "qwertyuiopasdf", False, id="asvs: a common one"),
        pytest.param("asvs", "Password123!", False, id="asvs: a common one with digits and a sign behind it"),
        pytest.param("asvs", "123456789012", False, id="asvs: digits in a row"),
        pytest.param("asvs", "my alice in nowhere", False, id="asvs: the login in it"),
    ],
)
def test_a_password_is_judged_by_the_policy_in_force(policy, name, password, is_good):
    policy(name)
    assert (passwords.faults("alice", password) == []) is is_good


@pytest.mark.pure
def test_all_that_is_wrong_with_a_password_is_told_at_once(policy):
    policy("mlps")
    assert len(passwords.faults("alice", "alice")) == 3


@pytest.mark.parametrize(
    "name, again, answer",
    [
        ("mlps", 1, "refused"),
        ("mlps", 5, "refused"),
        ("mlps", 6, "yes"),
        ("asvs", 1, "yes"),
    ],
)
def test_the_last_five_passwords_are_not_taken_again(settings, policy, name, again, answer):
    policy(name)
    alice = person_by_login("alice")
    for n in range(again):
        people.set_password(console(NOW), alice, f"Losung Nummer {n}!")
    assert told(people.set_password, console(NOW), alice, "Losung Nummer 0!") == answer


@pytest.mark.parametrize("name, after, is_old", [("mlps", 90, False), ("mlps", 91, True), ("asvs", 900, False)])
def test_a_password_is_changed_every_90_days_or_never(policy, group, name, after, is_old):
    policy(name)
    assert passwords.is_too_old(NOW, NOW + after * DAY) is is_old


def test_a_password_of_unknown_age_is_changed_where_age_counts(policy, group):
    policy("mlps")
    assert passwords.is_too_old(None, NOW)
    policy("asvs")
    assert not passwords.is_too_old(None, NOW)


@pytest.mark.pure
def test_a_policy_that_there_is_not_stops_the_start(tmp_path):
    with pytest.raises(StartError, match="password_policy = 'none' is not one of: mlps, asvs"):
        load({"ZHIXING_HOME": str(tmp_path), "ZHIXING_PASSWORD_POLICY": "none"})


# ---- help from an administrator ------------------------------------------------------------------------------------------


def lost(login):
    """Somebody with password, app, session and link; who they are."""
    person = person_by_login(login)
    people.set_password(console(NOW), person, GOOD)
    with_app(login)
    return person


@pytest.mark.parametrize("login", ["alice", "admin", "auditor"])
def test_a_security_admin_resets_password_and_app_with_a_reason_and_a_new_link(settings, login):
    person, token = lost(login), people.begin_session(person_by_login(login), NOW, code_at=NOW)
    bearer = people.make_token(console(NOW), person)
    link = accounts.reset(actor("security", NOW), person, settings, "手机丢失")
    assert second_factor.of(person) is None and people.session_of(token, NOW, settings) is None
    assert people.person_of_token(bearer) is None
    assert told(people.sign_in, login, GOOD, NOW, settings) == "no"
    assert people.use_link(link, NOW).login == login
    entry = AuditEntry.get(AuditEntry.verb == "reset")
    assert (entry.actor, entry.row_id, entry.reason) == ("security", person.id, "手机丢失")
    assert entry.changes == {"totp": [True, False]}


@pytest.mark.parametrize(
    "who, whom, reason, answer",
    [
        pytest.param("admin", "alice", "x", "no", id="not a system admin"),
        pytest.param("auditor", "alice", "x", "no", id="not an auditor"),
        pytest.param("bob", "alice", "x", "no", id="not a head"),
        pytest.param("security", "security", "x", "no", id="nobody themselves"),
        pytest.param("security", "alice", " ", "refused", id="not without a reason"),
    ],
)
def test_nobody_else_resets(settings, who, whom, reason, answer):
    person = lost(whom)
    assert told(accounts.reset, actor(who, NOW), person, settings, reason) == answer
    assert second_factor.of(person) and people.sign_in(whom, GOOD, NOW, settings)


def test_a_security_admin_of_one_branch_resets_nobody_of_another(settings):
    grant(console(), person_by_login("heidi"), "security_admin", branch("BJ"))
    assert told(accounts.reset, actor("heidi", NOW), lost("alice"), settings, "x") == "no"
    assert told(accounts.reset, actor("heidi", NOW), lost("frank"), settings, "x") == "yes"


@pytest.mark.parametrize("step", [None, second_factor.CODE])
def test_a_login_that_waits_is_unlocked_with_a_trail(settings, step):
    alice = lost("alice")
    for n in range(settings.sign_in_tries):
        tries.begin("alice", NOW + timedelta(seconds=n), settings, step=step)
    later = NOW + timedelta(minutes=1)
    assert accounts.is_waiting(alice, later, settings)
    with pytest.raises(Denied):
        accounts.unlock(actor("bob", later), alice)
    accounts.unlock(actor("security", later), alice)
    assert not accounts.is_waiting(alice, later, settings) and people.sign_in("alice", GOOD, later, settings)
    assert AuditEntry.get(AuditEntry.verb == "unlock").actor == "security"
    assert LoginTry.select().where(~LoginTry.succeeded).count() == settings.sign_in_tries  # still on file


def test_nobody_unlocks_or_links_themselves(settings):
    security = lost("security")
    by = actor("security", NOW)
    assert told(accounts.unlock, by, security) == "no"
    assert told(accounts.issue_link, by, security, settings) == "refused"


def test_a_new_password_lets_open_links_lapse(settings):
    alice = person_by_login("alice")
    link = people.make_link(console(NOW), alice, settings)
    people.set_password(console(NOW), alice, GOOD)
    assert told(people.use_link, link, NOW) == "no"


def test_the_present_password_is_remembered_though_it_is_older_than_the_memory(settings):
    alice = person_by_login("alice")
    people.set_password(console(NOW), alice, GOOD)
    people.PasswordBefore.delete().execute()  # as after an upgrade
    assert told(people.set_password, console(NOW), person_by_login("alice"), GOOD) == "refused"
