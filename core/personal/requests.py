"""What a person asked of us about their data and what was decided, record by record: kept, and in the sealed trail."""

import peewee

from core import audit
from core.database import Kept, changed, door, transaction
from core.errors import Fault, Refused
from core.fields import JsonColumn, MomentColumn
from core.language import say
from core.people import Person
from core.personal.deciding import ERASE, SEAL, decide
from core.personal.erasing import ERASED, drop_copies, erase
from core.personal.lookup import about
from core.personal.matching import plain
from core.plugins import registry
from core.records.sealed import Seal
from core.records.showing import purpose_in, purposes_of, show
from core.records.visibility import masked, sealed
from core.switches import local_day

FIND, FORGET, OPEN = "core.personal.find", "core.personal.erase", "core.seal.open"


class PersonRequest(Kept):
    """One request of a person: `kind` is access or erasure; `subject` names them with stars only.

    `outcome` is a list of {record, row_id, number, act, until, basis}.
    """

    person = peewee.ForeignKeyField(Person, null=True, backref="+", on_delete="RESTRICT")
    branch_id = peewee.BigIntegerField()
    kind = peewee.CharField(max_length=16)
    subject = peewee.CharField(max_length=160)
    reason = peewee.CharField(max_length=255)
    outcome = JsonColumn()
    at = MomentColumn()


def look_up(actor, name, number, purpose):
    """What is held about a person: [Found]; the purpose and every record found are noted. Raises Denied or Refused."""
    actor.require(FIND, None)
    purpose, found = purpose_in(purpose), about(actor, name, number)
    with transaction():
        clear = [each.row for each in found if each.is_sure and not each.is_sealed and purposes_of(actor, each.row)]
        if clear:
            show(actor, clear, purpose)
        _keep(actor, "access", name, number, purpose, [_told(each.row, "held") for each in found])
    return found


def forget(actor, name, number, chosen, reason, files):
    """Do with the chosen records ("record:id") of a person what the law has done with them. Returns the PersonRequest.

    Erased at once where no law has them kept; sealed where one has; left where they are in work. Raises Denied, Refused.
    """
    actor.require(FORGET, None)
    reason = purpose_in(reason)
    with transaction():
        found = about(actor, name, number)
        decisions = [d for d in decide(actor, found) if d.found.key in set(chosen) and not d.found.is_sealed]
        _require_theirs(actor, decisions, chosen)
        told = [_told(d.found.row, d.act, d.until, d.basis) for d in decisions]
        request = _keep(actor, "erasure", name, number, reason, told)
        for decision in decisions:
            if decision.act == ERASE:
                erase(actor, decision.found.row, files, reason)
            elif decision.act == SEAL:
                _seal(actor, decision, request, reason)
    return request


def _require_theirs(actor, decisions, chosen):
    known = {decision.found.key for decision in decisions}
    if not chosen or set(chosen) - known:
        raise Refused(
            Fault("chosen", say("请从查到的记录中选择", "choose among the records that were found"), "choice")
        )
    for branch_id in {decision.found.row.branch_id for decision in decisions}:
        actor.require(FORGET, branch_id)


def _seal(actor, decision, request, reason):
    row = decision.found.row
    values = {
        "record": row._meta.record,
        "row_id": row.id,
        "branch_id": row.branch_id,
        "until": decision.until,
        "basis": {"zh": decision.basis.zh, "en": decision.basis.en},
        "request_id": request.id,
        "sealed_at": actor.now,
    }
    audit.keep(actor, Seal, values, branch_id=row.branch_id, verb="seal", reason=reason)
    drop_copies(row)
    changed("seals")


def made(actor):
    """The requests in the branches where the actor may find, newest first, each with who noted it."""
    allowed = actor.branches(FIND)
    query = PersonRequest.select(PersonRequest, Person).left_outer_join(Person).order_by(PersonRequest.id.desc())
    return query if allowed is None else query.where(PersonRequest.branch_id.in_(sorted(allowed) or [-1]))


def seals(actor):
    """The seals that hold, in the branches where the actor may open them, the first to run out first."""
    allowed = actor.branches(OPEN)
    query = Seal.select().where(Seal.erased_at.is_null()).order_by(Seal.until, Seal.id)
    return query if allowed is None else query.where(Seal.branch_id.in_(sorted(allowed) or [-1]))


def opened(actor, seal, purpose):
    """The record under a seal, its values shown for a purpose that is noted. Raises Denied or Refused."""
    actor.require(OPEN, seal.branch_id)
    model = registry().models[seal.record]
    row = sealed(actor, model).where(model.id == seal.row_id).get()
    show(actor, [row], purpose)
    return row


def run_out(now):
    """The seals whose period has run out and whose records are not erased yet."""
    rows = Seal.select().where(Seal.erased_at.is_null()).order_by(Seal.id)
    return [seal for seal in rows if seal.until < local_day(now, seal.branch_id)]


def erase_run_out(actor, files):
    """Erase the records whose period has run out, each in a transaction of its own. Returns how many."""
    done = 0
    for seal in run_out(actor.now):
        model = registry().models.get(seal.record)
        row = model.get_or_none(model.id == seal.row_id) if model else None
        if row is not None:
            with transaction(), door():
                erase(actor, row, files, say("法定保存期届满", "the legal period has run out"))
                audit.amend(actor, seal, {"erased_at": actor.now}, branch_id=seal.branch_id, verb=ERASED)
                changed("seals")
            done += 1
    return done


def _told(row, act, until=None, basis=None):
    told = {"record": row._meta.record, "row_id": row.id, "number": row.number, "branch_id": row.branch_id, "act": act}
    return told | ({"until": until.isoformat(), "basis": {"zh": basis.zh, "en": basis.en}} if until and basis else {})


def _keep(actor, kind, name, number, reason, outcome):
    values = {
        "person": actor.person_id,
        "branch_id": actor.person.branch_id if actor.person else 0,
        "kind": kind,
        "subject": f"{masked(plain(name))} {masked(plain(number))}",
        "reason": reason,
        "outcome": outcome,
        "at": actor.now,
    }
    return audit.keep(actor, PersonRequest, values, branch_id=values["branch_id"], verb=kind, reason=reason)
