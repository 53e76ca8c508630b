"""zhixing backup and restore: everything in one file, and back into an empty place on either database."""

import json
import zipfile

import pytest

from core import audit, database, records
from core.audit import AuditEntry
from core.people import Person
from core.plugins import registry
from core.testing import work


@pytest.fixture
def saved(zhixing, settings, record, actor, tmp_path):
    """A backup of the small group with a red complaint and a file; gives its path and what was in it."""
    made = record("complaint", actor("alice", "2025-03-03 10:00"), content="理赔太慢\t“引号”")
    records.transition(actor("alice", "2025-03-03 11:00"), made, "accept")
    work("2025-03-31 18:00")
    (settings.files / "ab").mkdir(parents=True)
    (settings.files / "ab" / "abcd").write_bytes(b"\x00\xff")
    path = tmp_path / "group.zip"
    answer = zhixing("backup", path)
    assert answer.status == 0, answer.err
    return path, _content()


def _content():
    """What must come back: every row of some tables, as the program reads it."""
    models = [Person, AuditEntry, registry().models["complaint"], registry().models["warning"]]
    return {model.__name__: list(model.select().order_by(model.id).dicts()) for model in models}


@pytest.fixture
def kept(tmp_path):
    """The keys of personal data of the small group, as they are kept apart from its backups."""
    return tmp_path / "personal.keys"


@pytest.fixture
def elsewhere(saved, empty):
    """An empty place, with the backup at hand: its settings, the backup's path and its content."""
    return empty, *saved


def test_everything_comes_back(elsewhere, call, kept):
    settings, path, content = elsewhere
    answer = call("restore", path, "--keys", kept)
    assert (answer.status, answer.err) == (0, "")
    assert "审计链完整" in answer.out
    assert _content() == content
    assert audit.verify() == []
    assert (settings.files / "ab" / "abcd").read_bytes() == b"\x00\xff"
    assert not list(settings.home.glob("restore-*"))


def test_a_restored_group_can_be_worked_in(elsewhere, call, kept):
    call("restore", elsewhere[1], "--keys", kept)
    assert call("branch", "add", "SH", "上海分公司").status == 0
    assert call("user", "add", "ivan", "--name", "伊万", "--branch", "SH", "--role", "staff").status == 0
    assert Person.select().order_by(Person.id.desc()).first().login == "ivan"
    assert call("audit", "verify").status == 0


def test_a_backup_of_sqlite_grows_into_postgresql_and_back(elsewhere, call, tmp_path, monkeypatch, kept):
    settings, path, content = elsewhere
    if database.is_sqlite():
        pytest.skip("needs PostgreSQL")
    monkeypatch.setenv("ZHIXING_HOME", str(tmp_path / "small"))
    monkeypatch.setenv("ZHIXING_DATABASE", "")
    assert call("restore", path, "--keys", kept).status == 0  # rows of PostgreSQL into SQLite
    assert database.is_sqlite()
    assert _content() == content
    assert call("backup", tmp_path / "small.zip").status == 0
    assert "database.sqlite" in zipfile.ZipFile(tmp_path / "small.zip").namelist()
    monkeypatch.setenv("ZHIXING_HOME", str(settings.home))
    monkeypatch.setenv("ZHIXING_DATABASE", settings.database)
    answer = call("restore", tmp_path / "small.zip", "--keys", kept)  # and a SQLite file into PostgreSQL
    assert (answer.status, answer.err) == (0, "")
    assert _content() == content
    assert call("branch", "add", "SH", "上海分公司").status == 0  # ids go on where they were


def test_a_backup_is_for_its_owner_only_and_overwrites_nothing(saved, zhixing, tmp_path):
    path, _ = saved
    assert path.stat().st_mode & 0o077 == 0
    before = path.read_bytes()
    answer = zhixing("backup", path)
    assert (answer.status, "已存在" in answer.err) == (1, True)
    assert path.read_bytes() == before
    assert zhixing("backup", tmp_path / "nowhere" / "group.zip").status == 1
    assert sorted(p.name for p in tmp_path.iterdir() if "zip" in p.name or "backup" in p.name) == ["group.zip"]


def test_a_place_that_is_not_empty_is_left_alone(saved, zhixing):
    answer = zhixing("restore", saved[0])
    assert answer.status == 1
    assert len(answer.err.splitlines()) == 2  # neither is the database empty nor the folder of files
    assert _content() == saved[1]


@pytest.mark.parametrize(
    "spoil, told",
    [
        pytest.param(lambda path: path.write_bytes(b"no zip"), "不是完整的备份", id="another file"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-3000]), "不是完整的备份", id="cut off"),
        pytest.param(lambda path: path.unlink(), "No such file", id="no file"),
        pytest.param(lambda path: _rewrite(path, format=2), "请先升级程序", id="of a later format"),
        pytest.param(lambda path: zipfile.ZipFile(path, "w").close(), "不是完整的备份", id="an empty archive"),
    ],
)
def test_a_file_that_is_no_backup_leaves_the_place_empty(elsewhere, call, spoil, told, kept):
    settings, path, _ = elsewhere
    spoil(path)
    answer = call("restore", path, "--keys", kept)
    assert (answer.status, told in answer.err) == (1, True), answer.err
    assert call("plugin", "list").status == 1
    assert not settings.files.exists()


def test_a_plugin_that_is_not_here_is_named(elsewhere, call, kept):
    _, path, _ = elsewhere
    if database.is_sqlite():
        pytest.skip("a SQLite file is restored as it is")
    _rewrite(path, migrations={"core": ["0001_initial"], "duels": ["0001_initial"]})
    answer = call("restore", path, "--keys", kept)
    assert (answer.status, "duels/0001_initial" in answer.err) == (1, True)
    assert database.db.get_tables() == []


def _rewrite(path, **values):
    """Replace values in the manifest of a backup."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["manifest.json"] = json.dumps(json.loads(content["manifest.json"]) | values).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_no_key_lies_in_a_backup_and_without_them_nothing_is_restored(elsewhere, call, kept):
    settings, path, content = elsewhere
    secrets = [line.split()[2] for line in kept.read_text().splitlines()]
    with zipfile.ZipFile(path) as archive:
        inside = b"".join(archive.read(name) for name in archive.namelist())
    assert secrets and not [secret for secret in secrets if secret.encode() in inside]
    answer = call("restore", path)
    assert (answer.status, "--keys" in answer.err) == (1, True), answer.err
    assert not settings.keys.exists() and call("plugin", "list").status == 1
    other = kept.with_name("other.keys")
    other.write_text("00000000 2025-01-06 " + "A" * 43 + "=\n")
    other.chmod(0o600)
    answer = call("restore", path, "--keys", other)
    assert (answer.status, "缺少密钥" in answer.err) == (1, True), answer.err
    assert not settings.keys.exists()
    assert call("restore", path, "--keys", kept).status == 0
    assert settings.keys.read_text() == kept.read_text() and settings.keys.stat().st_mode & 0o077 == 0
    assert _content() == content
