"""Each promise of the kit is seen to be broken: by a core that keeps it no more, or by a plugin that declares it wrongly."""

from types import SimpleNamespace

import pytest

from core import records
from core.access import Actor
from core.fields import Text
from core.kit import PROMISES, seeing, switching
from core.kit.promises import Subject
from core.records.model import Record
from core.workflow import State, Workflow
from tests.core.commands.test_authoring import BROKEN

NAME = "cases"
NAMED = {promise.name: promise for promise in PROMISES}
TRIED = {row[3] for row in BROKEN} | {"says_nothing_at_a_new_branch"}  # in test_authoring, on a plugin that is written


def everything(actor, model, *_):
    """All rows, whoever asks."""
    return model.select()


def nothing(actor, model):
    return model.select().where(model.id < 0)


def seen_by_all(monkeypatch):
    monkeypatch.setattr(seeing, "visible_to", everything)
    monkeypatch.setattr(switching, "visible_to", everything)


def seen_by_none(monkeypatch):
    monkeypatch.setattr(seeing, "visible_to", nothing)


def allowed_everywhere(monkeypatch):
    monkeypatch.setattr(Actor, "may", lambda self, permission, branch_id: True)


def shown_as_kept(monkeypatch):
    monkeypatch.setattr(records, "as_json", lambda row, actor: {**row.__data__, "customer": None})
    monkeypatch.setattr(Actor, "may", lambda self, permission, branch_id: False)


def lost_by_the_switch(monkeypatch):
    switch = switching._switch

    def losing(subject, value, at):
        switch(subject, value, at)
        for model in subject.models:
            with records.saving.door():
                model.update(revision=model.revision + 1).execute()

    monkeypatch.setattr(switching, "_switch", losing)


BREAKS = [
    ("closed_to_strangers", seen_by_all, "somebody without a role sees"),
    ("blind_to_other_branches", seen_by_all, "of one branch sees records"),
    ("blind_to_other_branches", seen_by_none, "nobody of a branch sees its own records"),
    ("a_role_reaches_only_its_branch", allowed_everywhere, "reaches records"),
    ("seen_by_who_may_at_head_office", seen_by_none, "the auditor sees 0 of"),
    ("personal_data_is_masked", shown_as_kept, "who may not see personal data"),
    ("closed_when_switched_off", seen_by_all, "where it is off"),
    ("off_and_on_again_loses_nothing", lost_by_the_switch, "is not what it was before"),
    ("other_branches_notice_nothing", lost_by_the_switch, "changed with the switch"),
]


@pytest.mark.parametrize("name, broken, told", BREAKS, ids=[f"{row[0]}-{row[1].__name__}" for row in BREAKS])
def test_a_core_that_breaks_it_is_found_out(group, monkeypatch, name, broken, told):
    subject = Subject(NAME)
    subject.fill()
    broken(monkeypatch)
    assert any(told in fault for fault in NAMED[name].judge(subject))


class Bare(Record):
    phone = Text("电话", null=True)

    class Meta:
        label = "光"
        workflow = Workflow(State("open", "在办", initial=True), State("far", "远处", final=True))


DECLARED = [
    ("manifest_is_complete", "Bare has no docstring"),
    ("every_state_is_reached", "no step leads to the state far"),
    ("phones_and_identity_numbers_are_sealed", "Bare.phone looks like a phone"),
    ("limits_are_of_fields_that_exist", "which there is not"),
]


@pytest.mark.pure
@pytest.mark.parametrize("name, told", DECLARED, ids=[row[0] for row in DECLARED])
def test_a_plugin_that_declares_it_wrongly_is_found_out(name, told):
    limits = ({"name": "far", "record": "nowhere"},)
    plugin = SimpleNamespace(module=SimpleNamespace(__doc__=""), limits=limits)
    subject = SimpleNamespace(plugin=plugin, models=(Bare,), manifest=SimpleNamespace(version="1", extensions=()))
    assert any(told in fault for fault in NAMED[name].judge(subject))


@pytest.mark.pure
def test_every_promise_was_seen_to_be_broken():
    assert {row[0] for row in (*BREAKS, *DECLARED)} | TRIED == {*NAMED, "starts"}
