"""Showing personal data in the clear: never without a purpose, and never without a line in the trail."""

from datetime import timedelta

from core import audit
from core.database import transaction
from core.errors import Denied, Fault, Refused
from core.forms import form_of
from core.language import say
from core.records.shown import Showing, remember
from core.records.visibility import columns, may_see

LEAST, MOST = 2, 255  # characters of a purpose


def personal_of(model):
    """The personal columns of a record type by API name."""
    return {name: column for name, column in model.by_api_name().items() if column.personal}


def purposes_of(actor, record):
    """For what the personal values of a record that the actor may see are kept: {purpose: labels of the fields}."""
    found = {}
    for column in _showable(actor, record):
        found.setdefault(column.personal, []).append(column.label)
    return found


def purpose_in(text):
    """A purpose as typed, without blanks around it. Raises Refused where it says nothing."""
    text = " ".join((text or "").replace("\0", "").split())
    if not LEAST <= len(text) <= MOST:
        told = say(
            "查看个人信息须写明用途,{least} 至 {most} 个字",
            "say for what purpose the personal data is shown, in {least} to {most} characters",
            least=LEAST,
            most=MOST,
        )
        raise Refused(Fault("purpose", told, "required"))
    return text


def show(actor, rows, purpose, minutes=0):
    """Show the personal values of visible rows to the actor, for some minutes or this request only, and note it.

    A purpose that the plugin declares shows what is kept for it; any other shows all. Raises Refused without a purpose,
    Denied where there is nothing that the actor may see.
    """
    purpose, done = purpose_in(purpose), 0
    with transaction():
        for row in rows:
            shown = _showable(actor, row)
            shown = [column for column in shown if column.personal == purpose] or shown
            if shown:
                done += 1
                names = [column.name for column in shown]
                _keep(actor, row._meta.record, row.branch_id, names, purpose, row_id=row.id, minutes=minutes)
                remember(actor, row._meta.record, row.id, names)
    if not done:
        raise Denied(say("这里没有你可以查看的个人信息。", "There is no personal data here that you may see."))


def note_export(actor, model, names, count, purpose):
    """Note that so many rows were written out with these personal fields in the clear."""
    branch_id = actor.person.branch_id if actor.person else None
    _keep(actor, model._meta.record, branch_id or 0, names, purpose, count=count)


def _showable(actor, record):
    model, answers = type(record), record.extra or {}
    held = [(each, record.__data__.get(each.name)) for each in columns(model, record.branch_id, actor.now).values()]
    asked = form_of(record._meta.record, record.branch_id, record.form_version).questions
    held += [(question.column, answers.get(question.key)) for question in asked]
    return [
        column
        for column, value in held
        if column.personal and value not in (None, "") and may_see(actor, model, column, record.branch_id)
    ]


def _keep(actor, record, branch_id, names, purpose, *, row_id=0, count=1, minutes=0):
    values = {
        "person": actor.person_id,
        "who": actor.name,
        "branch_id": branch_id,
        "record": record,
        "row_id": row_id,
        "fields": list(names),
        "count": count,
        "purpose": purpose,
        "via": actor.via,
        "session_id": actor.session_id,
        "at": actor.now,
        "until": actor.now + timedelta(minutes=minutes),
    }
    audit.keep(actor, Showing, values, branch_id=branch_id, verb="show", reason=purpose)
