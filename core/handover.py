"""Leaving and handing over: whoever is deactivated leaves no open work behind; one piece or all of it can be reassigned."""

from dataclasses import dataclass

import peewee

from core import notices, records
from core.access import Actor
from core.accounts import require_control
from core.audit import amend
from core.database import transaction
from core.errors import Denied, Fault, Refused
from core.language import say
from core.organisation import organisation
from core.people import end_links, end_sessions, end_tokens
from core.plugins import registry
from core.records.visibility import permission, visible_to

CHUNK = 50  # records handed over in one transaction: well below the 200 ms that one may last


@dataclass
class _Decided(Actor):
    """Carries out what an administrator decided, under their name: the decision was asked for, each record is not."""

    @property
    def is_system(self):
        return True


def _deciding(actor):
    return actor if actor.is_system else _Decided(actor.person, actor.via, actor.now, actor.name)


def open_work(person, now):
    """What is open of a person wherever its plugin is on: {record name: query}."""
    everyone = Actor(None, "system", now)
    return {
        name: visible_to(everyone, model).where(model.owner == person.id, model.state.not_in(final_states(model)))
        for name, model in registry().models.items()
    }


def final_states(model):
    """The names of the states in which a record of this type is finished, those that regulations add included."""
    added = [state for _, extension in registry().extensions.get(model._meta.record, ()) for state in extension.states]
    return [state.name for state in (*model._meta.workflow.states.values(), *added) if state.final]


def counts(person, now):
    """How much is open of a person: {(record name, branch id): number}; empty where there is nothing."""
    found = {}
    for name, query in open_work(person, now).items():
        model = registry().models[name]
        rows = query.select(model.branch, peewee.fn.COUNT(model.id)).group_by(model.branch).tuples()
        found.update({(name, branch_id): number for branch_id, number in rows})
    return found


def deactivate(actor, person, successor=None, reason=""):
    """Deactivate somebody: open work goes to the successor, sessions, links and tokens end. Returns how many records.

    Grants stay on file; whoever is inactive acts nowhere. Raises Denied, or Refused where open work has no successor.
    """
    require_control(actor, person)
    found = counts(person, actor.now)
    faults = []
    if actor.person_id == person.id:
        faults.append(Fault("person", say("不能停用自己", "nobody deactivates themselves")))
    if not person.is_active:
        faults.append(Fault("person", say("此人已经停用", "this person is deactivated already")))
    if not reason.strip():
        faults.append(Fault("reason", say("请写明原因", "a reason is needed"), "required"))
    if found and successor is None:
        faults.append(
            Fault(
                "successor",
                say(
                    "此人名下还有 {count} 件未办结的工作,请选择接手人",
                    "{count} pieces of work are open: say who takes them over",
                    count=sum(found.values()),
                ),
                "required",
            )
        )
    if faults:
        raise Refused(*faults)
    moved = 0
    if found:
        _judge_taker(actor, person, successor, found)
        moved = _hand_over_all(actor, person, successor, reason)
    with transaction():
        if found:
            moved += _hand_over_all(actor, person, successor, reason)  # what came in meanwhile
        amend(actor, person, {"is_active": False}, branch_id=person.branch_id, verb="deactivate", reason=reason)
        end_sessions(person, actor.now)
        end_tokens(person, actor.now)
        end_links(person, actor.now)
        _tell(successor, person, moved, actor.now)
    return moved


def reactivate(actor, person, reason=""):
    """Let somebody act again, with the roles still on file; they sign in by a new one-time link or their password."""
    require_control(actor, person)
    if not reason.strip():
        raise Refused(Fault("reason", say("请写明原因", "a reason is needed"), "required"))
    amend(actor, person, {"is_active": True}, branch_id=person.branch_id, verb="reactivate", reason=reason)


def reassign(actor, person, taker, reason, records_=None):
    """Hand all open work of a person, or the given records of theirs, to somebody else. Returns how many records."""
    found = counts(person, actor.now)
    if records_ is not None:
        found = {(record._meta.record, record.branch_id): 1 for record in records_}
    faults = []
    if not reason.strip():
        faults.append(Fault("reason", say("移交须写明原因", "handing over needs a reason"), "required"))
    if taker is None:
        faults.append(Fault("successor", say("请选择接手人", "say who takes it over"), "required"))
    if not found:
        faults.append(Fault("person", say("没有未办结的工作", "there is no open work")))
    if faults:
        raise Refused(*faults)
    _judge_taker(actor, person, taker, found)
    if records_ is None:
        moved = _hand_over_all(actor, person, taker, reason)
    else:
        with transaction():
            moved = _hand_over(actor, records_, taker, reason)
    _tell(taker, person, moved, actor.now)
    return moved


def _judge_taker(actor, person, taker, found):
    """The actor may decide in every branch concerned, and the taker may see what they are to do."""
    branches, tree = {branch_id for _, branch_id in found}, organisation().branches
    beyond = [
        branch_id
        for branch_id in sorted(branches)
        if not actor.may("core.person.edit", branch_id) and not actor.may("core.person.lock", branch_id)
    ]
    if beyond:
        raise Denied(
            say(
                "有工作在你不管理的机构:{branches}。请由上级机构办理移交。",
                "Some of the work lies in branches that are not yours: {branches}. The branch above must hand it over.",
                branches="、".join(tree[branch_id].name for branch_id in beyond),
            )
        )
    faults = []
    if taker.id == person.id:
        faults.append(Fault("successor", say("接手人不能是本人", "somebody else must take it over")))
    if not taker.is_active:
        faults.append(Fault("successor", say("此人已停用", "this person is deactivated")))
    acting = Actor(taker, "web", actor.now)
    unseen = [
        f"{registry().models[name]._meta.label}({tree[branch_id].name})"
        for name, branch_id in sorted(found)
        if not acting.may(permission(registry().models[name], "view"), branch_id)
    ]
    if unseen and taker.is_active:
        faults.append(
            Fault(
                "successor",
                say(
                    "{name}无权查看:{what}。请先授予角色,或另选接手人",
                    "{name} may not see {what}: grant a role first, or choose somebody else",
                    name=taker.name,
                    what="、".join(unseen),
                ),
            )
        )
    if faults:
        raise Refused(*faults)


def _hand_over_all(actor, person, taker, reason):
    moved = 0
    for name, query in open_work(person, actor.now).items():
        model, last, size = registry().models[name], 0, CHUNK
        while size == CHUNK:
            with transaction():
                rows = list(query.where(model.id > last).order_by(model.id).limit(CHUNK))
                _hand_over(actor, rows, taker, reason)
            size, last = len(rows), rows[-1].id if rows else last
            moved += size
    return moved


def _hand_over(actor, rows, taker, reason):
    deciding = _deciding(actor)
    for row in rows:
        records.hand_over(deciding, row, owner=taker, reason=reason)
    return len(rows)


def _tell(taker, person, moved, now):
    if taker is not None and moved:
        notices.tell(
            [taker],
            now,
            occasion=f"handover:{person.id}:{now.isoformat()}",
            branch_id=taker.branch_id,
            zh=f"{person.name} 的 {moved} 件未办结工作已移交给你,时限照旧",
            en=f"{moved} open pieces of work of {person.name} are yours now; their limits run on",
        )
