"""Fixtures of the plugins' tests: complaints that are taken through their steps at given moments."""

import pytest

from core import records

FILLED = {
    "contact_customer": {"details": "报案两周仍未赔付", "class": "simple"},
    "record_findings_and_measure": {
        "findings": "资料齐全",
        "measure": "加急",
        "result": "已赔付",
        "cause": "expertise",
    },
    "close_unsatisfied_with_reason": {"close_reason": "客户要求超出合同"},
    "void": {"void_as": "mistake", "void_reason": "测试登记"},
}


@pytest.fixture
def step(actor):
    """step(record, event, by, at, **values): take a record one step further; complaints are filled in as usual."""

    def step(record, event, by="alice", at="2025-03-03 11:00", reason="", **values):
        filled = FILLED.get(event, {}) if record._meta.record == "complaint" else {}
        values = {key.rstrip("_"): value for key, value in values.items()}
        return records.transition(actor(by, at), record, event, {**filled, **values}, reason=reason)

    return step


@pytest.fixture
def told(step):
    """told(complaint, contacted, told): a complaint handled by alice, its result told at a moment."""

    def told(complaint, contacted, at, class_="simple", **found):
        complaint = step(complaint, "accept", at=contacted)
        complaint = step(complaint, "contact_customer", at=contacted, class_=class_)
        complaint = step(complaint, "classify_and_investigate", at=contacted)
        complaint = step(complaint, "record_findings_and_measure", at=at, **found)
        return step(complaint, "tell_result", at=at)

    return told
