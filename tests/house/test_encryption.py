"""Encryption over every model, table and way in: no value of a sealed column is readable in the database, and all are found."""

import itertools
import json
import re
from pathlib import Path

import pytest

from core import drafts, forms, keys, outbox, records, schema, sealing
from core.access import Actor
from core.database import db, is_sqlite
from core.fields import Answers
from core.forms import KINDS
from core.people import person_by_login
from core.plugins import registry
from core.records.saving import Counter
from core.records.visibility import masked
from core.sealing import Sealed, SealedColumn, SealedJsonColumn
from core.testing import branch, console
from core.transfer import import_file
from core.transfer.exporting import export
from tests.house.conftest import NOW, fill

PLAIN = "这一句可以看到"  # stands in a plain column, so that a search that finds nothing is noticed
QUESTIONS = [kind for kind, (column, _) in KINDS.items() if issubclass(column, Sealed)]


def sealed_columns():
    """Every sealed column that people fill in: [(model, column)]."""
    return [
        (model, column)
        for model in registry().models.values()
        for column in model.by_api_name().values()
        if column.encrypted and isinstance(column, Sealed)
    ]


class Secrets:
    """Values that stand nowhere else, and what each was entered by."""

    def __init__(self):
        self.count, self.given = itertools.count(10_000_000), {}

    def new(self, kind, way):
        digits = f"137{next(self.count)}"
        value = f"110101{digits}X" if kind == keys.IDENTITY else f"微信{digits}" if kind == keys.TEXT else digits
        self.given[value] = way
        return value


def everything():
    """All that the database holds, table by table and column by column, and the very bytes of its files."""
    for table in db.get_tables():
        for column in db.get_columns(table):
            for (value,) in db.execute_sql(f'SELECT "{column.name}" FROM "{table}"').fetchall():
                yield f"{table}.{column.name}", str(value).encode()
    for path in Path(db.database).parent.glob(f"{Path(db.database).name}*") if is_sqlite() else ():
        yield path.name, path.read_bytes()


def readable(secrets):
    """The secrets that can be read in the database: [(where, by which way it came)]."""
    found, parts = set(), {value: re.search(r"137\d{8}", value)[0].encode() for value in secrets.given}
    pattern = re.compile(rb"137\d{8}")
    by_part = {part: secrets.given[value] for value, part in parts.items()}
    for where, content in everything():
        found |= {(where, by_part[part]) for part in set(pattern.findall(content)) & set(by_part)}
    return sorted(found)


@pytest.fixture
def secrets():
    return Secrets()


@pytest.fixture
def root(all_may):
    return Actor(all_may, "web", NOW)


def rows_of(filled, model):
    return filled[model._meta.record]


def test_there_are_sealed_columns_and_questions_to_look_at(group):
    names = {f"{model._meta.record}.{column.api_name}" for model, column in sealed_columns()}
    assert {"customer.phone", "customer.identity_number", "complaint.contact_means"} <= names
    assert set(QUESTIONS) == {"phone", "identity_number"}


def test_what_comes_in_by_any_way_is_not_readable_in_the_database(
    api, sign_in, all_may, settings, root, secrets, tmp_path
):
    for model in registry().models.values():
        asked = [{"key": f"own_{kind}", "kind": kind, "label": {"zh": str(KINDS[kind][1].zh)}} for kind in QUESTIONS]
        forms.publish(root, model._meta.record, None, asked)
    filled = fill(("TJ", "BJ"), all_may, settings)
    for name, code in itertools.product(filled, ("TJ", "BJ")):  # the rows above took the first numbers
        Counter.insert(branch=branch(code), record=name, last=5000).on_conflict_ignore().execute()
    for model, column in sealed_columns():
        _by_api(api, rows_of(filled, model)[0], column, secrets)
        _by_core(root, rows_of(filled, model)[1], column, secrets)
        _by_draft(rows_of(filled, model)[0], column, secrets)
        _by_screen(sign_in, rows_of(filled, model)[1], column, secrets)
    for rows in filled.values():
        _answers(api, rows[0], secrets)
    _by_import(root, secrets, tmp_path)
    _by_message(secrets)
    _handed_over(root, secrets)
    for rows in filled.values():  # what is written out leaves nothing behind
        assert b"".join(export(root, type(rows[0]), kind="xlsx"))
    ways = {way.split()[0] for way in secrets.given.values()}
    assert ways == {"api", "core", "draft", "screen", "answer", "import", "message", "hand-over"}
    assert readable(secrets) == []
    assert [where for where, content in everything() if PLAIN.encode() in content], "and what is plain is found"


def _by_api(api, row, column, secrets):
    caller, path = api("root"), f"{row._meta.record}/{row.id}"
    value = secrets.new(column.seal_kind, f"api {row._meta.record}.{column.api_name}")
    for given in ({column.api_name: value}, {column.api_name: None} if column.null else {}, {column.api_name: value}):
        revision = type(row).get_by_id(row.id).revision
        answer = caller.patch(path, given, revision)
        is_kept = answer.status_code == 422 and given.get(column.api_name, "") is None  # a rule may want it filled
        assert answer.status_code == 200 or is_kept, answer.text
    told = caller.ask("GET", path, headers={"Zhixing-Purpose": "核对"}).json[column.api_name]
    assert told == value, "shown for a purpose, else masked"


def _by_core(root, row, column, secrets):
    value = secrets.new(column.seal_kind, f"core {row._meta.record}.{column.api_name}")
    changed = records.change(root, type(row).get_by_id(row.id), {column.api_name: value})
    assert getattr(type(row).get_by_id(row.id), column.name) == getattr(changed, column.name) == value


def _by_draft(row, column, secrets):
    value = secrets.new(column.seal_kind, f"draft {row._meta.record}.{column.api_name}")
    key = f"/records/{row._meta.record}/{row.id}/edit"
    drafts.keep(person_by_login("root"), key, {column.api_name: value}, value, NOW)
    assert drafts.find(person_by_login("root"), key).values[column.api_name] == value


def _by_screen(sign_in, row, column, secrets):
    value = secrets.new(column.seal_kind, f"screen {row._meta.record}.{column.api_name}")
    client, path = sign_in("root", NOW), f"/records/{row._meta.record}/{row.id}/edit"
    page = client.get(path)
    texts = json.loads(re.search(r"name=\"seen\" value='([^']*)'|name=\"seen\" value=\"([^\"]*)\"", page.text)[0]
                       .split("value=", 1)[1][1:-1].replace("&#34;", '"').replace("&quot;", '"').replace("&#39;", "'")
                       .replace("&amp;", "&"))  # fmt: skip
    revision = type(row).get_by_id(row.id).revision
    answer = client.send(path, {**texts, "revision": revision, "seen": json.dumps(texts), column.api_name: value})
    assert answer.status_code == 303, answer.text
    assert getattr(type(row).get_by_id(row.id), column.name) == value


def _answers(api, row, secrets):
    for kind in QUESTIONS:
        value = secrets.new(KINDS[kind][0].seal_kind, f"answer {row._meta.record}.{kind}")
        fresh = type(row).get_by_id(row.id)
        if fresh.form_version == 0:
            form = forms.form_of(row._meta.record, row.branch_id)
            db.execute_sql(f'UPDATE "{row._meta.table_name}" SET form_version = {form.version} WHERE id = {row.id}')
        caller, path = api("root"), f"{row._meta.record}/{row.id}"
        answer = caller.patch(path, {f"x_own_{kind}": value}, fresh.revision)
        assert answer.status_code == 200, answer.text
        assert caller.get(path).json[f"x_own_{kind}"] == masked(value)
        told = caller.ask("GET", path, headers={"Zhixing-Purpose": "核对"}).json[f"x_own_{kind}"]
        assert told == value, "shown for a purpose, else masked"
        listed = caller.get(row._meta.record, **{f"x_own_{kind}": value}).json["items"]
        assert [item["id"] for item in listed] == [row.id], "and the answer is found by it"


def _by_import(root, secrets, tmp_path):
    phone, identity = secrets.new(keys.PHONE, "import phone"), secrets.new(keys.IDENTITY, "import identity")
    path = tmp_path / "customers.csv"
    path.write_text(
        f"number,name,phone,identity_number,remark\nI-1,某人,{phone},{identity},{PLAIN}\n", encoding="utf-8"
    )
    assert import_file(root, registry().models["customer"], path, branch()).errors == []
    left = secrets.new(keys.TEXT, "import of a column that no field holds")
    mapping, rows = tmp_path / "m.toml", tmp_path / "complaints.csv"
    rows.write_text(f"No,What,Tel\nC-1,内容,{left}\n", encoding="utf-8")
    mapping.write_text(
        'record = "complaint"\nnumber = "No"\nothers = "source_row"\n'
        'gaps = ["happened_at"]\n[fields]\ncontent = { column = "What" }\n',
        encoding="utf-8",
    )
    result = import_file(root, registry().models["complaint"], rows, branch(), mapping=mapping)
    assert (result.created, result.errors) == (1, [])
    complaint = registry().models["complaint"]
    assert complaint.get(complaint.number == "C-1").source_row == {"Tel": left}


def _by_message(secrets):
    value = secrets.new(keys.PHONE, "message payload")
    outbox.tell(NOW, [("timeliness", "nothing", branch().id, "x:1", {"told": value})])
    message = outbox.Message.select().order_by(outbox.Message.id.desc()).first()
    assert message.payload == {"told": value}
    outbox.Message.update(error=secrets.new(keys.PHONE, "message error")).where(
        outbox.Message.id == message.id
    ).execute()


def _handed_over(root, secrets):
    phone = secrets.new(keys.PHONE, "hand-over of a customer")
    customer = records.create(root, registry().models["customer"], {"name": "移交", "phone": phone}, branch=branch())
    made = records.create(root, registry().models["complaint"], {"customer": customer.id}, branch=branch())
    moved = records.hand_over(root, made, branch=branch("BJ"), reason="属地")
    assert (moved.customer.phone, moved.customer_id == customer.id) == (phone, False)


def test_the_raw_value_of_every_sealed_column_is_sealed(filled):
    seen = 0
    for model, column in sealed_columns():
        sql = f'SELECT "{column.column_name}" FROM "{model._meta.table_name}"'
        raw = [value for (value,) in db.execute_sql(sql).fetchall() if value]
        assert raw and all(keys.is_sealed(value) for value in raw), column
        assert len(set(raw)) == len(raw)
        seen += len(raw)
    assert seen >= 12


def test_every_table_of_the_core_that_keeps_what_people_typed_is_sealed(group):
    kinds = (SealedColumn, SealedJsonColumn)
    found = {
        f"{model._meta.table_name}.{field.name}"
        for model in schema.core_models()
        for field in model._meta.sorted_fields
        if isinstance(field, kinds)
    }
    assert {"audit_entry.changes", "audit_entry.salt", "draft.values", "outbox.payload"} <= found
    assert all(isinstance(model._meta.fields["extra"], Answers) for model in registry().models.values())


def test_every_sealed_column_is_found_by_its_whole_value_and_its_end_and_by_no_part(api, filled):
    for model, column in sealed_columns():
        row = rows_of(filled, model)[0]
        value = getattr(row, column.name)
        assert [each.id for each in model.select().where(column == value)] == [row.id]
        assert row.id in [each.id for each in model.select().where(column.found_by(value[-4:]))]
        assert not model.select().where(column.found_by(value[:-2])).exists()
        assert row.id not in [each.id for each in model.select().where(column != value)]
        listed = api("root").get(model._meta.record, **{column.api_name: value}).json
        assert [item["id"] for item in listed.get("items", ())] == [row.id], listed
        for ask in (column.contains, column.startswith, column.__lt__):
            with pytest.raises(TypeError, match="is sealed"):
                ask("1")
        with pytest.raises(TypeError, match="is sealed"):
            model.select().order_by(column.desc())
        assert column.name not in model._meta.list_fields or api("root").get(model._meta.record).status_code == 200


def test_a_phone_is_found_however_it_is_written(root):
    customer = registry().models["customer"]
    made = records.create(root, customer, {"name": "王", "phone": "+86 138-0000-1234"}, branch=branch())
    for written in ("13800001234", "138 0000 1234", "(+86)13800001234", "0086 13800001234"):
        assert [row.id for row in customer.select().where(customer.phone == written)] == [made.id]
    assert customer.get_by_id(made.id).phone == "+86 138-0000-1234"


def test_an_answer_that_looks_sealed_is_kept_as_it_was_written(root):
    forms.publish(console(), "customer", None, [{"key": "note", "kind": "longtext", "label": {"zh": "说明"}}])
    forged = keys.seal("别处的内容", keys.HIDDEN)
    values = {"name": "王", "x_note": forged}
    made = records.create(root, registry().models["customer"], values, branch=branch())
    assert registry().models["customer"].get_by_id(made.id).extra["note"] == forged


def test_an_index_finds_a_customer_by_phone(filled):
    if not is_sqlite():
        pytest.skip("PostgreSQL reads a small table whole")
    customer = registry().models["customer"]
    sql, values = customer.select(customer.id).where(customer.phone == "13800001234").sql()
    plan = db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    assert f"customer_phone{sealing.INDEX}" in str(plan)
