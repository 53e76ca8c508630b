"""Real work: the complaints of a Texas insurer come in, and the rates of every month are those that the file itself gives.

What is expected is counted here from the file with chinese_calendar alone, nothing of the product's code is used for it.
"""

import csv
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest

from core import audit, measures
from core.access import system
from core.clocks import Clock
from core.findings import Finding
from core.notices import Notice
from core.testing import branch, local, work
from core.transfer import import_file
from plugins.cases.models import Complaint
from plugins.customers.models import Customer

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "data" / "tdi_complaints.csv"
MAPPING = ROOT / "config" / "imports" / "tdi_complaints.toml"
NOW = local("2026-03-02 10:00")
MONTHS = [f"{year}-{month:02d}" for year in range(2012, 2026) for month in range(1, 13)]


def first_rows():
    """The rows of the file, the first of each number."""
    with open(FILE, encoding="utf-8-sig", newline="") as file:
        rows = {}
        for row in csv.DictReader(file):
            rows.setdefault(row["Complaint number"], row)
    return list(rows.values())


def day(text):
    return datetime.strptime(text, "%m/%d/%Y").date()


def due_day(row):
    """5 business days after receipt, 10 where several reasons are listed; the day of receipt is not counted."""
    on, left = day(row["Received date"]), 10 if ";" in row["Reason complaint filed"] else 5
    while left:
        on += timedelta(days=1)
        left -= chinese_calendar.is_workday(on)
    return on


def expected():
    """{month or year of the due day: [met, all]}, counted independently of the product."""
    counts = {}
    for row in first_rows():
        on = due_day(row)
        for period in (f"{on:%Y-%m}", f"{on:%Y}"):
            pair = counts.setdefault(period, [0, 0])
            pair[0] += day(row["Closed date"]) <= on
            pair[1] += 1
    return counts


@pytest.fixture
def bring(group, tmp_path):
    """Import the file from a folder of the test's own, where the rows left out may be written."""
    path = shutil.copy(FILE, tmp_path)
    return lambda skip_errors=True: import_file(
        system(NOW, "console"), Complaint, path, branch(), MAPPING, skip_errors=skip_errors
    )


@pytest.mark.clause("T5.1.2")
def test_the_file_comes_in_and_every_month_agrees_with_a_count_of_its_own(bring, tmp_path):
    result = bring()
    assert (result.created, [(e["row"], e["value"]) for e in result.errors]) == (
        5572,
        [(1283, "187550"), (3740, "366356")],
    )
    assert result.left_out_file == str(tmp_path / "tdi_complaints.left-out.csv")
    counts = expected()
    assert counts["2023"] == [133, 805]

    def rate(period):
        [row] = measures.measured(system(NOW), branch(), period, "attainment_rate")
        return [row["numerator"], row["denominator"]]

    different = {m: (rate(m), counts.get(m, [0, 0])) for m in (*MONTHS, "2023") if rate(m) != counts.get(m, [0, 0])}
    assert not different
    [late] = measures.measured(system(NOW), branch(), "2023", "late_complaint_share")
    of_2023 = [
        row["Reason complaint filed"].split("; ") for row in first_rows() if row["Received date"].endswith("/2023")
    ]
    caused = sum("Delays (Claims Handling)" in reasons for reasons in of_2023)
    assert (late["numerator"], late["denominator"]) == (caused, len(of_2023))

    assert {row.stop for row in Clock.select()} == {"result_told_at"}  # first contact is not in the source
    assert work(NOW) == {"yellow": 0, "red": 0} and not Finding.select().exists() and not Notice.select().exists()
    assert Customer.select().count() == 1 and not audit.verify()
    sample = Complaint.get(Complaint.number == "62688")
    assert (sample.state, sample.class_, sample.cause) == ("closed", "complex", "timeliness")
    assert sample.source_row["Keywords"] == "HAIL; SLAB" and "Received date" not in sample.source_row

    again = bring()
    assert (again.created, again.unchanged, len(again.errors)) == (0, 5572, 2)


def test_without_skipping_errors_two_wrong_rows_import_nothing(bring):
    result = bring(skip_errors=False)
    assert (result.created, len(result.errors), result.left_out_file) == (0, 2, None)
    assert not Complaint.select().exists() and not Customer.select().exists()
