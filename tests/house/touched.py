"""What the database itself counts: triggers on every table, made by the test, that note each row written or taken away."""

from core.database import db, is_sqlite
from tests.house.routes import INTERNAL

ACTS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
FUNCTION = """CREATE FUNCTION note_touched() RETURNS trigger AS $$ BEGIN
    INSERT INTO touched (name, row_id, act) VALUES (TG_TABLE_NAME, COALESCE(NEW.id, OLD.id), TG_OP); RETURN NULL;
END $$ LANGUAGE plpgsql"""


def count_rows():
    """Let the database count from now on; the tables that it watches."""
    tables = [name for name in db.get_tables() if not INTERNAL.match(name)]
    key = "INTEGER PRIMARY KEY" if is_sqlite() else "BIGSERIAL PRIMARY KEY"
    db.execute_sql(f"CREATE TABLE touched (id {key}, name TEXT, row_id BIGINT, act TEXT)")
    if not is_sqlite():
        db.execute_sql(FUNCTION)
    for table in tables:
        for act, row in ACTS.items():
            begin = f'CREATE TRIGGER "touched_{table}_{act}" AFTER {act} ON "{table}"'
            note = f"INSERT INTO touched (name, row_id, act) VALUES ('{table}', {row}.id, '{act}')"
            each = f"BEGIN {note}; END" if is_sqlite() else "FOR EACH ROW EXECUTE FUNCTION note_touched()"
            db.execute_sql(f"{begin} {each}")
    return tables


def touched(since):
    """The rows touched after a moment of the count, as {(table, id)}, and the last moment."""
    mark = "?" if is_sqlite() else "%s"
    rows = db.execute_sql(f"SELECT id, name, row_id FROM touched WHERE id > {mark}", (since,)).fetchall()
    return {(name, row_id) for _, name, row_id in rows}, max((row[0] for row in rows), default=since)
