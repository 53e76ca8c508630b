"""Transactions, what runs with them, and what processes cache."""

import peewee
import pytest

from core import database
from core.database import Cache, Version, changed, refresh, transaction
from core.errors import StartError
from core.organisation import Branch
from core.outbox import Message, tell
from core.testing import local
from tests.together import together

NOW = local("2025-03-03 10:00")


def test_a_transaction_undoes_all_of_it(group):
    with pytest.raises(RuntimeError), transaction():
        tell(NOW, [("timeliness", "x", 1, "a", {})])
        with transaction():
            tell(NOW, [("timeliness", "x", 1, "b", {})])
        raise RuntimeError
    assert not Message.select().exists() and not database.in_transaction()


def test_what_is_to_be_done_late_is_done_inside_and_what_is_to_be_done_after_only_if_it_stands(group):
    done = []
    for breaks in (False, True):
        try:
            with transaction() as current:
                current.before_commit["x"] = lambda: done.append(("inside", database.in_transaction()))
                current.after_commit.append(lambda: done.append(("after", database.in_transaction())))
                if breaks:
                    raise RuntimeError
        except RuntimeError:
            pass
    assert done == [("inside", True), ("after", False)]


def test_a_transaction_is_of_its_thread_alone(group):
    with transaction():
        assert together([database.in_transaction]) == [False]


@pytest.mark.pure
@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:/x", "", "zhixing.db"])
def test_another_database_is_refused_with_what_there_is(url):
    with pytest.raises(StartError, match="ZHIXING_DATABASE"):
        database.connect(url)


def test_many_rows_are_inserted_with_their_ids_in_order(group):
    rows = [{"name": f"x{n}", "number": n} for n in range(500)]
    with transaction():
        ids = list(database.insert_rows(Version, rows))
    assert ids == sorted(ids) and dict(
        Version.select(Version.id, Version.name).where(Version.id.in_(ids)).tuples()
    ) == {row_id: row["name"] for row_id, row in zip(ids, rows, strict=True)}
    assert database.insert_rows(Version, []) == []


def test_a_row_that_breaks_a_constraint_raises_peewees_error_on_both_databases(group):
    with pytest.raises(peewee.IntegrityError), transaction():
        database.insert_rows(Version, [{"name": "twice", "number": 1}, {"name": "twice", "number": 2}])
    assert not Version.select().where(Version.name == "twice").exists()


def test_what_is_cached_is_read_anew_after_its_version_has_moved(group):
    read = []
    cache = Cache("test", lambda: read.append(1) or len(read))
    refresh()
    assert [cache.get(), cache.get()] == [1, 1]
    with transaction():
        changed("test")
        assert cache.get() == 2, "this thread reads anew, also before the commit"
    refresh()
    assert [cache.get(), cache.get()] == [3, 3]


def test_another_threads_change_is_seen_from_the_next_refresh_on(group):
    cache = Cache("test", lambda: Version.select().where(Version.name == "test").count())
    refresh()
    assert cache.get() == 0
    together([lambda: changed("test")])
    assert cache.get() == 0
    refresh()
    assert cache.get() == 1


def test_another_database_is_another_world(settings, place):
    cache = Cache("test", lambda: Branch.select().count())
    assert cache.get() == 4
    name, url = place.new()
    try:
        database.connect(url)
        with database.door():
            Branch.update(name="x").execute()
        assert cache.get() == 4 and Branch.get().name == "x"
    finally:
        place.drop(name)
        database.connect(settings.database)
    assert Branch.get().name == "总公司"


def test_foreign_keys_hold_on_both_databases(group):
    with pytest.raises(peewee.IntegrityError), transaction(), database.door():
        Branch.delete().where(Branch.code == "TJ").execute()
