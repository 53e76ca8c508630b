"""The keys of personal data: changed while people work, dropped only when nothing needs them, and missed at the start."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from playhouse.migrations import Runner

from core import audit, database, encryption, keys, start
from core.database import db, door, insert_rows, is_sqlite, transaction
from core.errors import Refused, StartError, Unsealable
from core.plugins import registry
from core.start import folders
from core.testing import console, local

NOW = local("2025-03-05 09:30")
PHONE, IDENTITY, MEANS = "13800001234", "11010119900101123X", "微信 wangxiaoming"


@pytest.fixture
def customer(settings, record, actor):
    """A customer with everything that is sealed, and a complaint of theirs."""
    made = record("customer", actor("alice", NOW), name="王小明", phone=PHONE, identity_number=IDENTITY)
    record("complaint", actor("alice", NOW), customer=made.id, contact_means=MEANS)
    encryption.register(NOW)
    return made


def read_again(customer):
    fresh = type(customer).get_by_id(customer.id)
    return fresh.phone, fresh.identity_number


def raw(table, column):
    return [value for (value,) in db.execute_sql(f'SELECT "{column}" FROM "{table}" ORDER BY "id"').fetchall() if value]


def found(customer, **values):
    model = type(customer)
    query = model.select().where(*(getattr(model, name) == value for name, value in values.items()))
    return [row.id for row in query.order_by(model.id)]


def test_the_file_of_keys_is_for_its_owner_only_and_holds_one_key_at_first(settings):
    assert settings.keys.stat().st_mode & 0o077 == 0
    assert len(keys.ring().keys) == 1


def test_a_sealed_value_changed_by_a_letter_is_not_read(customer):
    sealed = raw("customer", "phone")[0]
    for place in (4, keys.HEAD - 1, keys.HEAD + 3, keys.HEAD + keys.WHOLE + 2, len(sealed) - 6):
        letter = "i" if place == keys.HEAD - 1 else "0" if sealed[place] != "0" else "1"
        with pytest.raises(Unsealable):
            keys.unseal(sealed[:place] + letter + sealed[place + 1 :])


def test_a_changed_key_seals_what_is_written_from_now_on_and_reads_what_there_was(customer, record, actor):
    before, old = raw("customer", "phone"), keys.ring().current.id
    name = encryption.new(console(NOW))
    assert (keys.ring().current.id, list(keys.ring().keys)) == (name, [name, old])
    assert read_again(customer) == (PHONE, IDENTITY) and raw("customer", "phone") == before
    second = record("customer", actor("alice", NOW), name="王小明", phone="138 0000 1234")
    assert raw("customer", "phone")[1][3:11] == name
    assert found(customer, phone=PHONE) == [customer.id, second.id], "under both keys"
    assert {row.id for row in type(customer).alike(type(customer).select(), {"phone": PHONE})} == {
        customer.id,
        second.id,
    }


def test_everything_is_sealed_anew_and_only_then_the_old_key_goes(customer):
    old = keys.ring().current.id
    encryption.new(console(NOW))
    with pytest.raises(Refused, match="customer"):
        encryption.drop(console(NOW + timedelta(days=1)), old)
    told = []
    done = encryption.reencrypt(console(NOW), lambda *progress: told.append(progress))
    assert done == told[-1][0] == told[-1][1] > 5
    assert encryption.needing(old) == []
    assert read_again(customer) == (PHONE, IDENTITY)
    assert found(customer, phone=PHONE) == found(customer, identity_number=IDENTITY.lower()) == [customer.id]
    assert type(customer).get_by_id(customer.id).revision == customer.revision, "no record was changed by it"
    assert audit.verify() == []
    with pytest.raises(Refused, match="1 小时"):
        encryption.drop(console(NOW + timedelta(minutes=59)), old)
    encryption.drop(console(NOW + timedelta(hours=1)), old)
    assert list(keys.ring().keys) == [keys.ring().current.id] and old not in keys.ring().text()
    assert read_again(customer) == (PHONE, IDENTITY) and audit.verify() == []
    entries = audit.AuditEntry.select().where(audit.AuditEntry.record == "encryption_key").order_by(audit.AuditEntry.id)
    assert [entry.verb for entry in entries] == ["create", "reencrypt", "drop"]
    assert [(row["current"], row["dropped_at"] is None) for row in encryption.listed()] == [
        (False, False),
        (True, True),
    ]


def test_sealing_anew_that_broke_off_goes_on_where_it_stood(customer, record, actor, monkeypatch):
    monkeypatch.setattr(encryption, "CHUNK", 2)
    for n in range(6):
        record("customer", actor("alice", NOW), name=f"客户{n}", phone=f"1390000000{n}")
    old = keys.ring().current.id
    encryption.new(console(NOW))

    def broken(done, total):
        if done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encryption.reencrypt(console(NOW), broken)
    left = sum(count for _, count in encryption.needing(old))
    assert left > 0
    assert encryption.reencrypt(console(NOW)) == left and encryption.needing(old) == []
    assert found(customer, phone="13900000005") and audit.verify() == []


def test_the_current_key_and_an_unknown_one_are_not_dropped(customer):
    for name, told in ((keys.ring().current.id, "当前密钥"), ("00000000", "没有密钥")):
        with pytest.raises(Refused, match=told):
            encryption.drop(console(NOW), name)


@pytest.mark.parametrize(
    "spoil, told",
    [
        pytest.param(lambda path: path.unlink(), "personal.keys", id="taken away"),
        pytest.param(lambda path: path.write_text("rubbish"), "不是完整的密钥文件", id="broken"),
        pytest.param(lambda path: path.write_text("00000000 2025-01-06 " + "A" * 43 + "=\n"), "缺少密钥", id="another"),
        pytest.param(
            lambda path: path.write_text(path.read_text().split()[0] + " 2025-01-06 " + "A" * 43 + "=\n"),
            "与数据库所用的不同",
            id="another of the same name",
        ),
        pytest.param(lambda path: path.chmod(0o644), "chmod 600", id="open to others"),
    ],
)
def test_a_start_without_the_right_keys_is_refused_and_loses_nothing(customer, settings, without, spoil, told):
    text, rows = settings.keys.read_text(), raw("customer", "phone")
    spoil(settings.keys)
    there = settings.keys.exists()
    with pytest.raises(StartError) as refused:
        start.start(settings, without=without)
    assert any(told in fault for fault in refused.value.faults), refused.value.faults
    assert settings.keys.exists() == there, "no new key is made beside what was sealed by another"
    settings.keys.write_text(text)
    settings.keys.chmod(0o600)
    start.start(settings, without=without)
    assert raw("customer", "phone") == rows and read_again(customer) == (PHONE, IDENTITY)


def test_a_key_made_by_another_process_is_known_without_a_new_start(customer, settings, record, actor):
    if not is_sqlite():
        pytest.skip("the other process would need the server's address")
    script = "import sys; from core.commands import main; sys.exit(main(['key', 'new']))"
    environment = {"ZHIXING_HOME": str(settings.home), "ZHIXING_DATABASE": settings.database, "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    keys._Place.looked = 0.0  # a second later
    assert len(keys.ring().keys) == 2
    made = record("customer", actor("alice", NOW), name="后来", phone=PHONE)
    assert raw("customer", "phone")[-1][3:11] == keys.ring().current.id
    assert found(customer, phone=PHONE) == [customer.id, made.id]


def test_what_stood_plain_is_sealed_by_the_upgrade_and_wiped_from_the_file(customer, settings, without, monkeypatch):
    """As an installation from before: all migrations of encryption taken back, which writes everything plain again."""
    same = {name: value for name, value in customer.__data__.items() if name != "id"}
    with transaction(), door():  # enough of them to fill pages that are then given up
        insert_rows(type(customer), [{**same, "number": f"K-{n}", "phone": f"1391234{n:04d}"} for n in range(400)])
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "secure_delete", 0)  # on in some builds: not what we rely on
    database.connect(settings.database)
    where = folders(registry())
    for name, step in (("customers", "0002_encryption"), ("cases", "0002_encryption"), ("core", "0006_encryption")):
        Runner(db.obj, str(where[name]), table_name=f"migration_{name}").down(step)
    assert raw("customer", "phone")[:2] == [PHONE, "13912340000"] and raw("complaint", "contact_means") == [MEANS]
    assert any(PHONE in text for text in raw("audit_entry", "changes"))
    assert not db.table_exists("encryption_key")
    if is_sqlite():
        db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        assert PHONE.encode() in Path(db.database).read_bytes()
    start.start(settings, without=without)
    for table, column in (("customer", "phone"), ("customer", "identity_number"), ("complaint", "contact_means"),
                          ("audit_entry", "changes"), ("audit_entry", "salt")):  # fmt: skip
        values = raw(table, column)
        assert values and all(map(keys.is_sealed, values)), (table, column)
    assert read_again(customer) == (PHONE, IDENTITY) and found(customer, phone=PHONE) == [customer.id]
    assert audit.verify() == []
    if is_sqlite():
        path = Path(db.database)
        db.close()
        content = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
        assert len(content) > 100_000
        assert [plain for plain in (PHONE, IDENTITY, "1391234") if plain.encode() in content] == []


def test_wiping_leaves_nothing_of_what_was_deleted_in_the_file(settings, monkeypatch):
    if not is_sqlite():
        pytest.skip("the files of PostgreSQL belong to its server")
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "secure_delete", 0)  # on in some builds: not what we rely on
    database.connect(settings.database)
    db.execute_sql('CREATE TABLE "plain" ("id" INTEGER PRIMARY KEY, "text" TEXT)')
    db.cursor().executemany('INSERT INTO "plain" ("text") VALUES (?)', [(f"1391234{n:04d}",) for n in range(2000)])
    db.execute_sql('DELETE FROM "plain"')
    db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"1391234" in Path(db.database).read_bytes()
    database.wipe({"plain"})
    path = Path(db.database)
    assert not [each for each in path.parent.glob(f"{path.name}*") if b"1391234" in each.read_bytes()]


@pytest.mark.parametrize("column", ["changes", "salt"])
def test_a_letter_changed_in_what_the_trail_has_sealed_is_named(customer, column):
    entry = audit.trail("customer", customer.id).get()
    sql = f'UPDATE "audit_entry" SET "{column}" = REPLACE("{column}", SUBSTR("{column}", 30, 6), \'AAAAAA\') WHERE "id" = {entry.id}'
    db.execute_sql(sql)
    assert [(where, seq) for where, seq, _ in audit.verify()] == [(entry.branch_id, entry.seq)]
    assert audit.trail("customer", customer.id).get().id == entry.id, "and the page of the trail still opens"
