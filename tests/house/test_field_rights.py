"""Field rights over every column of every record type: nothing is written that may not be, nothing hidden is told anywhere."""

import html
import io
import re
import zipfile

import pytest

from core import audit, drafts
from core.plugins import registry
from core.records.entering import CLOSED_BASE, TYPED_BASE
from core.testing import console
from tests.house.conftest import DRILL, NOW, new_person, new_role
from tests.house.routes import SAFE, addresses, ask, looks

POISON = {
    "text": "gift", "longtext": "gift", "phone": "13912345678", "integer": "77", "money": "77.00", "yesno": "true",
    "moment": "2025-03-04 10:00", "day": "2025-03-04", "json": '{"gift": 1}', "softref": "complaint:1", "ref": "1",
}  # fmt: skip
STRANGE = {
    "is_system": "1", "history": "1", "permissions": "*", "via": "system", "person": "1", "_data": "x", "__class__": "x",
    "batch_id": "1", "branch_id": "1", "owner_id": "1", "recorded_by_id": "1", "state_id": "x", "event": "x",
}  # fmt: skip


def poison(model):
    """A value for every column there is, by its own and its API name, and for names that are none."""
    found = dict(STRANGE)
    for column in model._meta.sorted_fields:
        value = POISON.get(getattr(column, "kind", ""), "2")
        value = list(column.options)[-1] if getattr(column, "kind", "") == "choice" else value
        found.update({column.name: value, column.column_name: value, getattr(column, "api_name", column.name): value})
    return found


def closed(model, stamped):
    """The columns that nobody types: what the core keeps, what is read-only, and what only a step stamps."""
    own = {c.name for c in model._meta.sorted_fields if getattr(c, "read_only", False) or not hasattr(c, "api_name")}
    return (own | {"id", "branch", "state", "number", "form_version", "extra", "gaps", "batch", *stamped}) - {
        "revision"
    }


def test_the_core_lists_every_base_column_that_nobody_types():
    assert not set(TYPED_BASE) - CLOSED_BASE


def values(row, names):
    fresh = type(row).get_by_id(row.id)
    return {
        name: fresh.__data__.get(name) for name in names - {"stamps"}
    }  # what the core notes of a moment that was typed


def test_no_column_can_be_slipped_into_a_change(api, filled):
    caller = api("root")
    for rows in filled.values():
        row, model = rows[0], type(rows[0])
        names = closed(model, model.stamped_fields() - {"happened_at"})
        before = values(row, names)
        for name, value in poison(model).items():
            now = model.get_by_id(row.id).revision
            answer = caller.patch(f"{row._meta.record}/{row.id}", {name: value, "reason": "x"}, revision=now)
            assert answer.status_code in (200, 422), (row._meta.record, name, answer.text)
            if name in names:
                assert answer.status_code == 422, (row._meta.record, name)
        assert values(row, names) == before, row._meta.record


def test_no_column_can_be_slipped_into_a_new_record(api, filled):
    caller = api("root")
    for name, rows in filled.items():
        model = type(rows[0])
        count = model.select().count()
        for column in closed(model, model.stamped_fields() - {"happened_at"}) | set(STRANGE):
            if column != "branch":
                answer = caller.post(name, {"branch": "TJ", column: poison(model)[column]})
                assert answer.status_code == 422, (name, column, answer.text)
                assert column.rstrip("_") in {error["field"].rstrip("_") for error in answer.json["errors"]}, (
                    name,
                    column,
                )
        assert model.select().count() == count


def test_no_column_can_be_slipped_into_a_step(api, sign_in, all_may, filled):
    caller, client, root = api("root"), sign_in("root", NOW), all_may.id
    for rows in filled.values():
        model = type(rows[0])
        for row, step in ((r, s) for r in rows[: 2 if DRILL else 1] for s in model._meta.workflow.transitions.values()):
            given = {*step.requires, *step.asks, *step.stamps}
            names = closed(model, model.stamped_fields()) - {
                c.name for n, c in model.by_api_name().items() if n in given
            }
            names -= {"state", "happened_at", *step.stamps, step.counts, step.signs}
            stamped = values(row, names & model.stamped_fields())
            names -= {name for name, value in stamped.items() if value}  # these are corrected, with the reason given
            before, extras = values(row, names), {n: v for n, v in poison(model).items() if n not in given}
            alone = [{extra: value} for extra, value in extras.items() if step in model._meta.workflow.after(row.state)]
            for sent in alone or [extras]:  # where the step is open, each by itself: one refused must not hide another
                body = {"event": step.event, "values": sent, "reason": "x"}
                caller.post(f"{row._meta.record}/{row.id}/transitions", body)
            path = f"/records/{row._meta.record}/{row.id}"
            client.send(f"{path}/do/{step.event}", {**extras, "reason": "x", "revision": str(row.revision)})
            assert values(row, names) == before, (row._meta.record, step.event)
            signed = {step.signs} - {""}
            assert set(values(row, signed).values()) <= {row.__data__.get(n) for n in signed} | {root}, step.event


def test_who_may_take_a_step_but_not_edit_fills_in_only_what_it_asks(monkeypatch, filled, api):
    capacities = {c for m in registry().models.values() for s in m._meta.workflow.transitions.values() for c in s.by}
    names = [f"{m._meta.plugin}.{m._meta.record}.view" for m in registry().models.values()]
    roles = [
        new_role(monkeypatch, f"step_{c}", names, c) for c in sorted(capacities - {"owner", "submitter", "system"})
    ]
    new_person("stepper", "HQ", *roles)
    caller, asked = api("stepper"), 0
    for rows in filled.values():
        row, model = rows[0], type(rows[0])
        for step in model._meta.workflow.after(row.state):
            own = [n for n in model.by_api_name() if n not in {*step.requires, *step.asks, *step.stamps}]
            before, extras = values(row, set(model._meta.fields)), poison(model)
            for name in own:
                body = {"event": step.event, "values": {name: extras[name]}, "reason": "x"}
                answer = caller.post(f"{row._meta.record}/{row.id}/transitions", body)
                assert answer.status_code in (403, 422), (row._meta.record, step.event, name)
                asked += 1
            assert values(row, set(model._meta.fields)) == before, (row._meta.record, step.event)
    assert asked > 50


def test_no_column_can_be_slipped_into_a_form(sign_in, filled):
    client = sign_in("root", NOW)
    for name, rows in filled.items():
        row, model = rows[0], type(rows[0])
        names = closed(model, model.stamped_fields() - {"happened_at"})
        before, known = values(row, names), {each.id for each in model.select()}
        form = {**poison(model), "revision": str(row.revision), "reason": "x"}
        for extras in (form, {n: v for n, v in form.items() if n in names or n in STRANGE or n == "revision"}):
            answer = client.send(f"/records/{name}/{row.id}/edit", extras)
            assert answer.status_code in (303, 403, 409, 422), (name, answer.status_code)
        client.send(f"/records/{name}/new", {**form, "branch": "TJ"})
        assert values(row, names) == before, name
        for made in model.select().where(model.id.not_in(known)):
            assert made.state == model._meta.workflow.initial and made.number != "gift", name
            assert (made.batch_id, made.form_version, made.gaps) == (None, 0, []), name


# ---- what is hidden


@pytest.fixture
def blind(monkeypatch, filled):
    """ "blind": may do everything but see personal data."""
    verbs = ("view", "create", "edit", "comment", "export", "import")
    names = [f"{m._meta.plugin}.{m._meta.record}.{verb}" for m in registry().models.values() for verb in verbs]
    names += [f"{plugin}.archive.view" for plugin in registry().plugins] + ["core.audit.view", "core.desk.view"]
    names += ["core.department.view", "core.check.view", "core.job.view", "core.clause.view", "core.person.view"]
    return new_person("blind", "HQ", new_role(monkeypatch, "blind", names, "department_head"))


def hidden(rows):
    """{value: (record, column)} of every personal value that is in the rows."""
    return {
        str(row.__data__[column.name]): (row._meta.record, column.name)
        for row in rows
        for column in type(row).by_api_name().values()
        if column.personal and row.__data__.get(column.name)
    }


def every(filled):
    return [row for rows in filled.values() for row in rows]


def told_in(answer, secrets):
    """The secrets that an answer tells."""
    body = answer.get_data()
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            body = b"".join(packed.read(name) for name in packed.namelist())
    text = html.unescape(body.decode("utf-8", "replace"))  # a sheet spells Chinese as &#31192;
    text += text.encode().decode("unicode_escape", "ignore") if "\\u" in text else ""
    return sorted({where for value, where in secrets.items() if value in text})


def test_every_personal_column_has_a_value_to_look_for(filled):
    wanted = {(n, c.name) for n, m in registry().models.items() for c in m.by_api_name().values() if c.personal}
    assert set(hidden(every(filled)).values()) == wanted and wanted


def test_no_page_export_or_answer_tells_what_is_hidden(app, blind, sign_in, api, filled):
    client, caller, secrets = sign_in("blind", NOW), api("blind"), hidden(every(filled))
    for row in every(filled):  # the trail holds the values too
        told = {c.name: [None, str(row.__data__[c.name])] for c in type(row).by_api_name().values() if c.personal}
        audit.note(console(NOW), "change", row._meta.record, row.id, row.branch_id, told, "")
    wrong, asked = [], 0
    for rule, path in looks(app, every(filled)):
        for query in ("", "?trail=1", "?working=1") if "row_id" in rule.arguments else ("",):
            by_api = rule.endpoint.startswith("api.")
            answer = caller.ask("GET", path + query) if by_api else client.get(path + query)
            wrong += [f"{path}{query} tells {where}" for where in told_in(answer, secrets)]
        asked += 1
    assert wrong == []
    assert asked > 100


def test_neither_search_nor_filter_nor_look_up_finds_by_what_is_hidden(app, blind, sign_in, api, filled):
    client, caller = sign_in("blind", NOW), api("blind")
    for row in every(filled):
        name = row._meta.record
        for column in (c for c in type(row).by_api_name().values() if c.personal):
            value = str(row.__data__[column.name])
            for query in ({"q": value}, {"q": value[2:-1]}):
                for path in (f"/records/{name}/", f"/records/{name}/export/csv"):
                    answer = client.get(path, query_string=query)
                    assert row.number not in answer.text, (path, column.name)
            assert row.number not in client.get(f"/records/{name}/alike", query_string={column.name: value}).text
            answer = caller.get(name, **{column.api_name: value})
            assert answer.status_code in (400, 403), (name, column.name, answer.status_code)
            assert row.number not in answer.text
            listed = client.get(f"/records/{name}/", query_string={column.api_name: value}).text
            assert listed.count(row.number) == client.get(f"/records/{name}/").text.count(row.number)
            for other in registry().models.values():
                for field in (c.api_name for c in other.by_api_name().values() if c.kind in ("ref", "softref")):
                    answer = client.get(f"/records/{other._meta.record}/look-up/{field}", query_string={"q": value})
                    assert answer.status_code != 200 or answer.json == [], (other, field, column.name)


def test_no_list_is_ordered_by_what_is_hidden(blind, sign_in, api, filled):
    client, caller = sign_in("blind", NOW), api("blind")
    order = lambda text: re.findall(r"[A-Z]+(?:TJ|BJ)-2025-\d{5}", text)  # noqa: E731
    for name, rows in filled.items():
        usual = order(client.get(f"/records/{name}/").text)
        for column in (c for c in type(rows[0]).by_api_name().values() if c.personal):
            for sort in (column.name, f"-{column.name}", column.api_name):
                assert order(client.get(f"/records/{name}/", query_string={"sort": sort}).text) == usual
                assert caller.get(name, sort=sort).status_code in (400, 403)
                assert caller.get(name, order=sort).status_code in (400, 403)


def test_no_error_tells_what_is_hidden(app, blind, sign_in, api, filled):
    client, caller, secrets = sign_in("blind", NOW), api("blind"), hidden(every(filled))
    for row in every(filled):
        name, path = row._meta.record, f"/records/{row._meta.record}/{row.id}"
        events = tuple(type(row)._meta.workflow.transitions)
        wrong = {c.api_name: "x" * 300 for c in type(row).by_api_name().values()}
        answers = [
            client.send(f"{path}/edit", {**wrong, "revision": "1"}),
            client.send(f"{path}/edit", {"revision": "999"}),
            client.send(f"{path}/edit", {**wrong, "revision": "999"}),
            client.send(f"/records/{name}/bulk", {"act": "owner", "id": str(row.id)}),
            client.send(f"{path}/correct", {"field": "x", "value": "x"}),
            client.send(f"{path}/hand-over", {"owner": "nobody", "reason": ""}),
            caller.patch(f"{name}/{row.id}", wrong, revision=row.revision),
            caller.patch(f"{name}/{row.id}", {"reason": "x"}, revision=999),
            caller.post(f"{name}/{row.id}/hand-over", {"owner": "nobody", "reason": ""}),
            *(
                caller.post(f"{name}/{row.id}/transitions", {"event": event, "values": wrong})
                for event in (*events, "x")
            ),
            *(client.send(f"{path}/do/{event}", {**wrong, "revision": "1"}) for event in (*events, "x")),
            *(
                client.send(f"/records/{name}/bulk", {"act": f"do:{event}", "id": str(row.id)})
                for event in (*events, "x")
            ),
        ]
        for answer in answers:
            assert answer.status_code < 500, (answer.request.path, answer.status_code)
            assert told_in(answer, secrets) == [], (answer.request.method, answer.request.path)


def test_nobody_reads_the_draft_of_another(app, blind, sign_in, api, filled):
    row = filled["complaint"][0]
    drafts.keep(blind, f"/records/complaint/{row.id}/edit", {"content": "草稿秘密"}, "草稿标题", NOW)
    client = sign_in("root", NOW)
    for _, method, path in addresses(app, row):
        if method in SAFE and not path.startswith("/api"):
            assert "草稿秘密" not in client.get(f"{path}?draft=1").text, path
            assert "草稿标题" not in ask(client, method, path).text, path
