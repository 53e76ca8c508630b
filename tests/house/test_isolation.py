"""Isolation: in random groups, whatever is asked by whatever way, people see and change exactly what an oracle says."""

import inspect
import random
import re

import pytest

from core import audit, notices, people, records
from core.attachments import Attachment
from core.errors import NoActor
from core.people import person_by_login
from core.plugins import registry
from core.records import visibility
from core.testing import branch, console
from tests.house.conftest import DRILL, NOW, new_role
from tests.house.routes import SAFE, addresses, ask, digest
from tests.house.world import make_world
from tests.together import together

DRILLED = range(2, 20 if DRILL else 2)  # many more worlds: make drill
SEEDS = (0, 1, *(pytest.param(seed, marks=pytest.mark.drill) for seed in DRILLED))
REQUESTS = 500  # in each world
SENT = {
    "revision": "1",
    "reason": "x",
    "comment": "x",
    "owner": "amy",
    "branch": "TJ",
    "field": "happened_at",
    "value": "2025-03-04",
}
NUMBER = re.compile(r"\b[A-Z]+(?:HQ|TJ|BJ|GZ|U\d)-2025-\d{5}\b")
READS = ("page", "list", "search", "sort", "filter", "export", "archive", "archived", "file", "look_up", "api", "api_list",
         "history", "clocks", "edit")  # fmt: skip


@pytest.fixture
def roles(monkeypatch, group):
    """Two roles over every record type: who only looks, and who does everything."""
    names = [f"{model._meta.plugin}.{model._meta.record}" for model in registry().models.values()]
    new_role(monkeypatch, "looker", [f"{name}.{verb}" for name in names for verb in ("view", "export")])
    everything = [f"{name}.*" for name in names] + [f"{plugin}.archive.view" for plugin in registry().plugins]
    new_role(monkeypatch, "worker", everything, "customer_service")


@pytest.fixture(params=SEEDS)
def world(request, roles, all_may, settings):
    """A random group."""
    made = make_world(request.param, all_may, settings)
    made.seed = request.param
    for rows in made.rows.values():
        for row in rows:
            audit.note(
                console(NOW), "change", row._meta.record, row.id, row.branch_id, {"number": [None, row.number]}, ""
            )
    return made


class Asking:
    """One person who asks by every way there is. Each way gives the numbers told, and those that the oracle allows."""

    def __init__(self, app, world, login, at):
        self.app, self.world, self.login, self.at = app, world, login, at
        self.client = app.test_client()
        self.client.begin_session(login)
        with self.client.session_transaction() as session:
            session["branch"] = branch(at).id
        self.token = people.make_token(console(), person_by_login(login))

    def call(self, method, path, json=None, headers=None):
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": "en", **(headers or {})}
        return self.client.open(f"/api/v1/{path}", method=method, json=json, headers=headers)

    def allowed(self, model, verb, *, scoped):
        """The numbers that the oracle allows, those below the branch at hand where the way is `scoped`."""
        return {
            row.number
            for row in self.world.rows[model._meta.record]
            if self.world.may(self.login, model, verb, row.branch.code)
            and (not scoped or self.at in self.world.path(row.branch.code))
        }

    def listed(self, model, row, path, query=None, verb="view"):
        answer = self.client.get(f"/records/{model._meta.record}/{path}", query_string=query)
        allowed = self.allowed(model, verb, scoped=True)
        prefix = f"{model._meta.prefix}"
        told = {number for number in NUMBER.findall(answer.text) if number.startswith(prefix)}
        return answer, told & {each.number for each in self.world.rows[model._meta.record]}, allowed

    def one(self, row, answer, verb="view"):
        """The differences of an answer about one row: shown where it may be seen, else 404 and silent."""
        may = self.world.may(self.login, type(row), verb, row.branch.code)
        if may:
            return [] if answer.status_code == 200 else [f"{answer.status_code} for what may be seen"]
        held = self.world.holds(self.login, f"{row._meta.plugin}.{row._meta.record}.view", row.branch.code)
        is_on = self.world.is_on(row._meta.plugin, row.branch.code)
        refused = (404,) if not held else (403,) if is_on else (404, 409)
        faults = [] if answer.status_code in refused else [f"{answer.status_code} for what may not be seen"]
        return faults + (["its number is told"] if not (held and is_on) and row.number in answer.text else [])

    def page(self, model, row):
        return self.one(row, self.client.get(f"/records/{model._meta.record}/{row.id}?trail=1"))

    def edit(self, model, row):
        answer = self.client.get(f"/records/{model._meta.record}/{row.id}/edit")
        if not self.world.may(self.login, model, "view", row.branch.code):
            return self.one(row, answer)
        wanted = 200 if self.world.may(self.login, model, "edit", row.branch.code) else 403
        return [] if answer.status_code == wanted else [f"{answer.status_code}, not {wanted}"]

    def file(self, model, row):
        file = next(f for f in self.world.files if (f.record, f.record_id) == (model._meta.record, row.id))
        return self.one(row, self.client.get(f"/records/{model._meta.record}/{row.id}/files/{file.id}"))

    def api(self, model, row):
        return self.one(row, self.call("GET", f"{model._meta.record}/{row.id}"))

    def history(self, model, row):
        return self.one(row, self.call("GET", f"{model._meta.record}/{row.id}/history"))

    def clocks(self, model, row):
        return self.one(row, self.call("GET", f"{model._meta.record}/{row.id}/clocks"))

    def list(self, model, row, path="", query=None, verb="view"):
        answer, told, allowed = self.listed(model, row, path, query, verb)
        if not allowed:  # none to see: the list is closed, or is open and empty
            return [] if not told and answer.status_code in (200, 403, 404) else [f"tells {sorted(told)}"]
        return [] if told == allowed else [f"tells {sorted(told - allowed)}, keeps back {sorted(allowed - told)}"]

    def sort(self, model, row):
        return self.list(model, row, query={"sort": "-number", "count": "1"})

    def export(self, model, row):
        return self.list(model, row, "export/csv", verb="export")

    def search(self, model, row):
        answer, _, allowed = self.listed(model, row, "", {"q": row.number})
        found = re.search(rf"/records/{model._meta.record}/{row.id}\b", answer.text) is not None  # the number was typed
        return [] if found is (row.number in allowed) else [f"finds {found}"]

    def filter(self, model, row):
        _, told, allowed = self.listed(model, row, "", {"state": row.state, "owner": "nobody"})
        return [f"tells {sorted(told)}"] if told - allowed else []

    def look_up(self, model, row):
        wrong = []
        for column in (c for c in model.by_api_name().values() if c.kind in ("ref", "softref")):
            for code in (row.branch.code, self.at):
                query = {"q": row.number, "branch": code}
                answer = self.client.get(f"/records/{model._meta.record}/look-up/{column.api_name}", query_string=query)
                wrong += [str(answer.status_code)] if answer.status_code >= 500 else []
                if answer.status_code == 200 and row.number in answer.get_data(as_text=True):
                    wrong += [] if self.world.may(self.login, model, "view", row.branch.code) else [column.api_name]
        return wrong

    def api_list(self, model, row):
        answer = self.call("GET", f"{model._meta.record}?limit=200&total=1")
        told = {item["number"] for item in answer.json.get("items", ())}
        allowed = self.allowed(model, "view", scoped=False)
        counted = answer.json.get("total", 0) == len(told)
        return [] if told == allowed and counted else [f"tells {sorted(told ^ allowed)}"]

    def archive(self, model, row):
        told = set(NUMBER.findall(self.client.get(f"/archive/{model._meta.plugin}/{model._meta.record}").text))
        mine = {
            each.number
            for each in self.world.rows[model._meta.record]
            if self.world.archived(self.login, model, each.branch.code)
        }
        others = {each.number for each in self.world.rows[model._meta.record]} - mine
        return [] if mine <= told and not told & others else [f"tells {sorted(told & others)}"]

    def archived(self, model, row):
        answer = self.client.get(f"/archive/{model._meta.plugin}/{model._meta.record}/{row.id}")
        may = self.world.archived(self.login, model, row.branch.code)
        fine = answer.status_code == 200 if may else answer.status_code in (403, 404) and row.number not in answer.text
        return [] if fine else [f"{answer.status_code}"]


def asking(app, world, chance):
    """A random person of the world, at a random branch of those open to them."""
    app.config["CLOCK"] = lambda: NOW
    login = chance.choice(sorted(world.grants))
    return Asking(app, world, login, chance.choice(world.open_branches(login)))


@pytest.fixture
def files(world):
    """Every file in the world."""
    world.files = list(Attachment.select())
    return world.files


def test_a_thousand_random_requests_show_what_the_oracle_says(app, world, files):
    chance, wrong, seen = random.Random(world.seed), [], 0
    by = {login: Asking(app, world, login, chance.choice(world.open_branches(login))) for login in sorted(world.grants)}
    app.config["CLOCK"] = lambda: NOW
    for _ in range(REQUESTS):
        asker, model = chance.choice(list(by.values())), chance.choice(list(registry().models.values()))
        row, way = chance.choice(world.rows[model._meta.record]), chance.choice(READS)
        faults = getattr(asker, way)(model, row)
        wrong += [f"{asker.login} at {asker.at}: {way} of {row.number}: {fault}" for fault in faults]
        seen += world.may(asker.login, model, "view", row.branch.code)
    assert wrong == []
    assert REQUESTS / 20 < seen < REQUESTS * 19 / 20, "the world asks too little"


def test_no_way_changes_what_the_oracle_keeps_out(app, world):
    chance, wrong, asked = random.Random(world.seed), [], 0
    app.config["CLOCK"] = lambda: NOW
    by = {login: Asking(app, world, login, chance.choice(world.open_branches(login))) for login in sorted(world.grants)}
    for asker in by.values():
        asker.client.get("/account/")
    before = digest()
    for name, rows in world.rows.items():
        model = type(rows[0])
        strangers = [(a, r) for a in by.values() for r in rows if not world.may(a.login, model, "view", r.branch.code)]
        for asker, row in chance.sample(strangers, min(3, len(strangers))):
            event = chance.choice(sorted(model._meta.workflow.transitions))
            for rule, method, path in addresses(app, row, {"event": event}):
                if rule.endpoint.startswith("archive_") and world.archived(asker.login, model, row.branch.code):
                    continue  # not kept out there
                if method in SAFE or not ("row_id" in rule.arguments or rule.endpoint == f"records_{name}.action_view"):
                    continue
                if rule.endpoint.startswith("api."):
                    body = {"transitions": {"event": event}, "hand-over": {"owner": "amy", "reason": "x"}}
                    given = body.get(path.rsplit("/", 1)[1], {"reason": "x"})
                    answer = asker.call(method, path.removeprefix("/api/v1/"), given, {"If-Match": '"1"'})
                else:
                    answer = ask(asker.client, method, path, {**SENT, "id": str(row.id), "act": f"do:{event}"})
                held = world.holds(asker.login, f"{model._meta.plugin}.{name}.view", row.branch.code)
                closed = (404, 409) if held else (404,)
                is_door = "row_id" not in rule.arguments or rule.endpoint.startswith(
                    "archive_"
                )  # shut whatever the row
                closed += (403,) if is_door else ()
                wrong += (
                    [] if answer.status_code in closed else [f"{asker.login} {method} {path}: {answer.status_code}"]
                )
                wrong += [f"{path} tells"] if row.number in answer.text else []
                asked += 1
    assert wrong == []
    assert asked > 100
    now = digest()
    assert [table for table in now if now[table] != before[table]] == []


def test_nobody_reads_the_notices_of_others(app, world):
    logins = sorted(world.grants)
    for login in logins:
        told = {"occasion": f"x:{login}", "branch_id": branch("TJ").id}
        notices.tell([person_by_login(login)], NOW, zh=f"通知【{login}】", en=f"notice [{login}]", **told)
    app.config["CLOCK"] = lambda: NOW
    for login in logins:
        client = app.test_client()
        client.begin_session(login)
        texts = client.get("/notices/").text + client.get("/").text
        assert set(re.findall(r"【(person\d+)】", texts)) == {login}


def test_fifty_threads_taking_turns_show_no_difference(app, world, files):
    chance = random.Random(world.seed + 100)
    turns = []
    for n in range(50):
        asker = asking(app, world, chance)
        asker.language = ("zh", "en")[n % 2]
        with asker.client.session_transaction() as session:
            session["language"] = asker.language
        models = [chance.choice(list(registry().models.values())) for _ in range(4)]
        plan = [
            (
                chance.choice(("page", "list", "api", "api_list", "history")),
                m,
                chance.choice(world.rows[m._meta.record]),
            )
            for m in models
        ]
        turns.append(lambda asker=asker, plan=plan: take_turns(asker, plan))
    answers = together(turns)
    assert [answer for answer in answers if answer] == []


def take_turns(asker, plan):
    """What was wrong when a person asked by several ways, each time by name and language too."""
    wrong = []
    for way, model, row in plan:
        wrong += [
            f"{asker.login} at {asker.at}: {way} of {row.number}: {fault}" for fault in getattr(asker, way)(model, row)
        ]
        page = asker.client.get("/account/").text
        wrong += [] if asker.login in page else [f"{asker.login} is shown the account of somebody else"]
        wrong += [] if re.search(rf'<html[^>]*lang="{asker.language}', page) else [f"{asker.login}: another's language"]
        me = asker.call("GET", "me").json["login"]
        wrong += [] if me == asker.login else [f"{asker.login} is {me}"]
    return wrong


# ---- without an actor


def asked_with_an_actor():
    """Every public function of the one way in and the one way out that is asked by an actor: {name: function}."""
    known = {**vars(records), **vars(visibility)}
    ours = {n: f for n, f in known.items() if inspect.isfunction(f) and f.__module__.startswith("core.records")}
    return {n: f for n, f in ours.items() if n[0] != "_" and next(iter(inspect.signature(f).parameters), "") == "actor"}


@pytest.mark.parametrize("missing", [None, "alice", 1], ids=["nobody", "a name", "a number"])
def test_a_missing_actor_raises_and_never_means_all(filled, missing):
    asked = asked_with_an_actor()
    assert {"visible_to", "find", "create", "change", "transition", "hand_over"} <= set(asked)
    before = digest()
    for name, rows in filled.items():
        row, model = rows[0], type(rows[0])
        column = next(c for c in model.by_api_name().values())
        given = {"model": model, "record": row, "records": [row], "values": {}, "rows": [{}], "branch": branch("TJ"), "key": row.id,
                 "ids": [row.id], "event": "x", "reason": "x", "branch_id": row.branch_id, "column": column}  # fmt: skip
        for function in asked.values():
            parameters = inspect.signature(function).parameters
            wanted = {
                n: given[n] for n, p in parameters.items() if n in given and (p.default is p.empty or n == "reason")
            }
            if "column" in parameters:
                continue  # asks about one column of a row that was found before
            with pytest.raises(NoActor):
                function(missing, **wanted)
                pytest.fail(f"{function.__name__} of {name} took {missing!r} for an actor")
    assert digest() == before
