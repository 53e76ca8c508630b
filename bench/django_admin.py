"""List, create and edit of complaints beside Django admin's on the same table, columns and indexes, in the same run."""

import html
import json
import logging
import re
import statistics
import time
from datetime import timedelta
from urllib.parse import urlsplit

import django
from django.conf import settings as django_settings
from django.core.management import call_command

from bench.lists import MOMENT, load
from bench.places import each, table
from core import people, testing
from core.app import create_app
from core.database import db, is_sqlite

ROUNDS = 40  # of create and edit; of the list half as many
COLUMNS = ("database", "rows", "what", "ours ms", "django ms", "ours a second", "django a second", "rate of django's")
APPS = ("admin", "auth", "contenttypes", "sessions", "messages")


def main(sizes=(10_000, 100_000, 1_000_000)):
    """Measure on both databases; a row for each size and deed, with our rate as a share of Django admin's."""
    rows = [row for place in each(sizes, load) for row in measure(*place)]
    table(rows, COLUMNS)
    return rows


def measure(kind, size, settings):
    """The median of each deed, ours and Django's taken in turn."""
    ours, theirs = Ours(settings), Django(db.obj)
    found = []
    for what, rounds in (("list", ROUNDS // 2), ("create", ROUNDS), ("edit", ROUNDS)):
        times = {"ours": [], "django": []}
        for n in range(-2, rounds):  # two to warm up
            for name, face in (("ours", ours), ("django", theirs)):
                send = getattr(face, what)(n)
                began = time.perf_counter()
                answer = send()
                took = (time.perf_counter() - began) * 1000
                face.check(what, answer)
                if n >= 0:
                    times[name].append(took)
        mine, other = statistics.median(times["ours"]), statistics.median(times["django"])
        found.append(
            {
                "database": kind,
                "rows": size,
                "what": what,
                "ours ms": mine,
                "django ms": other,
                "ours a second": 1000 / mine,
                "django a second": 1000 / other,
                "rate of django's": other / mine,
            }
        )
    theirs.close()
    return found


class Ours:
    """The head of a department at the screens of complaints: with permission, rules, clocks, trail and outbox."""

    new, row = "/records/complaint/new", "/records/complaint/{}"

    def __init__(self, settings):
        app = create_app(settings)
        app.config["CLOCK"] = lambda: MOMENT
        self.client = app.test_client()
        token = people.begin_session(testing.person_by_login("bob"), MOMENT, code_at=MOMENT)
        with self.client.session_transaction() as session:
            session["token"] = token
        page = self.client.get(self.new).text
        self.token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        self.made = None

    def list(self, n):
        return lambda: self.client.get("/records/complaint/")

    def create(self, n):
        happened = f"{testing.local('2026-03-10 17:00') + timedelta(hours=8):%Y-%m-%dT%H:%M}"
        sent = {
            "happened_at": happened,
            "channel": "phone",
            "content": f"第{n}条",
            "owner": "alice",
            "department": "KF",
        }
        return lambda: self.client.post(self.new, data={**sent, "csrf_token": self.token})

    def edit(self, n):
        page = self.client.get(f"{self.made}/edit").text
        seen = json.loads(html.unescape(re.search(r'name="seen" value="([^"]*)"', page)[1]))
        revision = re.search(r'name="revision" value="(\d+)"', page)[1]
        sent = {**seen, "revision": revision, "seen": json.dumps(seen), "content": f"改{n}", "csrf_token": self.token}
        return lambda: self.client.post(f"{self.made}/edit", data=sent)

    def check(self, what, answer):
        """What was done must have been done."""
        if what == "list":
            assert answer.status_code == 200 and b"B000" in answer.data, answer.status
        else:
            assert answer.status_code == 303, answer.text
            self.made = urlsplit(answer.location).path if what == "create" else self.made


class Django:
    """A superuser of Django admin, which checks permissions and writes its own log, and nothing of what ours does."""

    def __init__(self, database):
        _configure(database)
        from django.contrib.auth.models import User
        from django.contrib.contenttypes.models import ContentType
        from django.test import Client

        call_command("migrate", verbosity=0)
        ContentType.objects.clear_cache()  # of the database before
        self.client = Client()
        self.client.force_login(User.objects.create_superuser("root", "", "a passphrase"))
        self.made, self.count = None, 0

    def list(self, n):
        return lambda: self.client.get("/bench/complaint/")

    def create(self, n):
        self.count += 1
        sent = {**self._form(f"第{n}条"), "number": f"D{self.count:09d}"}
        return lambda: self.client.post("/bench/complaint/add/", sent)

    def edit(self, n):
        sent = {**self._form(f"改{n}"), "number": f"D{self.count:09d}"}
        return lambda: self.client.post(f"/bench/complaint/{self.made}/change/", sent)

    def _form(self, content):
        branch, owner = testing.branch("TJ"), testing.person_by_login("alice")
        return {
            "branch": branch.id, "owner": owner.id, "department": owner.department_id, "channel": "phone",
            "content": content, "state": "received", "happened_at_0": "2026-03-10", "happened_at_1": "17:00:00",
        }  # fmt: skip

    def check(self, what, answer):
        """What was done must have been done."""
        from bench.django_models import models

        if what == "list":
            assert answer.status_code == 200 and b"B000" in answer.content, answer.status_code
        else:
            assert answer.status_code == 302, answer.content.decode()
            self.made = models()["complaint"].objects.order_by("-id").values_list("id", flat=True)[0]

    def close(self):
        from django.db import connections

        connections.close_all()


def _configure(database):
    """Point Django, which is set up once in a process, at the database that ours uses."""
    from django.db import connections

    given = _address(database)
    if not django_settings.configured:
        logging.getLogger("django").setLevel(logging.ERROR)
        django_settings.configure(
            SECRET_KEY="bench",
            ALLOWED_HOSTS=["*"],
            USE_TZ=True,
            TIME_ZONE="UTC",
            ROOT_URLCONF="bench.django_models",
            DATABASES={"default": given},
            INSTALLED_APPS=[*(f"django.contrib.{name}" for name in APPS), "bench"],
            MIDDLEWARE=[
                "django.middleware.security.SecurityMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
            ],
            TEMPLATES=[
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                    "OPTIONS": {
                        "context_processors": [
                            "django.template.context_processors.request",
                            "django.contrib.auth.context_processors.auth",
                            "django.contrib.messages.context_processors.messages",
                        ]
                    },
                }
            ],
            STATIC_URL="/static/",
        )
        django.setup()
        return
    connections.close_all()
    connections.databases["default"].update(given)
    del connections["default"]


def _address(database):
    if is_sqlite():
        options = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=1"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database.database), "OPTIONS": options}
    told = db.obj.connection().info
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": told.dbname, "HOST": told.host, "PORT": told.port,
        "USER": told.user, "PASSWORD": told.password, "OPTIONS": {}, "CONN_MAX_AGE": None,
    }  # fmt: skip


if __name__ == "__main__":
    main()
