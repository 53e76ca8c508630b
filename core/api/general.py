"""The routes beside records: what there is for the person, who the person is, and what is measured."""

from flask import g, request

from core.api.answers import answer, listed
from core.api.entrance import PREFIX, blueprint
from core.api.problems import Malformed
from core.api.reading import branch_of
from core.errors import Fault, Refused
from core.language import say
from core.measures import measured, period_days
from core.organisation import organisation
from core.plugins import registry
from core.records.visibility import permission, visible_branches
from core.switches import require_on

GROUPINGS = ("person", "department")


@blueprint.get("/")
def index():
    """The record types that the person sees somewhere, with where and what the person may do."""
    seen = {model: visible_branches(g.actor, model) for model in registry().models.values()}
    return listed([_record_type(model, branches) for model, branches in seen.items() if branches or branches is None])


def _record_type(model, branches):
    tree = organisation()
    places = sorted(tree.by_code) if branches is None else sorted(tree.branches[place].code for place in branches)
    return {
        "name": model._meta.record,
        "label": str(model._meta.label),
        "plugin": model._meta.plugin,
        "url": f"{PREFIX}/{model._meta.record}",
        "branches": places,
        "may": [verb for verb in ("view", "create", "edit", "personal") if g.actor.may(permission(model, verb), None)],
    }


@blueprint.get("/me")
def me():
    """The person of the token, and the roles that the person holds where."""
    person, tree = g.actor.person, organisation()
    return answer(
        {
            "login": person.login,
            "name": person.name,
            "branch": tree.branches[person.branch_id].code,
            "department": _code(tree.departments.get(person.department_id)),
            "language": person.language or g.settings.language,
            "roles": [
                {
                    "role": role.name,
                    "branch": tree.branches[branch_id].code,
                    "department": _code(tree.departments.get(department_id)),
                }
                for role, branch_id, department_id in g.actor.grants
            ],
        }
    )


def _code(department):
    return department.code if department else None


@blueprint.get("/measures")
def measures():
    """What is measured in a branch and a period, the whole first, then by person or department where asked."""
    arguments, faults = request.args, []
    for argument in set(arguments) - {"branch", "period", "by", "name"}:
        faults.append(Fault(argument, say("没有这个参数", "there is no such argument"), "unknown"))
    by = arguments.get("by") or None
    if by not in (None, *GROUPINGS):
        faults.append(Fault("by", say("应为 person 或 department", "person or department is wanted"), "choice"))
    try:
        period_days(arguments.get("period", ""))
    except Refused as refused:
        faults += refused.faults
    if faults:
        raise Malformed(*faults)
    branch, name = branch_of(arguments.get("branch"), Malformed), arguments.get("name") or None
    for plugin, loaded in registry().plugins.items():
        if any(measure.name == name for measure in loaded.manifest.measures):
            require_on(plugin, branch.id, g.now)
    return listed(measured(g.actor, branch, arguments["period"], name, by))
