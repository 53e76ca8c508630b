"""Importing the real file, and as many more rows of its kind, beside a bare loop that inserts the same rows.

The bare loop is peewee's own insert, row by row in one transaction, and nothing else: no check, clock, trail or message.
"""

import csv
import itertools
import time
from contextlib import contextmanager
from pathlib import Path

from bench.places import KINDS, installation, settle, table
from core import access, testing
from core.database import door, transaction
from core.transfer import import_file, importing
from plugins.cases.models import Complaint

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests" / "data" / "tdi_complaints.csv"
MAPPING = ROOT / "config" / "imports" / "tdi_complaints.toml"
NOW = testing.local("2026-03-10 10:00")
MOST = 4  # times the bare loop: what we promise


def main(sizes=(5_572, 10_000, 100_000)):
    """Measure on both databases; the rows of the table. `ratio` is the import's time to the bare loop's."""
    rows = [measure(kind, size) for kind in KINDS for size in sizes]
    columns = ("database", "rows", "seconds", "rows a second", "bare loop seconds", "ratio", "at most")
    table(rows, (*columns, "longest transaction ms"))
    return rows


def measure(kind, size):
    """Import `size` rows into a fresh installation, and insert what came of them into another."""
    with installation(kind) as settings:
        file = write(settings.home / "file.csv", size)
        settle()
        with timed_transactions() as longest:
            began = time.perf_counter()
            result = import_file(access.system(NOW, "console"), Complaint, file, testing.branch(), MAPPING)
            seconds = time.perf_counter() - began
        assert (result.created, result.errors) == (size, []), result
        made = [{**row.__data__, "customer": None, "batch": None} for row in Complaint.select().order_by(Complaint.id)]
    with installation(kind):
        settle()
        bare = insert(made)
    return {
        "database": kind,
        "rows": size,
        "seconds": seconds,
        "rows a second": round(size / seconds),
        "bare loop seconds": bare,
        "ratio": seconds / bare,
        "at most": MOST,
        "longest transaction ms": max(longest) * 1000,
    }


def write(path, size):
    """A file of `size` rows: those of the real one, again and again under numbers of their own."""
    with open(FILE, encoding="utf-8-sig", newline="") as source, open(path, "w", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(source)
        first = list({row[0]: row for row in reversed(rows)}.values())
        writer = csv.writer(file)
        writer.writerow(header)
        for count, row in zip(range(size), itertools.cycle(first), strict=False):
            writer.writerow([f"{row[0]}-{count // len(first)}", *row[1:]])
    return path


def insert(rows):
    """Seconds of the bare loop."""
    began = time.perf_counter()
    with transaction(), door():
        for row in rows:
            Complaint.insert(row).execute()
    return time.perf_counter() - began


@contextmanager
def timed_transactions():
    """Time every transaction of the import; gives the list of seconds."""
    taken, plain = [], importing.transaction

    @contextmanager
    def timed():
        began = time.perf_counter()
        with plain() as current:
            yield current
        taken.append(time.perf_counter() - began)

    importing.transaction = timed
    try:
        yield taken
    finally:
        importing.transaction = plain


if __name__ == "__main__":
    main()
