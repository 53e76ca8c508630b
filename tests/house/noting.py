"""A plugin of pytest that notes of which tables each test makes rows: `-p tests.house.noting`, ZHIXING_NOTED=FILE."""

import json
import os
from collections import defaultdict
from pathlib import Path

from core import database

noted = defaultdict(set)
really = database.new_ids


def new_ids(model, *args, **kwargs):
    """Give ids for new rows, and note of which table."""
    noted[os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]].add(model._meta.table_name)
    return really(model, *args, **kwargs)


database.new_ids = new_ids


def pytest_sessionfinish(session):
    found = {test: sorted(tables) for test, tables in noted.items()}
    Path(os.environ["ZHIXING_NOTED"]).write_text(json.dumps(found), encoding="utf-8")
