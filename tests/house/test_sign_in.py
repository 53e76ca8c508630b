"""Signing in: until its last step is done no route opens but the steps, and whoever is out is out of every route at once."""

from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest

from core import accounts, people, second_factor
from core.access import Actor
from core.database import db, refresh
from core.people import Person, Session, person_by_login
from core.testing import actor, console
from tests.house.conftest import NOW, new_person
from tests.house.routes import addresses, ask, digest

OPEN = {"static", "desk.static", "health", "sign_in.form", "sign_in.by_link", "sign_in.language", "sign_in.out"}
BEFORE = NOW - timedelta(hours=1)
PASSWORD = "vier-Pferde-im-Nebel-4"


def walk(app, filled):
    """Every route there is, once: [(endpoint, method, path)]; what is open to anybody and what ends the session come not."""
    found = {
        (method, path): (rule.endpoint, method, path)
        for rows in filled.values()
        for rule, method, path in addresses(app, rows[0])
        if rule.endpoint not in OPEN
    }
    assert len(found) > 150
    return list(found.values())


def give_app(person):
    """Let somebody have an authenticator app."""
    secret = pyotp.random_base32()
    second_factor.set_up(Actor(person, "web", BEFORE), secret, pyotp.TOTP(secret).at(BEFORE))


def entered(app, login, **how):
    """A browser in which somebody is signed in, or half so."""
    visitor = app.test_client()
    with visitor.session_transaction() as session:
        session["token"] = people.begin_session(person_by_login(login), NOW, **how)
    return visitor


def led(answer):
    """Where an answer leads to, without its query; else its status."""
    return (answer.location or "").partition("?")[0] if answer.status_code == 302 else answer.status_code


# ---- half in ---------------------------------------------------------------------------------------------------------


def owes_code(app, root):
    give_app(root)
    return entered(app, "root")


def owes_app(app, root):
    roles = [role.name for role, _, _ in actor("root", NOW).grants]
    app.config["ZHIXING"] = replace(app.config["ZHIXING"], totp_roles=roles[:1])
    return entered(app, "root")


def owes_password(app, root):
    return entered(app, "root", by_link=True)


def has_an_old_password(app, root):
    people.set_password(console(NOW - timedelta(days=91)), root, PASSWORD)
    return entered(app, "root", code_at=NOW)


STEPS = [
    pytest.param(owes_code, "sign_in.code", "/sign-in/code", id="code"),
    pytest.param(owes_app, "sign_in.app", "/sign-in/app", id="app"),
    pytest.param(owes_password, "account.password", "/account/password", id="password"),
    pytest.param(has_an_old_password, "account.password", "/account/password", id="old password"),
]


@pytest.mark.parametrize("begun, step, leads_to", STEPS)
def test_who_still_owes_a_step_of_signing_in_reaches_no_route_but_that_step(app, filled, begun, step, leads_to):
    app.config["CLOCK"] = lambda: NOW
    half, before, wrong = begun(app, person_by_login("root")), digest(), []
    for endpoint, method, path in walk(app, filled):
        by_api = endpoint.startswith("api.")
        if endpoint != step:
            answer = half.open(path, method=method, json={}) if by_api else ask(half, method, path)
            wrong += [f"{method} {path}: {answer.status}"] if led(answer) != (401 if by_api else leads_to) else []
            by_script = answer if by_api else ask(half, method, path, headers={"Accept": "application/json"})
            wrong += [f"{method} {path} by a script: {by_script.status}"] if by_script.status_code != 401 else []
    assert wrong == []
    assert digest() == before
    page = half.get(leads_to)
    assert page.status_code == 200
    told = [row.number for rows in filled.values() for row in rows] + ['class="side"', "/records/"]
    assert [each for each in told if each in page.text] == []
    assert 'class="side"' not in half.post(leads_to).text  # without a token: the error shows nothing either


# ---- out -------------------------------------------------------------------------------------------------------------


def deactivated(app, person, settings):
    people.change_person(console(NOW), person, {"is_active": False})


def was_reset(app, person, settings):
    accounts.reset(console(NOW), person, settings, "手机丢失")


def signed_out_by_an_administrator(app, person, settings):
    accounts.sign_out_everywhere(console(NOW), person)


def changed_the_password_elsewhere(app, person, settings):
    people.set_password(console(NOW), person, PASSWORD)


def idle_for_too_long(app, person, settings):
    app.config["CLOCK"] = lambda: NOW + timedelta(minutes=settings.session_idle_minutes, seconds=1)


def signed_in_too_long_ago(app, person, settings):
    Session.update(seen_at=NOW + timedelta(hours=settings.session_hours)).execute()
    app.config["CLOCK"] = lambda: NOW + timedelta(hours=settings.session_hours, seconds=1)


WAYS = [
    (deactivated, True),
    (was_reset, True),  # a program's token ends by a reset or with its person
    (signed_out_by_an_administrator, False),
    (changed_the_password_elsewhere, False),
    (idle_for_too_long, False),
    (signed_in_too_long_ago, False),
]


@pytest.mark.parametrize("way, token_ends", WAYS, ids=lambda value: getattr(value, "__name__", ""))
def test_who_is_out_is_out_of_every_route_at_the_next_request(app, api, filled, settings, way, token_ends):
    bearer, root = api("root"), person_by_login("root")
    whole, half = entered(app, "root", code_at=NOW), entered(app, "root", by_link=True)
    assert (whole.get("/").status_code, led(half.get("/"))) == (200, "/account/password")
    assert bearer.get("openapi.json").status_code == 200
    way(app, root, settings)
    before, wrong = digest(), []
    for endpoint, method, path in walk(app, filled):
        if not endpoint.startswith("api."):
            answers = [ask(visitor, method, path) for visitor in (whole, half)]
            wrong += [f"{method} {path}: {answer.status}" for answer in answers if led(answer) != "/sign-in"]
        elif token_ends:
            answer = bearer.ask(method, path)
            wrong += [f"{method} {path}: {answer.status}"] if answer.status_code != 401 else []
    assert wrong == []
    assert digest() == before
    assert bearer.get("openapi.json").status_code == (401 if token_ends else 200)


# ---- who helps -------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree_of_people(group):
    new_person("branch_security", "TJ", "security_admin")
    new_person("other_security", "BJ", "security_admin", at="TJ")
    new_person("elsewhere", "TJ", "staff", at="BJ")
    refresh()
    return list(Person.select().order_by(Person.id))


def held(person):
    """What a person holds, from the rows of the grants alone: [(role, branch code)]."""
    return [(each.role, each.branch.code) for each in accounts.grants_of([person.id]).get(person.id, [])]


def test_nobody_resets_beyond_their_branches_and_never_themselves(tree_of_people):
    """Every pair of people, against an oracle: a security administrator at or above wherever the other is or acts."""
    people_there, places, allowed = tree_of_people, {}, 0
    for person in people_there:
        places[person.login] = {person.branch.code, *(code for _, code in held(person))}
    for helper in people_there:
        security_at = {code for role, code in held(helper) if role == "security_admin"}
        for other in people_there:
            may = helper.login != other.login and all(
                "HQ" in security_at or place in security_at for place in places[other.login]
            )
            by = actor(helper.login, NOW)
            assert accounts.may_reset(by, other) is may, f"{helper.login} of {other.login}"
            allowed += may
    assert 10 < allowed < len(people_there) ** 2 / 2


def test_no_secret_of_signing_in_is_read_in_the_database_or_the_trail(app, filled, settings):
    assert Session.select().count() == 0
    root = person_by_login("root")
    people.set_password(console(NOW), root, PASSWORD)
    give_app(root)
    secrets = [people.begin_session(root, NOW), people.make_token(console(NOW), root),
               people.make_link(console(NOW), root, settings), PASSWORD]  # fmt: skip
    kept = str([db.execute_sql(f'SELECT * FROM "{table}"').fetchall() for table in db.get_tables()])
    assert len(kept) > 10_000 and [each for each in secrets if each in kept] == []
