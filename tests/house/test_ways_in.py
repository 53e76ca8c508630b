"""The other ways in: files that are imported, many records at once, references to what others own, columns that are off."""

import contextlib
import csv

import pytest

from core import records
from core.access import Actor
from core.errors import Refused
from core.fields import Ref
from core.organisation import Department
from core.people import Person
from core.plugins import registry
from core.records.model import Record
from core.records.visibility import columns
from core.testing import branch
from core.transfer import import_file
from tests.house.conftest import NOW
from tests.house.routes import digest
from tests.house.test_field_rights import STRANGE, closed, poison, values

IMPORTED = {"number", "state", "happened_at", "owner", "department", "branch"}  # what an old table tells of its rows


def sheet(path, cells):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(cells), list(cells.values())])
    return path


def test_no_column_can_be_slipped_into_an_import(all_may, filled, settings, tmp_path):
    by, asked = Actor(all_may, "import", NOW), 0
    for name, rows in filled.items():
        model = type(rows[0])
        known, stamped = {row.id for row in model.select()}, model.stamped_fields()
        for column in sorted((closed(model, stamped) | set(STRANGE)) - IMPORTED - stamped):
            value = {"1": "9999", "2": "9999"}.get(poison(model)[column], poison(model)[column])
            path = sheet(tmp_path / f"{name}.csv", {"owner": "alice", column: value})
            with contextlib.suppress(Refused):
                import_file(by, model, path, branch("TJ"))
            asked += 1
            for made in model.select().where(model.id.not_in(known)):
                assert str(made.__data__.get(column)) != value, (name, column)
                assert (made.branch_id, made.revision) == (branch("TJ").id, 1), (name, column)
                assert made.recorded_by_id in (None, all_may.id), (name, column)
    assert asked > 20


def test_no_column_can_be_slipped_into_a_change_of_many(sign_in, filled):
    client, asked = sign_in("root", NOW), 0
    for name, rows in filled.items():
        row, model = rows[0], type(rows[0])
        names = closed(model, model.stamped_fields())
        for act in ("owner", *(f"do:{event}" for event in model._meta.workflow.transitions)):
            step = model._meta.workflow.transitions.get(act.removeprefix("do:"))
            given = {*step.requires, *step.asks, *step.stamps, step.counts, step.signs, "state"} if step else set()
            own = {column.name for n, column in model.by_api_name().items() if n in given} | given
            before = values(row, names - own)
            form = {n: v for n, v in poison(model).items() if n not in given}
            client.send(
                f"/records/{name}/bulk", {**form, "act": act, "id": str(row.id), "confirmed": "1", "reason": "x"}
            )
            assert values(row, names - own) == before, (name, act)
            asked += 1
    assert asked > 20


# ---- references to what somebody else owns


def referring(model):
    """The columns of a record type that name a row of somebody: a record's or one of the core's own tables."""
    every = [c for c in model.by_api_name().values() if isinstance(c, Ref) and c.rel_model not in (Person, Department)]
    return [column for column in every if not column.read_only]


def test_no_record_names_what_lies_in_another_branch(api, sign_in, filled):
    caller, client, asked = api("root"), sign_in("root", NOW), 0
    for name, rows in filled.items():
        model = type(rows[0])
        mine = next(row for row in rows if row.branch.code == "TJ")
        other = next(row for row in rows if row.branch.code == "BJ")
        for column in referring(model):
            target = other.__data__.get(column.name) or column.rel_model.select(column.rel_model.id).scalar()
            if target is None or column.rel_model.get_by_id(target).branch_id == mine.branch_id:
                target = foreign(column.rel_model, mine.branch_id)
            before, asked = digest({"session"}), asked + 1
            texts = {str(target), getattr(column.rel_model.get_by_id(target), "number", str(target))}
            for text in texts:
                answer = caller.patch(f"{name}/{mine.id}", {column.api_name: text}, revision=mine.revision)
                assert answer.status_code == 422, (name, column.name, answer.status_code)
                answer = caller.post(name, {"branch": "TJ", column.api_name: text})
                assert column.api_name in {error["field"] for error in answer.json["errors"]}, (name, column.name)
                form = {column.api_name: text, "revision": str(mine.revision)}
                answer = client.send(f"/records/{name}/{mine.id}/edit", form)
                assert answer.status_code in (303, 422), (name, column.name, answer.status_code)
                assert model.get_by_id(mine.id).__data__[column.name] == mine.__data__[column.name], (name, column.name)
            assert digest({"session"}) == before, (name, column.name)
    assert asked >= 3


def foreign(model, branch_id):
    """A row of a table that lies in another branch."""
    return (
        model.select(model.id)
        .where((model.branch if issubclass(model, Record) else model.branch_id) != branch_id)
        .scalar()
    )


def test_who_works_in_one_branch_makes_nothing_in_another(api, sign_in, filled):
    caller, client, asked = api("alice"), sign_in("alice", NOW), 0
    client.get("/account/")
    before = digest({"session"})
    for name in filled:
        for code in ("BJ", "HQ", "GZ"):
            assert caller.post(name, {"branch": code}).status_code in (403, 404, 409), (name, code)
            answer = client.send(f"/records/{name}/new?branch={code}", {"branch": code, "owner": "alice"})
            assert answer.status_code in (403, 404, 409), (name, code)
            asked += 1
    assert asked >= 10 and digest({"session"}) == before


# ---- what a regulation adds is not there where the regulation is off


@pytest.fixture
def taken_off(monkeypatch, filled):
    """Where every regulation's additions are off while the record types stay on: {record name: [column]}."""
    known = branch("TJ").id
    is_on = records.visibility.is_on
    monkeypatch.setattr("core.records.visibility.is_on", lambda p, b, n: False if b == known else is_on(p, b, n))
    return {
        name: [c for c in model.by_api_name().values() if "__" in c.api_name]
        for name, model in registry().models.items()
    }


def test_a_column_that_is_off_is_neither_told_nor_taken(api, sign_in, filled, taken_off):
    caller, client, asked = api("root"), sign_in("root", NOW), 0
    for name, added in taken_off.items():
        row = next(row for row in filled[name] if row.branch.code == "TJ")
        assert not set(columns(type(row), row.branch_id, NOW)) & {c.api_name for c in added}
        for column in added:
            asked += 1
            assert column.api_name not in caller.get(f"{name}/{row.id}").json
            answer = caller.patch(f"{name}/{row.id}", {column.api_name: "1"}, revision=row.revision)
            assert answer.status_code == 422 and answer.json["errors"][0]["field"] == column.api_name
            assert caller.post(name, {"branch": "TJ", column.api_name: "1"}).status_code == 422
            for page in (
                f"/records/{name}/{row.id}",
                f"/records/{name}/{row.id}/edit",
                f"/records/{name}/new?branch=TJ",
            ):
                text = client.get(page).text
                assert f'name="{column.api_name}"' not in text, (page, column.name)
                assert str(column.label) not in text, (page, column.name)
    assert asked
