"""Fixtures: the web program over the small group, people signed in to it, and a real browser in front of it."""

import threading
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from core import database, people
from core.people import person_by_login
from core.testing import local


class Visitor(FlaskClient):
    """A client that can send forms: `send` adds the token that a page would have carried."""

    def send(self, path, data=None, **options):
        """Send a form as a page of ours would; POST where `method` says nothing else."""
        with self.session_transaction() as session:
            session.setdefault("csrf_token", "a token of this test")
            known = session["csrf_token"]
        signed = URLSafeTimedSerializer(self.application.secret_key, salt="wtf-csrf-token").dumps(known)
        return self.open(path, **{"method": "POST", **options}, data={**(data or {}), "csrf_token": signed})

    def begin_session(self, login):
        """Be signed in as somebody from now on."""
        now = self.application.config["CLOCK"]()
        token = people.begin_session(person_by_login(login), now, code_at=now)
        with self.session_transaction() as session:
            session["token"] = token


@pytest.fixture
def app(app, monkeypatch):
    """The web program, with clients that can send forms."""
    monkeypatch.setattr(app, "test_client_class", Visitor)
    return app


@pytest.fixture
def client(app):
    """A stranger."""
    return app.test_client()


@pytest.fixture
def sign_in(app):
    """`sign_in("alice", "2025-03-03 10:00")` is a client that is signed in; the program's clock then shows that time."""

    def signed_in(login, at=None):
        if at is not None:
            moment = local(at) if isinstance(at, str) else at
            app.config["CLOCK"] = lambda: moment
        visitor = app.test_client()
        visitor.begin_session(login)
        return visitor

    return signed_in


@pytest.fixture
def queries(monkeypatch):
    """The SQL statements that ran since the list was last cleared."""
    ran, execute = [], database.db.obj.execute_sql

    def counted(sql, *args, **kwargs):
        ran.append(sql)
        return execute(sql, *args, **kwargs)

    monkeypatch.setattr(database.db.obj, "execute_sql", counted)
    return ran


@pytest.fixture
def address(app):
    """Where the program is served for a browser."""
    from waitress import create_server

    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


@pytest.fixture
def live(app, browser, address):
    """`live("alice", width=360)` is a browser's page that is signed in; what its console complained of is in `.complaints`."""
    contexts = []

    def signed_in(login, *, width=1280, height=900, scheme="light", at=None):
        moment = local(at) if isinstance(at, str) else at or datetime.now(UTC)
        app.config["CLOCK"] = lambda: moment
        context = browser.new_context(
            base_url=address, viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN"
        )
        contexts.append(context)
        visitor = app.test_client()
        visitor.begin_session(login)
        name = app.config["SESSION_COOKIE_NAME"]
        context.add_cookies([{"name": name, "value": visitor.get_cookie(name).value, "url": address}])
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    yield signed_in
    for context in contexts:
        context.close()
