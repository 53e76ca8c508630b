"""Fixtures of the API's tests: the program once, and a client for anybody of the small group by a token of theirs."""

import pytest

from core import people, testing
from core.database import db, refresh


class Api:
    """Sends requests with one person's token; answers are Flask's, with `.json`."""

    def __init__(self, app, login):
        refresh()
        token = people.make_token(testing.console(), people.person_by_login(login))
        self.token, self.client = token, app.test_client(use_cookies=False)

    def ask(self, method, path, json=None, headers=None, **options):
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": "en", **(headers or {})}
        path = path if path.startswith("/api") else f"/api/v1/{path.lstrip('/')}"
        options |= {} if json is None else {"json": json}
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path, **query):
        options = {"query_string": query} if query else {}
        return self.ask("GET", path, **options)

    def post(self, path, values, revision=None):
        return self.ask("POST", path, values, {"If-Match": f'"{revision}"'} if revision else {})

    def patch(self, path, values, revision=None):
        return self.ask("PATCH", path, values, {"If-Match": f'"{revision}"'} if revision else {})


@pytest.fixture
def api(app):
    """api("alice") sends requests as Alice."""
    return lambda login: Api(app, login)


@pytest.fixture
def at_fault():
    """The fields that a problem names, with the code of each."""
    return lambda response: {error["field"]: error["code"] for error in response.json["errors"]}


@pytest.fixture
def queries(monkeypatch):
    """The SQL that was run since the fixture was asked for (and since it was last cleared)."""
    run = []
    execute = db.obj.execute_sql
    monkeypatch.setattr(db.obj, "execute_sql", lambda sql, *rest: (run.append(sql), execute(sql, *rest))[1])
    return run
