"""The list page of complaints beside stock Flask-Admin's on the same table, columns and indexes, in the same run."""

import statistics
import time
from datetime import timedelta

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.peewee import ModelView
from flask_babel import Babel

from bench.places import each, table
from core import people, testing
from core.app import create_app
from core.database import db, door, insert_rows, transaction
from core.plugins import registry

MOMENT = testing.local("2026-03-10 17:31")
ROUNDS = 15


def main(sizes=(10_000, 100_000, 1_000_000)):
    """Measure on both databases; a row for each size with the ratio of ours to stock Flask-Admin's."""
    rows = [measure(*place) for place in each(sizes, load)]
    table(rows, ("database", "rows", "ours ms", "stock ms", "ratio", "queries", "stock queries"))
    return rows


def measure(kind, size, settings):
    """The median of one list page each, taken in turn."""
    ours, stock = _ours(settings), _stock()
    ours(), stock()
    times = {"ours": [], "stock": []}
    for _ in range(ROUNDS):
        for name, page in (("ours", ours), ("stock", stock)):
            began = time.perf_counter()
            page()
            times[name].append((time.perf_counter() - began) * 1000)
    mine, theirs = statistics.median(times["ours"]), statistics.median(times["stock"])
    return {
        "database": kind,
        "rows": size,
        "ours ms": mine,
        "stock ms": theirs,
        "ratio": mine / theirs,
        "queries": counted(ours),
        "stock queries": counted(stock),
    }


def counted(page):
    """How many queries a page makes."""
    seen, plain = [], db.obj.execute_sql

    def counting(sql, params=None, *args, **kwargs):
        seen.append(sql)
        return plain(sql, params, *args, **kwargs)

    db.obj.execute_sql = counting
    try:
        page()
    finally:
        del db.obj.execute_sql
    return len(seen)


def _ours(settings):
    app = create_app(settings)
    client = app.test_client()
    token = people.begin_session(testing.person_by_login("bob"), app.config["CLOCK"]())
    with client.session_transaction() as session:
        session["token"] = token

    def show():
        answer = client.get("/records/complaint/")
        assert answer.status_code == 200, answer.status
        assert b"B000" in answer.data

    return show


def _stock():
    app = Flask("stock")
    app.secret_key = "bench"
    app.config["PROPAGATE_EXCEPTIONS"] = True
    Babel(app)

    class Complaints(ModelView):
        column_list = (
            "number",
            "state",
            "customer",
            "channel",
            "class_",
            "cause",
            "department",
            "owner",
            "happened_at",
        )
        column_default_sort = ("happened_at", True)
        page_size = 20

        def scaffold_form(self):
            from flask_admin.form import BaseForm

            return BaseForm

    Admin(app, url="/").add_view(Complaints(registry().models["complaint"], endpoint="complaints", url="/complaints"))
    client = app.test_client()

    def show():
        answer = client.get("/complaints/")
        assert answer.status_code == 200, answer.status
        assert b"B000" in answer.data

    return show


def load(size):
    """Put `size` complaints with customers into the branch TJ."""
    model, customer = registry().models["complaint"], registry().models["customer"]
    branch, owner = testing.branch("TJ"), testing.person_by_login("alice")
    base = {name: _default(field) for name, field in model._meta.fields.items() if name != "id"}
    people_ = {name: _default(field) for name, field in customer._meta.fields.items() if name != "id"}
    shared = {
        "branch": branch.id,
        "owner": owner.id,
        "department": owner.department_id,
        "form_version": 0,
        "recorded_at": MOMENT,
    }
    with transaction(), door():
        ids = insert_rows(
            customer,
            [
                {**people_, **shared, "number": f"K{n}", "state": "active", "name": f"客户{n}", "happened_at": MOMENT}
                for n in range(500)
            ],
        )
    for first in range(0, size, 10_000):
        with transaction(), door():
            insert_rows(
                model,
                [
                    {
                        **base,
                        **shared,
                        "number": f"B{n:09d}",
                        "state": "received",
                        "customer": ids[n % 500],
                        "class_": "simple",
                        "happened_at": MOMENT - timedelta(minutes=n),
                    }
                    for n in range(first, min(first + 10_000, size))
                ],
            )


def _default(field):
    return field.default() if callable(field.default) else field.default


if __name__ == "__main__":
    main()
