"""What a person may ask for: to be told all that is held about them, and to be forgotten; over every record type."""

from contextlib import contextmanager
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from core import attachments, audit, comments, drafts, notices, records, schedule
from core.audit import AuditEntry
from core.database import db, door, refresh, transaction
from core.errors import Denied, NotFound, Refused
from core.fields import Phone, Ref, Text
from core.language import Words
from core.own_checks import run_out_is_erased
from core.personal import requests
from core.personal.deciding import decide
from core.personal.erasing import WORD
from core.personal.lookup import about
from core.personal.requests import PersonRequest
from core.plugins import registry
from core.records.model import Keep, Record
from core.records.sealed import Seal
from core.records.showing import personal_of
from core.records.shown import Showing
from core.testing import actor, branch, console
from core.workflow import State, Workflow
from tests.house.conftest import NOW, new_person, new_role
from tests.house.routes import SAFE, addresses
from tests.house.test_field_rights import every, hidden, told_in

NAME, NUMBER, WHY = "李雷", "13800138000", "本人书面要求"
LAW = Words("某法第一条", "Some law, art. 1")


def held_in(model):
    """Of a record type the columns that can hold the name and the number; None where it has no two."""
    columns = [c for c in personal_of(model).values() if c.kind in ("text", "phone", "longtext")]
    return columns[:2] if len(columns) > 1 else None


def write(row, **values):
    with transaction(), door():
        type(row).update(values).where(type(row).id == row.id).execute()
    return type(row).get_by_id(row.id)


def ended(row):
    """The row in a state in which its work is done."""
    states = type(row)._meta.workflow.states.values()
    final = next((state.name for state in states if state.final and not state.void), row.state)
    return write(row, state=final)


def theirs(filled):
    """Rows about one person: the first of each record type with personal data, and one in another branch, work done."""
    rows = []
    for row in every(filled):
        ended(row)
    for each in filled.values():
        model, columns = type(each[0]), list(personal_of(type(each[0])).values())
        for row in (each[0], next(r for r in each if r.branch_id != each[0].branch_id)) if columns else ():
            values = (
                {columns[0].name: NUMBER} if not held_in(model) else {columns[0].name: NAME, columns[1].name: NUMBER}
            )
            rows.append(write(row, **values))
    assert len(rows) > 2
    return rows


@contextmanager
def made_up(keep=None):
    """A record type that a plugin written next year might bring."""

    class Pet(Record):
        """A pet that somebody insured."""

        holder_name = Text("投保人", personal="承保 / the contract")
        holder_mobile = Phone("手机", null=True, personal="承保 / the contract")

        class Meta:
            label = Words("宠物", "Pet")
            workflow = Workflow(State("open", "开", initial=True))

    class Vet(Record):
        """A visit to the vet with a pet."""

        pet = Ref("宠物", Pet)

        class Meta:
            label = Words("就诊", "Visit to the vet")
            workflow = Workflow(State("open", "开", initial=True))

    Pet._meta.keep = keep
    for model in (Pet, Vet):
        model._meta.plugin = "cases"
        registry().models[model._meta.record] = model
    db.create_tables([Pet, Vet])
    try:
        yield Pet, Vet
    finally:
        for model in (Vet, Pet):
            del registry().models[model._meta.record]
            db.drop_tables([model])


def plain_row(model, **values):
    base = {"branch": branch("BJ").id, "number": "X-1", "state": "open", "happened_at": NOW, "recorded_at": NOW}
    with transaction(), door():
        return model.create(**{**base, **values})


# ---- looked up


def test_a_person_is_found_in_every_record_type_and_branch(filled):
    rows = theirs(filled)
    found = {each.key: each for each in about(actor("root", NOW), NAME, "+86 138-0013-8000")}
    assert {row.soft_id() for row in rows} <= set(found)
    assert {registry().models[key.split(":")[0]] for key in found} >= {
        m for m in registry().models.values() if personal_of(m)
    }
    assert len({each.row.branch_id for each in found.values()}) > 1
    for row in rows:
        if held_in(type(row)):
            assert found[row.soft_id()].is_sure


def test_a_record_type_of_next_year_is_found_too_and_what_refers_to_it(filled):
    with made_up() as (pet, vet):
        animal = plain_row(pet, holder_name=NAME, holder_mobile="138 0013 8000")
        visit = plain_row(vet, pet=animal)
        other = plain_row(
            vet, pet=plain_row(pet, holder_name="韩梅梅", holder_mobile="13900139000", number="X-2"), number="Y-2"
        )
        found = {each.key: each for each in about(actor("root", NOW), NAME, NUMBER)}
    assert found[animal.soft_id()].is_sure and found[visit.soft_id()].because.id == animal.id
    assert other.soft_id() not in found


def test_who_shares_the_number_but_not_the_name_is_only_offered_to_be_checked(sign_in, filled):
    row = next(r for r in theirs(filled) if held_in(type(r)))
    write(row, **{held_in(type(row))[0].name: "韩梅梅"})
    each = next(e for e in about(actor("root", NOW), NAME, NUMBER) if e.key == row.soft_id())
    assert not each.is_sure
    page = sign_in("root", NOW).send("/personal/", {"name": NAME, "number": NUMBER, "purpose": WHY}).text
    assert "韩梅梅" not in page and f'value="{row.soft_id()}" aria-label' in page


@pytest.mark.parametrize(("name", "number"), [("", NUMBER), (NAME, ""), (NAME, "138"), (" ", "- ( )")])
def test_a_look_up_needs_a_name_and_a_whole_number(filled, name, number):
    with pytest.raises(Refused):
        about(actor("root", NOW), name, number)


def test_a_look_up_asks_for_its_purpose_and_is_noted(sign_in, filled):
    theirs(filled)
    client = sign_in("root", NOW)
    asked = {"name": NAME, "number": NUMBER}
    assert client.send("/personal/", asked).status_code == 422
    assert client.send("/personal/export/json", asked).status_code == 422
    assert (PersonRequest.select().count(), Showing.select().count()) == (0, 0)
    page = client.send("/personal/", {**asked, "purpose": WHY})
    assert page.status_code == 200 and NUMBER in page.text
    noted = PersonRequest.get()
    assert (noted.kind, noted.reason, noted.person.login) == ("access", WHY, "root")
    assert NUMBER not in noted.subject and NAME not in noted.subject
    entry = AuditEntry.get(AuditEntry.record == "person_request")
    assert NUMBER not in str(entry.changes) and NAME not in str(entry.changes)
    assert Showing.select().where(Showing.purpose == WHY).count() > 1


@pytest.mark.parametrize("kind", ["json", "xlsx"])
def test_what_is_held_is_handed_out_with_its_purpose_and_source(sign_in, filled, kind):
    rows = [row for row in theirs(filled) if held_in(type(row))]
    answer = sign_in("root", NOW).send(f"/personal/export/{kind}", {"name": NAME, "number": NUMBER, "purpose": WHY})
    values = {str(value): row.number for row in rows for value in hidden([row])}
    assert values and set(told_in(answer, values)) == set(values.values())
    purposes = {c.personal: c.personal for row in rows for c in personal_of(type(row)).values()}
    assert set(told_in(answer, purposes)) == set(purposes)
    assert told_in(answer, {"登记": "source"}) == ["source"]


def test_a_look_up_reaches_only_where_the_person_may_look_and_needs_its_own_permission(monkeypatch, sign_in, filled):
    theirs(filled)
    views = [
        f"{m._meta.plugin}.{m._meta.record}.{verb}" for m in registry().models.values() for verb in ("view", "personal")
    ]
    new_person("nosy", "HQ", new_role(monkeypatch, "nosy", views))
    assert sign_in("nosy", NOW).send("/personal/", {"name": NAME, "number": NUMBER, "purpose": WHY}).status_code == 403
    with pytest.raises(Denied):
        requests.look_up(actor("nosy", NOW), NAME, NUMBER, WHY)
    new_person("local", "TJ", new_role(monkeypatch, "local", [*views, requests.FIND]))
    found = requests.look_up(actor("local", NOW), NAME, NUMBER, WHY)
    assert found and {each.row.branch_id for each in found} == {branch("TJ").id}


# ---- forgotten


def forget(row, settings, who="root", **more):
    given = {"name": NAME, "number": NUMBER, "chosen": [row.soft_id()], "reason": WHY, "files": settings.files, **more}
    return requests.forget(actor(who, NOW), **given)


def everything_about(row, settings, person):
    """Put the person's number wherever a record can carry it along."""
    who = actor("root", NOW)
    comment = comments.add(who, row, f"回电 {NUMBER}")
    file = attachments.attach(who, row, f"{NAME}.txt", f"{NAME} {NUMBER} {row.id}".encode(), settings)
    about_it = {"record": row._meta.record, "record_id": row.id, "branch_id": row.branch_id}
    notices.tell([person], NOW, occasion="x", zh=NUMBER, en=NUMBER, **about_it)
    drafts.keep(person, f"/records/{row._meta.record}/{row.id}/edit", {"phone": NUMBER}, NAME, NOW)
    audit.note(who, "change", row._meta.record, row.id, row.branch_id, {"x": [NAME, NUMBER]})
    return comment, settings.files / file.sha256


def database_text(without=()):
    """All that every table holds, as one text."""
    tables = [table for table in db.get_tables() if table not in without]
    return "".join(repr(db.execute_sql(f'SELECT * FROM "{table}"').fetchall()) for table in tables)


def test_where_no_law_has_it_kept_a_record_is_erased_with_all_that_hangs_on_it(monkeypatch, filled, settings, all_may):
    monkeypatch.setattr(requests, "decide", lambda who, found: [_without_law(d) for d in decide(who, found)])
    rows = theirs(filled)
    paths = [everything_about(row, settings, all_may)[1] for row in rows]
    counts = {type(row): type(row).select().count() for row in rows}
    kept = {row.soft_id(): (row.number, row.state, row.happened_at) for row in rows}
    assert NUMBER in database_text()
    request = forget(rows[0], settings, chosen=[row.soft_id() for row in rows])
    assert {told["act"] for told in request.outcome} == {"erase"} and len(request.outcome) == len(rows)
    left = database_text()
    assert NUMBER not in left and NAME not in left
    assert not [path for path in paths if path.exists()]
    for row in rows:
        now = type(row).get_by_id(row.id)
        assert {now.__data__[c.name] for c in personal_of(type(row)).values()} <= {None, "", WORD}
        assert (now.number, now.state, now.happened_at) == kept[row.soft_id()]
    assert {model: model.select().count() for model in counts} == counts
    assert audit.verify() == []
    erased = list(AuditEntry.select().where(AuditEntry.verb == "change", AuditEntry.record == rows[0]._meta.record))
    assert erased and all(entry.changes is None and entry.salt == "" for entry in erased)


def test_an_erasure_that_fails_takes_no_file_away(monkeypatch, filled, settings, all_may):
    row = theirs(filled)[0]
    monkeypatch.setattr(requests, "decide", lambda who, found: [_without_law(d) for d in decide(who, found)])
    path = everything_about(row, settings, all_may)[1]

    def fails(*given):
        raise RuntimeError("x")

    monkeypatch.setattr("core.personal.erasing.audit.erase", fails)
    with pytest.raises(RuntimeError):
        forget(row, settings)
    assert path.exists() and NUMBER in database_text()


def _without_law(decision):
    decision.act = "erase"
    return decision


def sealed_row(filled, settings, all_may):
    """A record of a person that a law has kept, after it was to be forgotten; with its Seal."""
    row = next(r for r in theirs(filled) if held_in(type(r)))
    everything_about(row, settings, all_may)
    type(row)._meta.keep, before = Keep(5, LAW), type(row)._meta.keep
    try:
        request = forget(row, settings)
    finally:
        type(row)._meta.keep = before
    assert [told["act"] for told in request.outcome] == ["seal"]
    refresh()
    return row, Seal.get()


def test_while_a_law_has_it_kept_a_record_is_sealed_and_out_of_sight_everywhere(
    app, sign_in, api, filled, settings, all_may
):
    row, seal = sealed_row(filled, settings, all_may)
    assert seal.until.year == row.happened_at.year + 5 and seal.basis["zh"] == LAW.zh
    client, caller, asked = sign_in("root", NOW), api("root"), 0
    told = {NUMBER: "number", NAME: "name", row.number: "its number"} | dict.fromkeys(
        hidden([type(row).get_by_id(row.id)]), "value"
    )
    others = [other for other in every(filled) if other.id != row.id or type(other) is not type(row)]
    shared = {NUMBER, NAME} & {str(v) for other in others for v in type(other).get_by_id(other.id).__data__.values()}
    assert shared  # another row holds them still, masked
    about_it = f"/{row._meta.record}/{row.id}"
    for rule, method, path in addresses(app, row, {"event": next(iter(type(row)._meta.workflow.transitions), "x")}):
        if rule.endpoint.split(".")[0] in ("static", "personal", "audit") or not (about_it in path or method in SAFE):
            continue
        asked += 1
        by_api = rule.endpoint.startswith("api.")
        answer = caller.ask(method, path) if by_api else client.get(path) if method in SAFE else client.send(path, {})
        if about_it in path and "archive" not in path:
            assert answer.status_code in (404, 415, 400, 428), (path, answer.status_code)
            continue
        own = f"/{row._meta.record}" in path  # elsewhere its number may stand as a reference to it
        tellings = told_in(answer, {v: w for v, w in told.items() if own or v != row.number})
        assert tellings == [], (path, tellings)
    assert asked > 50
    assert row.number not in client.get(f"/records/{row._meta.record}/", query_string={"q": NUMBER}).text
    with pytest.raises(NotFound, match="已封存"):
        records.find(actor("root", NOW), type(row), row.id)
    with pytest.raises(NotFound):
        records.change(actor("root", NOW), row, {next(iter(personal_of(type(row)))): "王五"})
    assert type(row).get_by_id(row.id).__data__ == {**row.__data__}


def test_what_is_sealed_is_opened_only_with_its_permission_and_a_purpose(
    monkeypatch, sign_in, filled, settings, all_may
):
    row, seal = sealed_row(filled, settings, all_may)
    views = ["*.*.view", "*.*.personal", requests.FIND, requests.FORGET]
    new_person("officer", "HQ", new_role(monkeypatch, "officer", views))
    client, path = sign_in("officer", NOW), f"/personal/seals/{seal.id}"
    assert client.send(path, {"purpose": WHY}).status_code in (403, 404)
    assert row.soft_id() not in {each.key for each in about(actor("officer", NOW), NAME, NUMBER)}
    keeper = sign_in("root", NOW)
    before = Showing.select().count()
    assert keeper.send(path, {}).status_code == 422 and Showing.select().count() == before
    opened = keeper.send(path, {"purpose": WHY})
    assert opened.status_code == 200 and NUMBER in opened.text
    assert Showing.select().order_by(Showing.id.desc()).get().row_id == row.id
    assert NUMBER not in keeper.get("/personal/").text
    listed = next(e for e in about(actor("root", NOW), NAME, NUMBER) if e.key == row.soft_id())
    assert listed.is_sealed


def test_a_seal_ends_when_its_period_has_run_out_and_what_is_late_is_found(filled, settings, all_may):
    row, seal = sealed_row(filled, settings, all_may)
    job = next(job for job in schedule.all_jobs(settings) if job.name == "core.erase_run_out")
    last, after = NOW.replace(year=seal.until.year, month=seal.until.month, day=seal.until.day), timedelta(days=1)
    assert requests.erase_run_out(console(last), settings.files) == 0
    assert NUMBER in repr(type(row).get_by_id(row.id).__data__)
    assert run_out_is_erased(seal, last + after) is None
    assert seal.row_id == row.id and run_out_is_erased(seal, last + 2 * after) is not None
    assert job.run(console(last + after), None) == {"erased": 1}
    assert NUMBER not in repr(type(row).get_by_id(row.id).__data__)
    assert not [e for e in audit.trail(row._meta.record, row.id) if NUMBER in repr(e.changes)]
    assert requests.erase_run_out(console(last + after), settings.files) == 0
    refresh()
    assert records.find(console(last), type(row), row.id) and audit.verify() == []


def test_a_record_in_work_stays_and_so_does_whom_it_names(filled):
    with made_up() as (pet, vet):
        animal = plain_row(pet, holder_name=NAME, holder_mobile=NUMBER)
        plain_row(vet, pet=animal)
        acts = lambda: {d.found.key: d.act for d in decide(actor("root", NOW), about(actor("root", NOW), NAME, NUMBER))}  # noqa: E731
        assert set(acts().values()) == {"erase"}
        vet._meta.keep = Keep(3, LAW)
        assert acts()[animal.soft_id()] == "seal"
        vet._meta.workflow = Workflow(State("open", "开", initial=True), State("done", "完", final=True))
        assert acts()[animal.soft_id()] == "work"


def test_only_who_may_forgets_and_only_what_was_found(monkeypatch, filled, settings):
    row = next(r for r in theirs(filled) if held_in(type(r)))
    stranger = next(
        r for r in every(filled) if r.soft_id() not in {e.key for e in about(actor("root", NOW), NAME, NUMBER)}
    )
    for chosen in ([], [stranger.soft_id()], ["x:1"]):
        with pytest.raises(Refused):
            forget(row, settings, chosen=chosen)
    with pytest.raises(Refused):
        forget(row, settings, reason=" ")
    new_person("finder", "HQ", new_role(monkeypatch, "finder", ["*.*.view", requests.FIND]))
    with pytest.raises(Denied):
        forget(row, settings, who="finder")
    assert NUMBER in repr(type(row).get_by_id(row.id).__data__) and Seal.select().count() == 0


@pytest.mark.pure
@pytest.mark.parametrize(
    ("since", "years", "until"),
    [("2020-02-29", 5, "2025-02-28"), ("2020-06-30", 10, "2030-06-30"), ("2024-12-31", 1, "2025-12-31")],
)
def test_a_period_ends_on_the_same_day_of_its_last_year(since, years, until):
    row = SimpleNamespace(branch_id=None, recorded_at=None)
    row.__data__ = {"day": date.fromisoformat(since)}
    assert Keep(years, LAW, since="day").until(row).isoformat() == until
