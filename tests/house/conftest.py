"""Fixtures: every plugin switched on, the web program with its API, one who may do all, rows of every type everywhere."""

import itertools
import os
from datetime import timedelta

import pytest

from core import access, attachments, switches
from core.access import ROLES, Actor, Role
from core.language import Words
from core.people import add_person
from core.plugins import registry
from core.testing import BEGINNING, branch, console, department_of, local
from tests.api.conftest import Api
from tests.house.filling import Filling
from tests.screens.conftest import app, client, sign_in  # noqa: F401

NOW = local("2025-03-05 09:30")
DRILL = bool(os.environ.get("ZHIXING_DRILL"))  # make drill: the long form of every test
SERVED = ("TJ", "BJ")  # the branches in which everything is on


def regulations():
    """The plugins that are chosen: what they stand on is on with them."""
    return [name for name, plugin in registry().plugins.items() if not plugin.manifest.business]


def switch_everything_on():
    """Switch on every plugin there is where the small group has one on, so that a new one takes part in every test."""
    for name, code in itertools.product(regulations(), SERVED):
        if not switches.is_on(name, branch(code).id, BEGINNING):
            switches.switch(console(), name, branch(code), "on", reason="试验")


@pytest.fixture
def settings(settings):
    """The small group with every plugin switched on in the branches served."""
    switch_everything_on()
    return settings


def new_role(monkeypatch, name, permissions, capacity=None):
    """A role that only this test knows."""
    monkeypatch.setitem(ROLES, name, Role(name, Words(name, name), tuple(permissions), capacity))
    return name


def new_person(login, code, *roles, at=None):
    """A person of a branch, with roles there or at another one (`at`)."""
    person = add_person(console(), login, login, branch(code), department_of(code, "KF") if code != "HQ" else None)
    for role in roles:
        access.grant(console(), person, role, branch(at or code))
    return person


@pytest.fixture
def api(app):  # noqa: F811
    """`api("alice")` sends requests to the API as Alice."""
    app.config["CLOCK"] = lambda: NOW
    return lambda login: Api(app, login)


@pytest.fixture
def all_may(monkeypatch, group):
    """ "root": a person at head office who holds every permission and every capacity."""
    steps = [s for model in registry().models.values() for s in model._meta.workflow.transitions.values()]
    capacities = sorted({name for step in steps for name in step.by} - {"system", "owner", "submitter"})
    names = [new_role(monkeypatch, f"all_{name}", ("*.*.*",), name) for name in capacities or ("staff",)]
    return new_person("root", "HQ", *names)


@pytest.fixture
def filled(all_may, settings):
    """Two rows of every record type, each with a file, in TJ and BJ: {record name: [row]}."""
    return fill(SERVED, all_may, settings)


def fill(codes, person, settings, each=2):
    """Rows of every record type in these branches, each with the same file: {record name: [row]}."""
    filling, rows = Filling(NOW - timedelta(hours=3)), {}
    for code, (name, model), _ in itertools.product(codes, registry().models.items(), range(each)):
        rows.setdefault(name, []).append(filling.record(model, branch(code)))
    first = next(row for row in rows["complaint"] if row.branch.code == "TJ")
    actor = Actor(person, "web", NOW)
    file = attachments.attach(actor, first, "附件.txt", "内容".encode(), settings)
    for row in itertools.chain(*rows.values()):
        filling.copy(file, record=row._meta.record, record_id=row.id, branch_id=row.branch_id)
    return rows
