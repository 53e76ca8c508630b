"""Two people at one record: nothing of what either typed is lost, one decision stands, and whoever comes second is told."""

import itertools
import re
from datetime import timedelta

import pytest

from core import records
from core.access import ROLES, Actor
from core.audit import AuditEntry
from core.errors import Refused
from core.people import person_by_login
from core.plugins import registry
from core.records.visibility import masked
from core.testing import branch
from tests.house.conftest import NOW, new_person
from tests.house.filling import Filling
from tests.house.routes import digest
from tests.house.sending import form_of, shown_in
from tests.together import together

TEXTS = ("text", "longtext", "phone")
TOLD = (303, 409, 422)


@pytest.fixture
def other(all_may, filled):
    """ "other": a second person who may do all that "root" may, as an actor."""
    return Actor(new_person("other", "HQ", *[name for name in ROLES if name.startswith("all_")]), "web", NOW)


def typed(column, whose):
    """What somebody types into a column: a text that stands nowhere else, or another choice or figure."""
    number = {"mine": 1, "theirs": 2}[whose]
    if column.kind == "phone":
        return f"1380000000{number}"
    if column.kind in TEXTS:
        return f"{whose}·{column.name}"[: getattr(column, "max_length", None) or 60]
    if column.kind == "choice":
        return list(column.options)[-number]
    return {"integer": str(40 + number), "day": f"2025-03-0{number}", "yesno": ("true", "false")[number - 1]}.get(
        column.kind
    )


def changeable(row, names):
    """The columns of these names that both can type something into, so that neither is what stands there: {name: column}."""
    known = {c.api_name: c for c in type(row).by_api_name().values()}
    columns = {name: known[name] for name in names if name in known}
    stored = {name: str(row.__data__.get(column.name)) for name, column in columns.items()}
    return {
        name: column
        for name, column in columns.items()
        if typed(column, "mine") and len({stored[name], typed(column, "mine"), typed(column, "theirs")}) == 3
    }


def allowed(by, row, values):
    """Those of the values that the rules let a person write, tried one by one and undone again."""
    fine = {}
    for name, value in values.items():
        before = type(row).get_by_id(row.id)
        try:
            records.change(by, before, {name: value}, reason="x")
            fine[name] = value
        except Refused:
            continue
    return fine


def test_the_second_to_save_a_form_is_shown_both_versions_and_loses_nothing(sign_in, other, filled):
    client, asked = sign_in("root", NOW), 0
    for name, (row, spare, *_) in filled.items():
        path, model = f"/records/{name}/{row.id}/edit", type(row)
        page = client.get(path)
        form = form_of(page, having=["seen"])
        columns = changeable(row, form)
        fine = allowed(other, spare, {n: typed(c, "theirs") for n, c in columns.items()})
        columns = {n: c for n, c in columns.items() if n in fine}
        assert len(columns) >= 1, f"{name}: nothing that two people could change"
        both, only_mine = list(columns)[:-1] or list(columns), list(columns)[-1:] if len(columns) > 1 else []
        records.change(other, row, {n: fine[n] for n in both}, revision=row.revision, reason="x")
        before = digest({"session", "notice"})
        mine = {n: typed(columns[n], "mine") for n in (*both, *only_mine)}
        second = client.send(path, {**form, **mine})
        assert second.status_code == 409, (name, second.status_code)
        assert digest({"session", "notice"}) == before, f"{name}: something was written over"
        again = form_of(second, having=["seen"])
        assert {n: again[n] for n in mine} == mine, f"{name}: something typed is lost"
        for n in both:
            if columns[n].kind in (*TEXTS, "choice"):
                told = getattr(columns[n], "options", {})
                assert as_shown(columns[n], str(told.get(fine[n], fine[n]))) in shown_in(second.text), (name, n)
                assert str(told.get(mine[n], mine[n])) in shown_in(second.text), (name, n)
            assert again[f"pick.{n}"] == "mine", (name, n)
            asked += 1
        kept = {n: ("theirs" if place % 2 else "mine") for place, n in enumerate(both)}
        done = client.send(path, {**again, **{f"pick.{n}": whose for n, whose in kept.items()}})
        assert done.status_code == 303, (name, done.text)
        stored = model.get_by_id(row.id)
        wanted = {n: fine[n] if kept.get(n) == "theirs" else mine[n] for n in mine}
        assert {n: text_of(stored, columns[n]) for n in mine} == wanted, name
    assert asked >= 10


def as_shown(column, value):
    """What another person's value looks like to somebody who was not shown it: of personal data, little."""
    return masked(value) if column.personal else value


def text_of(row, column):
    """A stored value as it was typed."""
    value = row.__data__[column.name]
    return str(value).lower() if isinstance(value, bool) else str(value)


def by_program(column, text):
    """What was typed, as a program writes it: yes and no and whole numbers are no texts."""
    if column.kind == "yesno":
        return text == "true"
    return int(text) if column.kind == "integer" or (column.kind == "ref" and text.isdigit()) else text


def test_a_program_that_saves_second_is_given_both_versions(api, other, filled):
    caller, asked = api("root"), 0
    for name, (row, spare, *_) in filled.items():
        columns = changeable(row, [c.api_name for c in type(row).by_api_name().values()])
        fine = allowed(other, spare, {n: typed(c, "theirs") for n, c in columns.items()})
        mine = {n: by_program(columns[n], typed(columns[n], "mine")) for n in fine}
        records.change(other, row, fine, revision=row.revision, reason="x")
        before = digest({"session"})
        second = caller.patch(f"{name}/{row.id}", {**mine, "reason": "x"}, revision=row.revision)
        assert second.status_code == 409 and digest({"session"}) == before, name
        theirs, yours = second.json["theirs"], second.json["yours"]
        wanted = {n: as_shown(columns[n], value).lower() for n, value in fine.items()}
        assert {n: str(theirs[n]).lower() for n in fine} == wanted, name
        assert {n: yours[n] for n in mine} == mine, name
        told = int(second.headers["ETag"].strip('"'))
        first, *others = mine
        done = caller.patch(f"{name}/{row.id}", {first: mine[first], "reason": "x"}, revision=told)
        assert done.status_code == 200, (name, done.text)
        stored = type(row).get_by_id(row.id)
        assert text_of(stored, columns[first]) == mine[first]
        assert {n: text_of(stored, columns[n]) for n in others} == {n: fine[n] for n in others}, name
        asked += len(mine)
    assert asked >= 10


def places_to_step(filled, owner):
    """Every step that people take, with a row of `owner` in a state from which it leads on: [(row, step)]."""
    filling = Filling(NOW - timedelta(days=2))
    filling.count = itertools.count(501)  # numbers that `filled` has not given
    filling.made = {(type(row), row.branch_id): row.id for rows in filled.values() for row in reversed(rows)}
    for model in registry().models.values():
        for step in model._meta.workflow.transitions.values():
            if set(step.by) - {"system"}:
                yield filling.record(model, branch("TJ"), state=step.source[0], owner=owner.id), step


def test_who_steps_second_is_shown_what_was_saved_meanwhile(sign_in, all_may, other, filled):
    client, asked = sign_in("root", NOW), 0
    for row, step in list(places_to_step(filled, all_may)):
        name, path = row._meta.record, f"/records/{row._meta.record}/{row.id}"
        form = form_of(client.get(path), f"{path}/do/{step.event}")
        columns = changeable(row, [n for n in form if n not in step.stamps])
        columns = {n: c for n, c in columns.items() if c.kind in TEXTS}
        fine = allowed(other, row, {n: typed(c, "theirs") for n, c in columns.items()})
        mine = {n: typed(columns[n], "mine") for n in fine}
        if not fine:
            continue
        before = digest({"session", "notice"})
        second = client.send(f"{path}/do/{step.event}", {**form, **mine, "reason": "because"})
        assert second.status_code == 409 and digest({"session", "notice"}) == before, (name, step.event)
        again = form_of(second, f"{path}/do/{step.event}")
        assert {n: again[n] for n in mine} == mine and again.get("reason", "because") == "because", (name, step.event)
        shown = shown_in(second.text.split(f'id="step-{step.event}"')[1].split("</form>")[0])
        assert all(as_shown(columns[n], fine[n]) in shown for n in fine), (name, step.event)
        done = client.send(f"{path}/do/{step.event}", again)
        assert done.status_code in (303, 422), (name, step.event, done.status_code)
        asked += 1
    assert asked >= 8


def test_of_two_who_hand_over_the_second_is_told(sign_in, api, other, filled):
    client, caller = sign_in("root", NOW), api("root")
    for name, (row, *_) in filled.items():
        path = f"/records/{name}/{row.id}"
        form = form_of(client.get(path), f"{path}/hand-over")
        records.hand_over(other, row, owner=person_by_login("amy"), reason="休假")
        before = digest({"session", "notice"})
        second = client.send(f"{path}/hand-over", {**form, "owner": "bob", "reason": "我的原因"})
        assert second.status_code == 409 and digest({"session", "notice"}) == before, name
        again = form_of(second, f"{path}/hand-over")
        assert (again["owner"], again["reason"]) == ("bob", "我的原因"), name
        answer = caller.post(f"{name}/{row.id}/hand-over", {"owner": "bob", "reason": "x"}, revision=row.revision)
        assert (answer.status_code, answer.json["theirs"]["owner"], answer.json["yours"]["owner"]) == (
            409,
            "amy",
            "bob",
        )
        assert client.send(f"{path}/hand-over", again).status_code == 303, name
        assert type(row).get_by_id(row.id).owner.login == "bob", name


def test_who_changes_many_records_second_is_told(sign_in, other, filled):
    client = sign_in("root", NOW)
    for name, (row, spare, *_) in filled.items():
        path, chosen = f"/records/{name}/bulk", {"act": "owner", "id": [str(row.id), str(spare.id)]}
        asks = client.send(path, chosen)
        form = {**form_of(asks, path), "id": chosen["id"], "owner": "bob"}
        records.hand_over(other, spare, owner=person_by_login("amy"), reason="休假")
        before = digest({"session", "notice"})
        second = client.send(path, form)
        assert second.status_code == 409 and digest({"session", "notice"}) == before, name
        assert spare.number in second.text and form_of(second, path)["owner"] == "bob", name
        again = {**form_of(second, path), "id": chosen["id"]}
        assert client.send(path, again).status_code == 303, name
        assert {type(row).get_by_id(each.id).owner.login for each in (row, spare)} == {"bob"}, name


# ---- two decisions at the same moment


def test_of_two_decisions_at_the_same_moment_one_stands_and_the_other_is_told(sign_in, api, all_may, other, filled):
    client, callers, won = sign_in("root", NOW), {True: api("root"), False: api("other")}, []
    for row, step in list(places_to_step(filled, all_may)):
        name, model, path = row._meta.record, type(row), f"/records/{row._meta.record}/{row.id}/do/{step.event}"
        columns = {c.api_name: c for c in model.by_api_name().values()}
        form = form_of(client.get(path.partition("/do/")[0]), path)
        asks = {n: typed(columns[n], "mine") for n, text in form.items() if n in columns and not text}
        form |= {n: text or "" for n, text in asks.items()} | {"reason": "x"}
        asks = {n: text for n, text in asks.items() if text}
        body = {"event": step.event, "values": asks, "reason": "x"}
        before, trail = row.revision, steps_told(row)
        caller = callers[set(step.by) <= {"owner", "submitter", "system"}]  # then it is one person in two windows
        mine, theirs = together(
            [
                lambda path=path, form=form: client.send(path, form),
                lambda caller=caller, name=name, row=row, body=body: caller.post(
                    f"{name}/{row.id}/transitions", body, row.revision
                ),
            ]
        )
        stored = model.get_by_id(row.id)
        codes = (mine.status_code, theirs.status_code)
        assert codes in ((303, 409), (303, 422), (409, 200), (422, 200), (422, 422)), (name, step.event, codes)
        is_done = codes != (422, 422)
        assert (stored.revision - before, steps_told(row) - trail) == (is_done, is_done), (name, step.event)
        if codes[0] != 303 and is_done:
            assert re.search(r'role="alert"|class="wrong"', mine.text), (name, step.event, "the person is told")
        won += [codes[0] == 303] if is_done else []
    assert len(won) >= 20


def steps_told(row):
    """How many rows the trail has about a record."""
    mine = (AuditEntry.record == row._meta.record) & (AuditEntry.row_id == row.id)
    return AuditEntry.select().where(mine).count()


def test_of_two_saves_at_the_same_moment_one_is_shown_the_other(sign_in, api, other, filled):
    client, caller, asked = sign_in("root", NOW), api("other"), 0
    for name, (row, spare, *_) in itertools.chain(filled.items(), filled.items()):
        row = type(row).get_by_id(row.id)
        path = f"/records/{name}/{row.id}/edit"
        form = form_of(client.get(path), having=["seen"])
        columns = {n: c for n, c in changeable(row, form).items() if c.kind in ("text", "longtext")}
        fine = allowed(other, spare, {n: typed(c, "theirs") for n, c in columns.items()})
        if not fine:
            continue
        n = next(iter(fine))
        sent = {"mine": f"{asked}我", "theirs": f"{asked}他"}
        mine, theirs = together(
            [
                lambda path=path, form={**form, n: sent["mine"]}: client.send(path, form),
                lambda name=name, row=row, body={n: sent["theirs"]}: caller.patch(
                    f"{name}/{row.id}", body, row.revision
                ),
            ]
        )
        assert (mine.status_code, theirs.status_code) in ((303, 409), (409, 200)), (name, n)
        stored = type(row).get_by_id(row.id)
        assert stored.revision == row.revision + 1, name
        if mine.status_code == 409:
            assert sent["mine"] in mine.text and as_shown(columns[n], sent["theirs"]) in mine.text, name
        else:
            told = (theirs.json["theirs"][n], theirs.json["yours"][n])
            assert told == (as_shown(columns[n], sent["mine"]), sent["theirs"]), name
        asked += 1
    assert asked >= 5
