"""What becomes of each record of a person who wants to be forgotten: erased, sealed while a law has it kept, or in work."""

from dataclasses import dataclass
from datetime import date

from core.records.visibility import workflow
from core.switches import local_day

ERASE, SEAL, WORK = "erase", "seal", "work"


@dataclass
class Decision:
    """What is done with a record that was found, until when a law has it kept, and which."""

    found: object
    act: str
    until: date | None = None
    basis: object = None


def decide(actor, found):
    """The Decisions on what was found, those before whom they name: a record stays as long as one that names it."""
    own = {each.key: _own(actor, each) for each in found}
    for each in found:
        if each.because is not None and each.because.soft_id() in own:
            _at_least(own[each.because.soft_id()], own[each.key])
    return [own[each.key] for each in found]


def _own(actor, each):
    """Personal Information Protection Law, art. 47: while it is in work its purpose is not yet reached."""
    row = each.row
    states = workflow(type(row), row.branch_id, actor.now).states
    ends = any(state.final and not state.void for state in states.values())
    if ends and row.state in states and not states[row.state].final:
        return Decision(each, WORK)
    keep = row._meta.keep
    until = keep.until(row) if keep else None
    if until is not None and until >= local_day(actor.now, row.branch_id):
        return Decision(each, SEAL, until, keep.basis)
    return Decision(each, ERASE)


def _at_least(decision, other):
    if other.act == WORK:
        decision.act = WORK
    elif other.act == SEAL and decision.act != WORK and (decision.until is None or decision.until < other.until):
        decision.act, decision.until, decision.basis = SEAL, other.until, other.basis
