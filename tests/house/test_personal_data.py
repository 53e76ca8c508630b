"""Personal data, over every record type: masked on every way out, shown only for a purpose, and every showing noted."""

from datetime import timedelta

import pytest

from core import audit, drafts, records, transfer
from core.audit import AuditEntry
from core.errors import Denied, Refused
from core.fields import Day, Text
from core.plugins import registry
from core.records.model import Record
from core.records.showing import LEAST, personal_of, purposes_of, show
from core.records.shown import Showing
from core.records.visibility import masked
from core.screens.records.entry import change_entry
from core.testing import actor, branch, console
from core.workflow import State, Workflow
from tests.house.conftest import NOW, new_person, new_role
from tests.house.routes import looks
from tests.house.test_field_rights import every, hidden, told_in

WHY = "回访客户 / calling back"


def personal_rows(filled):
    """One row of each record type that keeps personal data."""
    rows = [rows[0] for rows in filled.values() if personal_of(type(rows[0]))]
    assert rows, "no record type keeps personal data: nothing would be proved"
    return rows


def path_of(row):
    return f"/records/{row._meta.record}/{row.id}"


def secrets_of(row):
    return set(hidden([row]))


# ---- declared


def test_every_personal_column_says_for_what_it_is_kept(group):
    columns = [c for m in registry().models.values() for c in m.by_api_name().values() if c.personal]
    assert columns
    assert [c for c in columns if len(c.personal.strip()) < 4] == []


@pytest.mark.pure
def test_a_personal_column_without_a_purpose_or_that_cannot_be_emptied_stops_the_start():
    class Careless(Record):
        """A record type of this test."""

        nickname = Text("昵称", personal=" ")
        flagged = Text("标记", personal=True)
        born_on = Day("生日", personal="核实身份 / proof of identity")

        class Meta:
            workflow = Workflow(State("open", "开", initial=True))

    told = " ".join(Careless.declaration_faults())
    assert "nickname is personal=' '" in told and "flagged is personal=True" in told
    assert "born_on is personal and cannot be emptied" in told


# ---- masked


@pytest.mark.pure
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("李雷", "李*"),
        ("13800138000", "138****8000"),
        ("11010119900307123X", "110101********123X"),
        ("li.lei@example.com", "li.*************om"),
        (None, ""),
    ],
)
def test_a_masked_value_tells_little(value, shown):
    assert masked(value) == shown


def test_no_page_export_or_answer_tells_personal_data_unasked_even_to_who_may_see_it(app, sign_in, api, filled):
    client, caller, secrets = sign_in("root", NOW), api("root"), hidden(every(filled))
    for row in personal_rows(filled):  # the trail holds the values too
        told = {c.name: [None, str(row.__data__[c.name])] for c in personal_of(type(row)).values()}
        audit.note(console(NOW), "change", row._meta.record, row.id, row.branch_id, told, "")
    wrong, asked = [], 0
    for rule, path in looks(app, every(filled)):
        answer = caller.ask("GET", path) if rule.endpoint.startswith("api.") else client.get(path)
        wrong += [f"{path} tells {where}" for where in told_in(answer, secrets)]
        asked += 1
    assert wrong == []
    assert asked > 150


def test_no_refused_or_stale_form_tells_personal_data(sign_in, api, filled):
    client, caller, asked = sign_in("root", NOW), api("root"), 0
    for row in personal_rows(filled):
        secrets, path = hidden([row]), path_of(row)
        answers = [client.send(f"{path}/edit", {"revision": "999"}), client.send(f"{path}/edit", {"happened_at": "x"})]
        answers += [caller.patch(f"{row._meta.record}/{row.id}", {"reason": "x"}, revision=999)]
        answers += [
            client.send(f"{path}/do/{event}", {"revision": "999"}) for event in type(row)._meta.workflow.transitions
        ]
        assert [(a.request.path, told_in(a, secrets)) for a in answers if told_in(a, secrets)] == []
        asked += len(answers)
    assert asked > 5


# ---- a masked field never overwrites


def form_of(who, row):
    """What the page of the form would send back, unchanged."""
    entry = change_entry(who, type(row).get_by_id(row.id))
    return {**{item.name: item.text for item in entry.items}, "seen": entry.seen_json, "revision": entry.revision}


def values_of(row):
    kept = type(row).get_by_id(row.id)
    return {name: kept.__data__[column.name] for name, column in personal_of(type(row)).items()}


def test_a_form_that_was_shown_masked_overwrites_nothing(sign_in, filled):
    client = sign_in("root", NOW)
    for row in personal_rows(filled):
        before = values_of(row)
        for typed in ({}, {name: masked(value) for name, value in before.items()}):
            form = form_of(actor("root", NOW), row)
            assert [name for name in before if form.get(name)] == []
            answer = client.send(f"{path_of(row)}/edit", {**form, **typed})
            assert answer.status_code == 303, answer.status_code
            assert values_of(row) == before, row._meta.record


def test_a_masked_value_sent_back_through_the_api_overwrites_nothing(api, filled):
    caller = api("root")
    for row in personal_rows(filled):
        seen = caller.get(f"{row._meta.record}/{row.id}").json
        sent = {name: seen[name] for name in personal_of(type(row))}
        assert all("*" in text for text in sent.values())
        answer = caller.patch(f"{row._meta.record}/{row.id}", sent, revision=row.revision)
        assert answer.status_code in (200, 422), answer.text
        kept = type(row).get_by_id(row.id)
        assert [kept.__data__[c.name] for c in personal_of(type(row)).values()] == [
            row.__data__[c.name] for c in personal_of(type(row)).values()
        ]


def test_a_form_that_was_shown_clear_and_comes_back_masked_does_what_the_person_did(sign_in, filled):
    client, emptied = sign_in("root", NOW), 0
    for row in personal_rows(filled):
        who, before = actor("root", NOW), values_of(row)
        show(who, [row], WHY)
        clear = form_of(who, row)
        name = next((n for n, c in personal_of(type(row)).items() if c.null and n in clear), None)
        assert client.send(f"{path_of(row)}/edit", clear).status_code == 303
        assert values_of(row) == before
        if name:
            emptied += 1
            answer = client.send(f"{path_of(row)}/edit", {**clear, name: "", "revision": form_of(who, row)["revision"]})
            assert answer.status_code == 303
            assert values_of(row) == {**before, name: None}
    assert emptied


def test_an_old_draft_does_not_bring_back_what_is_masked_again(sign_in, filled, all_may):
    client = sign_in("root", NOW)
    for row in personal_rows(filled):
        who, path = actor("root", NOW), f"{path_of(row)}/edit"
        show(who, [row], WHY)
        drafts.keep(all_may, path, {**form_of(who, row), "reason": "草稿"}, "草稿", NOW)
        answer = client.get(f"{path}?draft=1")
        assert answer.status_code == 200 and told_in(answer, hidden([row])) == []


# ---- shown for a purpose, and noted


def test_without_a_purpose_nothing_is_shown_or_noted(sign_in, api, filled):
    client, caller = sign_in("root", NOW), api("root")
    for row in personal_rows(filled):
        for purpose in (None, "", "  ", "x" * (LEAST - 1), "x" * 256):
            form = {} if purpose is None else {"purpose": purpose}
            assert client.send(f"{path_of(row)}/show", form).status_code == 422
            for kind in transfer.exporting.KINDS:
                assert client.send(f"/records/{row._meta.record}/export/{kind}", form).status_code == 422
            if purpose is not None:
                answer = caller.ask("GET", f"{row._meta.record}/{row.id}", headers={"Zhixing-Purpose": purpose})
                assert answer.status_code == 422
        assert told_in(client.get(path_of(row)), hidden([row])) == []
        with pytest.raises(Refused):
            show(actor("root", NOW), [row], " ")
    assert Showing.select().count() == 0


def test_a_showing_lasts_for_its_minutes_in_its_session_for_its_record(app, sign_in, filled):
    client, other = sign_in("root", NOW), sign_in("root", NOW)
    for row in personal_rows(filled):
        assert client.send(f"{path_of(row)}/show", {"purpose": WHY}).status_code == 303
        page = client.get(path_of(row)).text
        assert [value for value in secrets_of(row) if value not in page] == []
        assert told_in(client.get(f"{path_of(row)}/edit"), hidden([row])) != []
        assert told_in(other.get(path_of(row)), hidden([row])) == []
    others = {
        v: w
        for v, w in hidden(every(filled)).items()
        if v not in {s for r in personal_rows(filled) for s in secrets_of(r)}
    }
    assert others
    for row in personal_rows(filled):
        assert told_in(client.get(f"/records/{row._meta.record}/"), others) == []
    minutes = app.config["ZHIXING"].show_minutes
    app.config["CLOCK"] = lambda: NOW + timedelta(minutes=minutes, seconds=1)
    for row in personal_rows(filled):
        for path in (path_of(row), f"{path_of(row)}/edit"):
            assert told_in(client.get(path), hidden([row])) == []


def test_a_declared_purpose_shows_only_what_is_kept_for_it(sign_in, filled):
    client, several = sign_in("root", NOW), 0
    for row in personal_rows(filled):
        for purpose in purposes_of(actor("root", NOW), row):
            fresh = sign_in("root", NOW)
            fresh.send(f"{path_of(row)}/show", {"purpose": purpose})
            page = fresh.get(path_of(row)).text
            for column in personal_of(type(row)).values():
                assert (str(row.__data__[column.name]) in page) == (column.personal == purpose), column.name
                several += column.personal != purpose
    assert several, "no record type keeps data for two purposes"
    assert client


def test_each_showing_is_noted_with_who_what_why_and_when(sign_in, api, filled, all_may):
    client, caller = sign_in("root", NOW), api("root")
    for row in personal_rows(filled):
        before = Showing.select().count()
        client.send(f"{path_of(row)}/show", {"purpose": WHY})
        caller.ask("GET", f"{row._meta.record}/{row.id}", headers={"Zhixing-Purpose": "%E5%9B%9E%E8%AE%BF"})
        by_page, by_api = Showing.select().order_by(Showing.id).offset(before)
        for noted, via, purpose in ((by_page, "web", WHY), (by_api, "api", "回访")):
            assert (noted.person_id, noted.record, noted.row_id) == (all_may.id, row._meta.record, row.id)
            assert (noted.via, noted.purpose, noted.at) == (via, purpose, NOW)
            assert set(noted.fields) == {column.name for column in personal_of(type(row)).values()}
            entry = AuditEntry.get(AuditEntry.record == "showing", AuditEntry.row_id == noted.id)
            assert (entry.verb, entry.reason, entry.person_id) == ("show", purpose, all_may.id)
        assert WHY in client.get(path_of(row)).text
    page = client.get("/showings/?branch=TJ").text
    assert WHY in page and "root" in page
    assert audit.verify() == []


def test_the_api_gives_personal_data_for_a_purpose_and_masks_it_again(api, filled):
    caller = api("root")
    for row in personal_rows(filled):
        for path in (f"{row._meta.record}/{row.id}", row._meta.record, f"{row._meta.record}/{row.id}/history"):
            before = Showing.select().count()
            assert told_in(caller.get(path), hidden([row])) == []
            assert Showing.select().count() == before
            clear = caller.ask("GET", path, headers={"Zhixing-Purpose": WHY.encode().hex()})
            assert clear.status_code == 200 and Showing.select().count() > before
            if not path.endswith("history"):
                assert len(told_in(clear, hidden([row]))) == len(secrets_of(row))


def test_an_export_tells_personal_data_only_for_a_purpose_and_notes_its_count(sign_in, filled):
    client = sign_in("root", NOW)
    for rows in filled.values():
        model = type(rows[0])
        if personal_of(model):
            for kind in transfer.exporting.KINDS:
                path = f"/records/{model._meta.record}/export/{kind}"
                assert told_in(client.get(path), hidden(rows)) == []
                clear = client.send(path, {"purpose": WHY})
                assert len(told_in(clear, hidden(rows))) == len(personal_of(model)), kind
                noted = Showing.select().order_by(Showing.id.desc()).get()
                assert (noted.record, noted.count, noted.purpose, noted.row_id) == (
                    model._meta.record,
                    len(rows),
                    WHY,
                    0,
                )


def test_who_lacks_the_permission_is_shown_nothing_whatever_the_purpose(monkeypatch, sign_in, api, filled):
    verbs = ("view", "edit", "export")
    names = [f"{m._meta.plugin}.{m._meta.record}.{verb}" for m in registry().models.values() for verb in verbs]
    new_person("blind", "HQ", new_role(monkeypatch, "blind", names))
    client, caller = sign_in("blind", NOW), api("blind")
    for row in personal_rows(filled):
        assert client.send(f"{path_of(row)}/show", {"purpose": WHY}).status_code == 403
        assert told_in(client.get(path_of(row)), hidden([row])) == []
        clear = caller.ask("GET", f"{row._meta.record}/{row.id}", headers={"Zhixing-Purpose": "calling back"})
        assert told_in(clear, hidden([row])) == []
        for kind in transfer.exporting.KINDS:
            clear = client.send(f"/records/{row._meta.record}/export/{kind}", {"purpose": WHY})
            assert told_in(clear, hidden(every(filled))) == []
        with pytest.raises(Denied):
            show(actor("blind", NOW), [row], WHY)
    assert Showing.select().count() == 0


def test_a_typed_value_is_kept_and_comes_back_masked(api):
    made = api("alice").post("customer", {"name": "王小明", "phone": "13800138000", "branch": "TJ"}).json
    assert (made["name"], made["phone"]) == ("王**", "138****8000")
    kept = records.find(console(NOW), registry().models["customer"], made["id"])
    assert (kept.name, kept.phone, kept.branch_id) == ("王小明", "13800138000", branch("TJ").id)
