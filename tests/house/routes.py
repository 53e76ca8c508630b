"""Every route that there is, with addresses that lead to real rows, and a digest of all that the database holds."""

import hashlib
import io
import re

from core.database import db, is_sqlite
from core.plugins import registry

SAFE = {"GET", "HEAD", "OPTIONS"}
UNWRITTEN = {("session", "seen_at")}  # what a mere look may write: when a session was last used
INTERNAL = re.compile(r"^(sqlite_|.*migration)")


def digest(without=()):
    """What every table holds, as {table: digest}, but for UNWRITTEN columns and the tables `without`."""
    found = {}
    for table in db.get_tables():
        if INTERNAL.match(table) or table in without:
            continue
        columns = [c.name for c in db.get_columns(table) if (table, c.name) not in UNWRITTEN]
        names = ", ".join(f'"{name}"' for name in columns)
        rows = db.execute_sql(f'SELECT {names} FROM "{table}" ORDER BY "id"').fetchall()
        found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    if not is_sqlite():
        db.rollback() if not db.in_transaction() else None
    return found


def addresses(app, row, known=None):
    """(rule, method, path) of every route and method, with `row`'s keys and what the small group holds put into it."""
    name = row._meta.record
    known = {
        "row_id": row.id,
        "record": name,
        "event": next(iter(type(row)._meta.workflow.transitions), "x"),
        "field": next((c.api_name for c in type(row).by_api_name().values() if c.kind == "ref"), "owner"),
        "kind": "csv",
        "login": "alice",
        "code": "TJ",
        "plugin": next(p for p, plugin in registry().plugins.items() if not plugin.manifest.business),
        "limit_id": next(f"{p}.{limit['name']}" for p, plugin in registry().plugins.items() for limit in plugin.limits),
        "measure": next(m.name for p in registry().plugins.values() for m in p.manifest.measures),
        "filename": "zhixing.css",
        **(known or {}),
    }
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        view = rule.endpoint.split(".")[0]
        if view.startswith("records_") and "row_id" in rule.arguments and view != f"records_{name}":
            continue
        values = {argument: known.get(argument, 1) for argument in rule.arguments}
        if view.startswith("archive_"):
            plugin = registry().plugins[view.removeprefix("archive_")]
            values = {**values, **({"record": plugin.manifest.models[0]._meta.record} if "record" in values else {})}
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule, method, adapter.build(rule.endpoint, values)


def looks(app, rows):
    """(rule, path) of everything that can be looked at of some rows, each address once, exports of both kinds among them."""
    seen = set()
    for row in rows:
        for kind in ("csv", "xlsx"):
            for rule, method, path in addresses(app, row, {"kind": kind}):
                if method in SAFE and path not in seen and rule.endpoint not in ("static", "desk.static"):
                    seen.add(path)
                    yield rule, path


def ask(client, method, path, form=None, **options):
    """A request as a page of ours would send it: a change carries the token."""
    if method in SAFE:
        return client.open(path, method=method, **options)
    files = {"file": (io.BytesIO(b"x"), "x.txt")} if path.endswith("/files") else {}
    return client.send(path, {**(form or {}), **files}, method=method, **options)
