"""What is secret or personal stands in no log: whatever fails, by whatever way, is told by its kind and place alone."""

import ast
import logging
from datetime import timedelta
from pathlib import Path

import peewee
import pytest

import core
from core import audit, outbox, people, records, tries
from core.commands import main
from core.database import door, insert_rows, transaction
from core.errors import Refused
from core.jobs import Job, JobRun
from core.outbox import Message
from core.people import Person, person_by_login, set_password
from core.plugins import registry
from core.records.model import Batch
from core.testing import branch, console
from core.transfer import import_file
from core.worker import Worker
from tests.house.conftest import NOW
from tests.house.routes import SAFE, addresses

PHONE, NUMBER, PASSWORD = "13912345678", "110101199003078515", "Geheim-Wort-2025-秘密"
NAMES = {"exc_info", "exception", "format_exc", "print_exc", "print_exception"}


@pytest.fixture
def logged(caplog, capfd):
    """All that was logged and printed so far: `logged()`."""
    caplog.set_level(logging.INFO)  # as an operator sees it
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def all_of_it():
        out = capfd.readouterr()
        return "\n".join([*(formatter.format(each) for each in caplog.records), out.out, out.err])

    return all_of_it


def secrets(*more):
    """What may stand nowhere."""
    hashes = [row.password_hash for row in Person.select() if row.password_hash]
    return [PHONE, NUMBER, PASSWORD, *hashes, *more]


def told(text, *more):
    """The secrets that a text tells."""
    return [secret for secret in secrets(*more) if secret in text]


def fails(*_, **__):
    raise ValueError(f"invalid literal for int() with base 10: '{PHONE}' {NUMBER} {PASSWORD}")


def violates(*_, **__):
    """What a driver says where a value is there already: PostgreSQL repeats the value."""
    with transaction(), door():
        values = {n: getattr(person_by_login("alice"), n) for n in Person._meta.fields if n != "id"}
        for _ in range(2):
            insert_rows(Person, [{**values, "login": PHONE, "name": NUMBER}])


FAULTS = [pytest.param(fails, id="an error with values"), pytest.param(violates, id="a driver that tells values")]


@pytest.mark.skipif("not config.getoption('database') == 'postgresql'", reason="the driver of SQLite repeats no values")
def test_the_driver_would_tell(settings):
    with pytest.raises(peewee.IntegrityError) as raised:
        violates()
    assert PHONE in str(raised.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_job_and_a_message_that_fail_tell_nothing(settings, monkeypatch, logged, fault):
    monkeypatch.setitem(outbox.handlers, "bad", fault)
    with transaction():
        outbox.tell(NOW, [("timeliness", "bad", branch("TJ").id, "a:1", {})])
    worker = Worker(settings, [Job("bad", timedelta(seconds=1), fault)])
    worker.round(NOW)
    worker._guarded("part", fault, NOW)
    kept = [
        *(run.error for run in JobRun.select() if run.error),
        *(each.error for each in Message.select() if each.error),
    ]
    assert len(kept) == 3 and all(" at " in error for error in kept)
    text = logged()
    assert text.count("bad failed") + text.count("job bad") == 2 and told(text + "\n".join(kept)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_route_that_fails_tells_nothing(app, sign_in, api, filled, monkeypatch, logged, fault):
    root, caller, failed = sign_in("root", NOW), api("root"), 0
    session = root.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    for rule, method, path in list(addresses(app, filled["complaint"][0])):
        if rule.endpoint in ("static", "desk.static", "admin.static"):
            continue
        monkeypatch.setitem(app.view_functions, rule.endpoint, fault)
        form = {"phone": PHONE, "password": PASSWORD, "id_number": NUMBER, "reason": "x"}
        if rule.endpoint.startswith("api."):
            answer = caller.ask(method, path, None if method in SAFE else form)
        else:
            answer = root.open(path, method=method) if method in SAFE else root.send(path, form)
        failed += answer.status_code == 500
        assert told(answer.text, caller.token) == [], f"{method} {path}"
    text = logged()
    assert failed > 80 and text.count("incident") >= failed
    assert told(text, caller.token, session) == []


def test_signing_in_well_and_badly_tells_no_password_and_no_token(app, client, logged, settings, monkeypatch):
    app.config["CLOCK"] = lambda: NOW
    set_password(console(NOW), person_by_login("alice"), PASSWORD)
    link = people.make_link(console(NOW), person_by_login("bob"), settings)
    for login, password in (("alice", "falsch"), ("alice", PASSWORD), (PHONE, PASSWORD)):
        client.send("/sign-in", {"login": login, "password": password})
    client.get(f"/link/{link}")
    token = people.make_token(console(NOW), person_by_login("amy"))
    app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}x"})
    monkeypatch.setattr(tries, "begin", fails)
    assert client.send("/sign-in", {"login": "amy", "password": PASSWORD}).status_code == 500
    kept = [str(entry.changes) + entry.reason for entry in audit.AuditEntry.select()]
    assert told(logged(), link, token) == told("\n".join(kept), link, token) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_an_import_that_fails_tells_nothing_but_to_whom_it_is(settings, tmp_path, monkeypatch, logged, fault):
    model, path = registry().models["customer"], tmp_path / "f.csv"
    path.write_text(f"name,phone,owner\n{NUMBER},{PHONE},alice\n", encoding="utf-8")
    monkeypatch.setattr("core.transfer.importing.write_new", fault)
    with pytest.raises((ValueError, peewee.IntegrityError, Refused)):
        import_file(console(NOW), model, path, branch("TJ"))
    assert Batch.get().failed
    monkeypatch.setenv("ZHIXING_HOME", str(settings.home))
    monkeypatch.setenv("ZHIXING_DATABASE", settings.database_url)
    assert main(["import", "customer", str(path), "--branch", "TJ"]) == 1
    assert told(logged()) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_of_a_plugin_that_fails_tells_nothing(settings, monkeypatch, fault):
    monkeypatch.setitem(registry().hooks, "validate_record", [("timeliness", fault)])
    with pytest.raises(Refused) as refused:
        records.create(console(NOW), registry().models["complaint"], {"owner": "alice"}, branch=branch("TJ"))
    assert "timeliness" in str(refused.value) and told(str(refused.value)) == []


def test_no_code_logs_an_error_with_its_text():
    """Errors go through core.failures: a logger's own way of telling one would add the text of whoever raised it."""
    files, wrong = [*Path(core.__file__).parent.rglob("*.py")], []
    files += [
        path for plugin in registry().plugins.values() for path in Path(plugin.module.__file__).parent.rglob("*.py")
    ]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.arg if isinstance(node, ast.keyword) else node.attr if isinstance(node, ast.Attribute) else None
            wrong += [f"{path.name}: {name}"] if name in NAMES else []
    assert len(files) > 100 and wrong == []
