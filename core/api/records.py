"""The routes of records: list, make, read, change, take a step further, hand over."""

from flask import g, request

from core import records
from core.api.answers import answer, listed
from core.api.entrance import PREFIX, blueprint
from core.api.fitting import fitting
from core.api.lists import page
from core.api.problems import Malformed
from core.api.reading import body, branch_of, in_clear, model_of, revision, single, text
from core.errors import Fault, NotFound, Refused
from core.language import say
from core.organisation import organisation
from core.people import person_by_login
from core.records.visibility import is_id, load_refs, permission
from core.switches import require_on


@blueprint.get("/<record_type:record>")
def listing(record):
    """The records that the person sees, newest first, a page at a time."""
    return listed(*page(model_of(record), request.args))


@blueprint.post("/<record_type:record>")
def making(record):
    """A new record in the branch that the body names, else in the person's own."""
    model, data = model_of(record), body()
    branch = branch_of(text(data, "branch"))
    values = fitting(model, branch.id, {name: value for name, value in data.items() if name != "branch"})
    made = records.create(g.actor, model, values, branch=branch)
    address = f"{PREFIX}/{record}/{made.id}"
    return _one(found(model, made.id), 201, {"Location": address})


@blueprint.get("/<record_type:record>/<int:row_id>")
def reading(record, row_id):
    """One record; its revision is the ETag."""
    return _one(found(model_of(record), row_id))


@blueprint.patch("/<record_type:record>/<int:row_id>")
def changing(record, row_id):
    """Change fields of a record that is as If-Match says. `reason` tells why, where a moment is corrected."""
    model = model_of(record)
    row, data, seen = found(model, row_id), body(), revision(needed=True)
    is_field = "reason" in model.by_api_name()  # then it is both: what is kept, and why the rest was changed
    values = {name: value for name, value in data.items() if is_field or name != "reason"}
    values = fitting(model, row.branch_id, values)
    records.change(g.actor, row, values, revision=seen, reason=text(data, "reason"))
    return _one(found(model, row_id))


@blueprint.post("/<record_type:record>/<int:row_id>/transitions")
def stepping(record, row_id):
    """Take a record a step further: the event, what it asks for, and the reason where one is needed."""
    model = model_of(record)
    row, data, seen = found(model, row_id), body("event", "values", "reason"), revision()
    event, values = text(data, "event"), data.get("values") or {}
    if not event:
        raise Refused(Fault("event", say("请写明要办理的事项", "say which step to take"), "required"))
    if not isinstance(values, dict):
        raise Malformed(Fault("values", say("应为 JSON 对象", "a JSON object is wanted"), "type"))
    values = fitting(model, row.branch_id, values)
    records.transition(g.actor, row, event, values, revision=seen, reason=text(data, "reason"))
    return _one(found(model, row_id))


@blueprint.post("/<record_type:record>/<int:row_id>/hand-over")
def handing_over(record, row_id):
    """Hand a record to another branch, department or person. 204 where the person no longer sees it then."""
    model = model_of(record)
    row, data, seen = found(model, row_id), body("branch", "department", "owner", "reason"), revision()
    single(data)
    reason, target = text(data, "reason"), _target(row, data)
    records.hand_over(g.actor, row, **target, reason=reason, revision=seen)
    try:
        return _one(found(model, row_id))
    except NotFound:
        return "", 204


def found(model, row_id):
    """The record with this id. Raises NotFound, or SwitchedOff where the person would see it but for the plugin."""
    try:
        return records.find(g.actor, model, row_id)
    except NotFound:
        row = model.select(model.branch).where(model.id == row_id).get_or_none() if is_id(str(row_id)) else None
        if row is not None and g.actor.may(permission(model, "view"), row.branch_id):
            require_on(model._meta.plugin, row.branch_id, g.now)
        raise


def _one(row, status=200, headers=None):
    load_refs([row], type(row))
    in_clear([row])
    return answer(records.as_json(row, g.actor), status, {"ETag": f'"{row.revision}"', **(headers or {})})


def _target(row, data):
    """What a body names to hand over to, as records.hand_over takes it; every unknown name is told."""
    faults, target = [], {}
    branch_id, code, login = row.branch_id, text(data, "department"), text(data, "owner")
    if text(data, "branch"):
        target["branch"] = branch_of(text(data, "branch"))
        branch_id = target["branch"].id
    if code:
        above = reversed(organisation().path(branch_id))
        known = [each for level in above for each in organisation().departments_of(level) if each.code == code]
        target["department"] = known[0] if known else None
        if not known:
            message = say("该机构没有部门“{code}”", 'that branch has no department "{code}"', code=code)
            faults.append(Fault("department", message, "choice"))
    if login:
        try:
            target["owner"] = person_by_login(login)
        except NotFound as unknown:
            faults.append(Fault("owner", unknown.message, "choice"))
    if not target and not faults:
        message = say("请写明移交给谁", "say to which branch, department or owner")
        faults.append(Fault("owner", message, "required"))
    if faults:
        raise Refused(*faults)
    return target
