"""The sealed trail: rows changed, as the database counts them, equal entries; whatever is done to the trail by hand is named."""

import ast
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest

import core
from core import (
    access,
    accounts,
    attachments,
    audit,
    business_calendar,
    channels,
    checks,
    closings,
    comments,
    faulty,
    forms,
    handover,
    limits,
    organisation,
    outbox,
    people,
    records,
    second_factor,
    switches,
    transfer,
)  # fmt: skip
from core.audit import AuditEntry, AuditHead
from core.commands import main
from core.database import db, door, is_sqlite, transaction
from core.people import person_by_login
from core.personal import requests
from core.plugins import registry
from core.records.showing import show
from core.seal import link_of
from core.testing import actor as acting
from core.testing import branch, console, department_of, local, work
from tests.house.breaking import Broken, written_csv
from tests.house.conftest import DRILL, NOW
from tests.house.filling import Filling, typed
from tests.house.mailing import room_channel, wanting
from tests.house.touched import count_rows, touched
from tests.together import together

PHONE, OTHER = "13800138000", "13900139000"
SAID_OF_A_PERSON = {"link", "token", "totp", "unlock", "end_sessions", "reset"}  # their rows lie in tables of that list
DOCS = Path(core.__file__).parent.parent / "docs" / "architecture.md"


def not_in_the_trail():
    """The tables that docs/architecture.md names as not in the trail."""
    section = DOCS.read_text(encoding="utf-8").partition("## Tables that are not in the trail")[2].partition("\n## ")[0]
    return set(re.findall(r"`([a-z_]+)`", section))


def by_hand(sql, *values):
    db.execute_sql(sql if is_sqlite() else sql.replace("?", "%s"), values)


def on_records(there):
    """Acts on records of every type: made, changed, taken further, handed over."""
    for name, model in registry().models.items():
        made = []
        values = typed(model, there)
        yield (
            f"{name}: create",
            lambda m=model, v=values, made=made: made.append(records.create(console(NOW), m, v, branch=branch("TJ"))),
        )
        yield f"{name}: change", lambda made=made: records.change(console(NOW), made[0], {"owner": "amy"})
        yield (
            f"{name}: correct",
            lambda made=made: records.change(
                console(NOW), made[0], {"happened_at": local("2025-03-05 08:00")}, reason="更正"
            ),
        )
        rows = [there.record(model, branch("TJ")) for _ in range(2)]
        yield f"{name}: several at once", lambda rows=rows: records.change_many(console(NOW), rows, {"owner": "amy"})
        void = next(
            (s for s in model._meta.workflow.transitions.values() if model._meta.workflow.initial in s.source), None
        )
        if void is not None and not void.requires:
            yield (
                f"{name}: step",
                lambda made=made, s=void: records.transition(console(NOW), made[0], s.event, reason="试验"),
            )


def on_administration(settings, folder, root):
    """Acts on everything else that is kept."""
    by, there = console(NOW), Filling(NOW)
    alice, amy, bob = (person_by_login(login) for login in ("alice", "amy", "bob"))
    row = there.record(registry().models["complaint"], branch("TJ"), number="A-1")
    last = lambda model: model.select().order_by(model.id.desc()).get()  # noqa: E731
    theirs = {"name": "李雷", "phone": PHONE}
    customer = there.record(registry().models["customer"], branch("TJ"), number="B-1", **theirs)
    closed = there.record(
        registry().models["complaint"], branch("TJ"), number="B-2", customer=customer.id, state="closed", closed_at=NOW
    )
    forgotten = there.record(registry().models["customer"], branch("TJ"), number="B-3", name="王梅", phone=OTHER)
    file = written_csv(folder / "f.csv", [{"name": f"客户{n}", "owner": "alice"} for n in range(3)])
    secret = pyotp.random_base32()

    def failing_import():
        def broken(done, total):
            if done:
                raise Broken

        with pytest.raises(Broken):
            transfer.import_file(by, registry().models["customer"], file, branch("BJ"), progress=broken)

    def given_up():
        with transaction():
            outbox.tell(NOW, [("timeliness", "created", branch("TJ").id, "complaint:1", {})])
            outbox.Message.update(next_try_at=None).where(outbox.Message.done_at.is_null()).execute()
        assert root.send("/jobs/retry").status_code in (302, 303)
        outbox.Message.delete().execute()

    yield "branch", lambda: organisation.add_branch(by, "SH", "上海分公司", branch("HQ"))
    yield "department", lambda: organisation.add_department(by, branch("GZ"), "QT", "其他部", "other")
    yield "rename", lambda: organisation.change_unit(by, branch("GZ"), {"name": "广州分部"}, "更名")
    yield "person", lambda: people.add_person(by, "ivan", "伊万", branch("TJ"))
    yield "name", lambda: people.change_person(by, amy, {"name": "艾米丽"}, "更名")
    yield "password", lambda: people.set_password(by, alice, "Ein-Langes-Wort-2025")
    yield "link", lambda: people.make_link(by, bob, settings)
    yield "token", lambda: people.make_token(by, bob)
    yield "grant", lambda: access.grant(by, bob, "management", branch("TJ"))
    yield "revoke", lambda: access.revoke(by, last(access.Grant), "期满")
    yield (
        "home",
        lambda: accounts.change_home(by, amy, name="艾米", branch=branch("TJ"), department=department_of("TJ", "LP")),
    )
    yield "reset", lambda: accounts.reset(by, bob, settings, "忘记")
    yield "unlock", lambda: accounts.unlock(by, bob)
    yield "sign out", lambda: accounts.sign_out_everywhere(by, bob)
    yield "deactivate", lambda: handover.deactivate(by, amy, alice, "离职")
    yield "reactivate", lambda: handover.reactivate(by, person_by_login("amy"), "返聘")
    yield "calendar", lambda: business_calendar.publish(by, None, 2027, {"off": {"2027-01-01": "元旦"}}, "通知")
    yield (
        "limit",
        lambda: limits.set_limit(by, "timeliness.complaint_simple", branch("TJ"), "2 business days", reason="更严"),
    )
    question = {"key": "policy_no", "kind": "text", "label": {"zh": "保单号"}}
    yield "form", lambda: forms.publish(by, "complaint", branch("TJ"), [question])
    yield (
        "second factor",
        lambda: second_factor.set_up(acting("carol", NOW), secret, pyotp.TOTP(secret).at(NOW)),
    )
    yield "try again", given_up
    yield "policy", lambda: switches.switch(by, "timeliness", branch("GZ"), "forbidden", reason="试验")
    yield "off", lambda: switches.switch(by, "timeliness", branch("BJ"), "off", reason="试验")
    yield "on", lambda: switches.switch(by, "timeliness", branch("BJ"), "on", reason="试验")
    yield "comment", lambda: comments.add(acting("alice", NOW), row, "说明")
    yield "attach", lambda: attachments.attach(acting("alice", NOW), row, "a.txt", "内容".encode(), settings)
    yield "remove", lambda: attachments.remove(acting("alice", NOW), row, last(attachments.Attachment), "误传")
    yield "import", lambda: transfer.import_file(by, registry().models["customer"], file, branch("TJ"))
    yield "import undone", failing_import
    yield "sweep and deliveries", lambda: work("2025-04-10 09:00")
    yield "checks", lambda: [checks.run(each, local("2025-04-10 09:00")) for _, each in checks.all_checks().values()]
    yield "closing", lambda: closings.close_period(console(local("2025-04-10 10:00")), branch("TJ"), "2025-03")
    yield "set aside", lambda: faulty.set_aside(by, "timeliness", "试验")
    yield "take back", lambda: faulty.take_back(by, "timeliness", "修好")
    yield "show", lambda: show(acting("alice", NOW), [customer], "回访")
    yield "look up", lambda: requests.look_up(by, "李雷", PHONE, "本人要求")
    yield "seal", lambda: requests.forget(by, "李雷", PHONE, [closed.soft_id()], "本人要求", settings.files)
    yield "forget", lambda: requests.forget(by, "王梅", OTHER, [forgotten.soft_id()], "本人要求", settings.files)
    yield "channel", lambda: room_channel("TJ", at=NOW)
    yield (
        "test message",
        lambda: channels.try_channel(by, last(channels.Channel), "", replace(settings, message_seconds=0)),
    )
    yield "channel taken up", lambda: channels.resume(by, last(channels.Channel))
    yield "channel removed", lambda: channels.remove_channel(by, last(channels.Channel))
    yield "own address", lambda: wanting("alice", at=NOW)
    yield "erase", lambda: audit.erase(by, [AuditEntry.get(AuditEntry.verb == "attach").id], "本人要求")


def counted(act, since, seen):
    """Do an act: (rows that the database saw change, rows that the trail speaks of, last moment of the count)."""
    tables = {name: model._meta.table_name for name, model in registry().models.items()}
    before = AuditEntry.select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1).scalar() or 0
    act()
    rows, since = touched(since)
    entries = list(AuditEntry.select().where(AuditEntry.id > before))
    seen |= {entry.verb for entry in entries}
    told = {(tables.get(entry.record, entry.record), entry.row_id, entry.verb) for entry in entries}
    return rows, {(name, row_id) for name, row_id, verb in told if verb not in SAID_OF_A_PERSON}, since


def test_rows_changed_as_the_database_counts_them_equal_entries(app, sign_in, all_may, settings, tmp_path):
    root, exempt = sign_in("root", NOW), not_in_the_trail()
    tables, since, seen, spoken, wrong, acts = set(count_rows()), 0, set(), set(), {}, 0
    there = Filling(NOW)
    for make in (lambda: on_records(there), lambda: on_administration(settings, tmp_path, root)):
        for name, act in make():
            _, since = touched(since)  # what was laid there for the act is none of it
            rows, told, since = counted(act, since, seen)
            acts, spoken = acts + 1, spoken | {table for table, _ in told}
            rows, told = ({each for each in found if each[0] not in exempt} for found in (rows, told))
            if rows != told:
                wrong[name] = (sorted(rows - told), sorted(told - rows))
    assert wrong == {} and acts > 40
    assert audit.verify() == []
    assert verbs() - seen == set(), "a verb of the trail that no act here writes"
    assert tables - spoken - exempt == set(), "a table that is neither in the trail nor listed in docs/architecture.md"
    assert exempt <= tables, "docs/architecture.md lists a table that is not there"


def verbs():
    """Every verb that the core or a plugin writes into the trail, as their code spells it."""
    found = set()
    roots = [Path(core.__file__).parent, *(Path(each.module.__file__).parent for each in registry().plugins.values())]
    for path in (path for root in roots for path in root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                given = [*node.args[1:2]] if name == "note" else []
                given += [key.value for key in node.keywords if key.arg == "verb" and name in ("keep", "amend")]
                found |= {each.value for each in given if isinstance(each, ast.Constant)}
    assert len(found) > 15
    return found


def test_a_closing_carries_how_many_rows_it_froze(settings):
    Filling(NOW).record(registry().models["complaint"], branch("TJ"))
    count_rows()
    count = closings.close_period(console(local("2025-04-10 10:00")), branch("TJ"), "2025-03")
    rows, _ = touched(0)
    entry = AuditEntry.get(AuditEntry.verb == "close_period")
    assert count == len([each for each in rows if each[0] == "frozen_measure"]) == entry.changes["rows"][1] > 0


def test_thirty_two_writers_over_several_branches_leave_one_unbroken_chain_each(settings):
    model, homes = registry().models["complaint"], {"TJ": "alice", "BJ": "frank"}

    def write(n):
        chance = random.Random(n)
        for code in chance.sample(sorted(homes), 2):
            made = records.create(console(NOW), model, {"owner": homes[code]}, branch=branch(code))
            records.change(console(NOW), made, {"content": f"第 {n} 件"})
        with transaction():
            for code in chance.sample(["TJ", "BJ", "GZ", "HQ"], 4):
                audit.note(console(NOW), "touch", "branch", branch(code).id, branch(code).id, {})

    answers = together([lambda n=n: write(n) for n in range(32)])
    assert [answer for answer in answers if answer is not None] == []
    for code in homes:
        chain = AuditEntry.select().where(AuditEntry.branch_id == branch(code).id)
        assert chain.where(AuditEntry.record == "complaint").count() == 64
        assert [e.seq for e in chain.order_by(AuditEntry.seq)] == list(range(1, chain.count() + 1))
    assert AuditEntry.select().where(AuditEntry.verb == "touch").count() == 128 and audit.verify() == []


@pytest.fixture
def chain(settings):
    """The id of a branch whose chain holds acts of many kinds, one of them an erasure."""
    model, by = registry().models["complaint"], console(NOW)
    for n in range(4):
        made = records.create(by, model, {"owner": "alice", "content": f"第 {n} 件"}, branch=branch("TJ"))
        records.change(by, made, {"content": "改过"}, reason="补正")
    audit.erase(by, [entry.id for entry in audit.trail("complaint", made.id)], "本人要求")
    records.create(by, model, {"owner": "alice"}, branch=branch("TJ"))
    assert audit.verify() == []
    return branch("TJ").id


CHANGES = {  # column: what is written over it; on SQLite a single bit of a text is turned
    "id": '"id" + 100000', "seq": "seq + 1000", "branch_id": "branch_id + 1000", "person_id": "COALESCE(person_id, 0) + 1",
    "row_id": "row_id + 1", "changes": "COALESCE(changes, '') || ' '",
    "at": "substr(at, 1, 25) || (CASE WHEN substr(at, 26, 1) = '1' THEN '2' ELSE '1' END)",
}  # fmt: skip
TEXTS = ("actor", "via", "verb", "record", "reason", "salt", "digest", "previous", "hash")


def test_whatever_is_changed_in_any_column_of_any_row_is_named(chain):
    rows = list(AuditEntry.select().where(AuditEntry.branch_id == chain).order_by(AuditEntry.seq))
    columns = [*CHANGES, *TEXTS]
    assert sorted(columns) == sorted(AuditEntry._meta.fields) and len(rows) > 15
    for row in rows:
        for column in columns if DRILL or row.seq % 4 == 0 or row.seq > len(rows) - 4 else ("hash",):
            new = CHANGES.get(column, f"'x' || substr({column}, 2)")
            if column == "at" and not is_sqlite():
                new = "at + interval '1 microsecond'"
            with db.atomic() as undone:
                by_hand(f'UPDATE audit_entry SET "{column}" = {new} WHERE "id" = ?', row.id)
                found = audit.verify([chain])
                is_gone = column == "branch_id" and row.verb == audit.ERASE  # then nobody says who emptied the others
                named = row.changes["entries"][0] if is_gone else row.seq
                assert [(where, seq) for where, seq, _ in found] == [(chain, named)], (column, row.seq, row.verb)
                undone.rollback()
    assert audit.verify() == []


def test_bytes_that_are_no_text_any_more_are_named(chain):
    if not is_sqlite():
        return  # PostgreSQL keeps no such bytes
    for column in ("changes", "actor", "reason"):
        with db.atomic() as undone:
            by_hand(f"UPDATE audit_entry SET {column} = CAST(X'E58A' AS TEXT) WHERE branch_id = ? AND seq = 5", chain)
            assert [(where, seq) for where, seq, _ in audit.verify([chain])] == [(chain, 5)]
            undone.rollback()


def test_two_rows_that_change_their_ids_are_named(chain):
    one, two = (
        AuditEntry.select().where(AuditEntry.branch_id == chain, AuditEntry.seq.in_((5, 6))).order_by(AuditEntry.seq)
    )
    for old, new in ((one.id, -1), (two.id, one.id), (-1, two.id)):
        by_hand('UPDATE audit_entry SET "id" = ? WHERE "id" = ?', new, old)
    assert [(where, seq) for where, seq, _ in audit.verify()] == [(chain, 5)]


def test_a_row_copied_from_another_branch_is_named(chain):
    columns = ", ".join(f'"{name}"' for name in AuditEntry._meta.columns if name not in ("id", "branch_id", "seq"))
    last = AuditHead.get(AuditHead.branch_id == branch("BJ").id).seq
    by_hand(
        f"INSERT INTO audit_entry (branch_id, seq, {columns}) SELECT {branch('BJ').id}, {last + 1}, {columns} "
        "FROM audit_entry WHERE branch_id = ? AND seq = 3", chain,
    )  # fmt: skip
    assert [(where, seq) for where, seq, _ in audit.verify()] == [(branch("BJ").id, last + 1)]


def rewrite(chain, seq, *, with_id=True, **values):
    """Change a row and seal it and all that follow anew, head and all, as somebody with the database would."""
    rows = list(AuditEntry.select().where(AuditEntry.branch_id == chain).order_by(AuditEntry.seq).dicts())
    previous = rows[seq - 2]["hash"] if seq > 1 else audit.START
    with transaction(), door():
        for row in rows[seq - 1 :]:
            row |= {**(values if row["seq"] == seq else {}), "previous": previous}
            previous = row["hash"] = link_of(row, with_id=with_id)
            AuditEntry.update({n: v for n, v in row.items() if n != "id"}).where(AuditEntry.id == row["id"]).execute()
        AuditHead.update(hash=previous).where(AuditHead.branch_id == chain).execute()


def cut_off(chain, seq):
    """Take the end of a chain away, and put its head back."""
    with transaction(), door():
        AuditEntry.delete().where(AuditEntry.branch_id == chain, AuditEntry.seq >= seq).execute()
        last = AuditEntry.get(AuditEntry.branch_id == chain, AuditEntry.seq == seq - 1)
        AuditHead.update(seq=last.seq, hash=last.hash).where(AuditHead.branch_id == chain).execute()


@pytest.mark.parametrize(
    "forge", [lambda c: rewrite(c, 3, actor="eve"), lambda c: cut_off(c, 6)], ids=["rewritten", "cut off"]
)
def test_a_chain_that_was_rewritten_as_a_whole_is_named_by_the_heads_written_out(
    chain, settings, tmp_path, capsys, monkeypatch, forge, sign_in
):
    end = AuditHead.get(AuditHead.branch_id == chain).seq
    audit.export_heads(settings.audit_heads, "2025-03-05", NOW)
    monkeypatch.setenv("ZHIXING_HOME", str(settings.home))
    monkeypatch.setenv("ZHIXING_DATABASE", settings.database_url)
    assert main(["audit", "verify"]) == 0
    capsys.readouterr()
    assert main(["audit", "head", "--json"]) == 0
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(capsys.readouterr().out, encoding="utf-8")
    forge(chain)
    [row] = AuditHead.select().where(AuditHead.branch_id == chain)
    named = min(end, row.seq + 1)
    assert audit.verify() == [], "the forged chain holds in itself"
    kept = audit.kept_heads(settings.audit_heads)
    assert [(where, seq) for where, seq, _ in audit.verify(kept=kept)] == [(chain, named)]
    assert main(["audit", "verify", "--json"]) == 1 and json.loads(capsys.readouterr().out)["seq"] == named
    page = sign_in("auditor", NOW).send("/audit/verify")
    assert "2025-03-05.json" in page.text and "told-red" in page.text
    (settings.audit_heads / "2025-03-05.json").unlink()
    assert main(["audit", "verify"]) == 0
    assert main(["audit", "verify", str(elsewhere)]) == 1 and "elsewhere.json" in capsys.readouterr().out


def test_a_damaged_file_of_heads_is_told(chain, settings, monkeypatch, capsys):
    path = audit.export_heads(settings.audit_heads, "2025-03-05", NOW)
    path.write_text(path.read_text(encoding="utf-8")[:40], encoding="utf-8")
    monkeypatch.setenv("ZHIXING_HOME", str(settings.home))
    monkeypatch.setenv("ZHIXING_DATABASE", settings.database_url)
    assert main(["audit", "verify"]) == 1 and "2025-03-05.json" in capsys.readouterr().err


def test_entries_sealed_before_the_id_was_part_of_it_still_hold_but_come_first(chain):
    rewrite(chain, 1, with_id=False)
    assert audit.verify() == []
    records.create(console(NOW), registry().models["complaint"], {"owner": "alice"}, branch=branch("TJ"))
    assert audit.verify() == []
    end = AuditHead.get(AuditHead.branch_id == chain).seq
    records.create(console(NOW), registry().models["complaint"], {"owner": "alice"}, branch=branch("TJ"))
    rewrite(chain, end + 1, with_id=False)
    assert [(where, seq) for where, seq, _ in audit.verify()] == [(chain, end + 1)]


def test_erasing_a_persons_data_leaves_the_chain_whole_and_nothing_of_it_in_the_trail(settings):
    by, model = console(NOW), registry().models["customer"]
    made = records.create(by, model, {"name": "王秘密", "phone": "13912345678", "owner": "alice"}, branch=branch("TJ"))
    records.change(by, made, {"name": "王更秘密"})
    ids = [entry.id for entry in audit.trail("customer", made.id)]
    audit.erase(by, ids, "本人要求")
    gone = list(AuditEntry.select().where(AuditEntry.id.in_(ids)))
    held = str(list(AuditEntry.select().tuples()))
    assert "13912345678" not in held and "秘密" not in held
    assert len(gone) == 2 and all(e.changes is None and e.salt == "" and len(e.digest) == 64 for e in gone)
    assert audit.verify() == []
