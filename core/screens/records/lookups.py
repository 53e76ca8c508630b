"""Finding what a form refers to: people of the branch, departments, records and clocks, by what somebody types.

What a person types or picks begins with the key (login, code, number), so that it reads well and is found again.
"""

from core.clocks import OPEN, Clock
from core.errors import NotFound
from core.language import say
from core.limits import shipped
from core.organisation import Department, organisation
from core.people import Person
from core.plugins import registry
from core.records.model import Record
from core.records.visibility import find, is_id, visible_to
from core.screens.records.cells import by_name, sees, title_of
from core.screens.records.searching import search

MOST = 20


def people_of(branch_id):
    """A query of the active people of a branch and of those above it."""
    return Person.select().where(Person.branch.in_(organisation().path(branch_id)), Person.is_active)


def departments_of(branch_id):
    """The departments that a record of the branch may name, the nearest of each code: [Department]."""
    found = {}
    for above in reversed(organisation().path(branch_id)):
        for department in organisation().departments_of(above):
            found.setdefault(department.code, department)
    return list(found.values())


def person_text(person):
    """A person as an input shows them."""
    return f"{person.login} {person.name}"


def clock_text(clock):
    """A clock as an input shows it; its record was loaded."""
    about, limit = clock.__dict__.get("_about"), shipped().get(f"{clock.plugin}.{clock.limit}")
    return f"#{clock.id} {about.number if about else ''} {limit.label if limit else clock.limit}"


def options(actor, target, branch_id, text):
    """What a text may mean: [(value, label)], at most MOST."""
    if target is Person:
        query = people_of(branch_id).order_by(Person.login).limit(MOST)
        if text:
            query = query.where(Person.login.contains(text) | Person.name.contains(text))
        departments = organisation().departments
        return [
            (person_text(p), str(departments[p.department_id]) if p.department_id in departments else "") for p in query
        ]
    if target is Department:
        known = [(department.code, department.name) for department in departments_of(branch_id)]
        return [(code, name) for code, name in known if text in f"{code} {name}"][:MOST]
    if target is Clock:
        return [(clock_text(clock), "") for clock in _late_clocks(actor, branch_id, text)]
    if target is None:
        rows = _by_number(actor, text)
        return [(f"{row._meta.record}:{row.id} {title_of(row, actor)}", str(row._meta.label)) for row in rows]
    if not issubclass(target, Record):
        return []  # the core's own rows (findings) are named by the core, not looked up
    rows = search(_nameable(actor, target, branch_id), target, actor, text)
    rows = rows.order_by(target.id.desc()).limit(MOST)
    return [(title_of(row, actor), organisation().branches[row.branch_id].name) for row in rows]


def _nameable(actor, target, branch_id):
    """The visible records that one of the branch may refer to: of the branch itself and of those above it."""
    return visible_to(actor, target).where(target.branch.in_(organisation().path(branch_id)))


def _late_clocks(actor, branch_id, text):
    late = Clock.state.in_(("red", "late")) | (Clock.state.in_(OPEN) & (Clock.due_at < actor.now))
    clocks = list(Clock.select().where(Clock.branch_id == branch_id, late).order_by(Clock.id.desc()).limit(10 * MOST))
    records = by_name({(clock.record, clock.record_id) for clock in clocks})
    for clock in clocks:
        clock._about = records.get((clock.record, clock.record_id))
    seen = [clock for clock in clocks if clock._about is not None and sees(actor, clock._about)]
    return [clock for clock in seen if text in clock_text(clock)][:MOST]


def _by_number(actor, text):
    models = [model for model in registry().models.values() if text and text.upper().startswith(model._meta.prefix)]
    return [
        row
        for model in models
        for row in visible_to(actor, model).where(model.number.startswith(text)).order_by(model.id.desc()).limit(MOST)
    ][:MOST]


def resolve(actor, column, branch_id, text):
    """The value to hand to `core.records` for what was typed. Raises ValueError where it names several or nothing."""
    if column.kind == "softref":
        return _soft(actor, text)
    target, key = column.rel_model, text.split()[0]
    if target is Department:
        return text
    if target is Person:
        return login_of(branch_id, text)
    if not issubclass(target, Record):
        return int(key.lstrip("#")) if is_id(key.lstrip("#")) else text
    for attempt in dict.fromkeys((text, key)):
        try:
            return find(actor, target, attempt).id
        except NotFound:
            continue
    return _by_title(actor, target, branch_id, text)


def login_of(branch_id, text):
    """The login of whom a text names: by login, or by a name that is unique in the branch. Raises ValueError."""
    key = text.split()[0]
    if Person.select().where(Person.login == key).exists():
        return key
    named = list(people_of(branch_id).where(Person.name == text).limit(2))
    if len(named) == 1:
        return named[0].login
    raise ValueError(_several(text) if named else _nobody(text))


def _by_title(actor, target, branch_id, text):
    name = target._meta.title_field
    if name != "number":
        query = search(_nameable(actor, target, branch_id), target, actor, text)
        found = list(query.where(target._meta.fields[name] == text).limit(2))
        if len(found) == 1:
            return found[0].id
        if found:
            raise ValueError(_several(text))
    raise ValueError(
        say(
            "没有找到“{text}”,请从列表中选择{label}",
            'nothing found for "{text}": choose a {label} from the list',
            text=text,
            label=target._meta.label,
        )
    )


def _soft(actor, text):
    name, _, key = text.split()[0].partition(":")
    model = registry().models.get(name)
    if model is not None:
        try:
            return find(actor, model, key).soft_id()
        except NotFound as error:
            raise ValueError(error.message) from error
    found = [row for row in _by_number(actor, text.split()[0]) if row.number == text.split()[0]]
    if len(found) == 1:
        return found[0].soft_id()
    raise ValueError(say("没有找到“{text}”,请填编号", 'nothing found for "{text}": write its number', text=text))


def _several(text):
    return say("“{text}”不止一个,请从列表中选择", 'there are several "{text}": choose one from the list', text=text)


def _nobody(text):
    return say(
        "没有在职人员“{text}”,请从列表中选择", 'nobody active is called "{text}": choose from the list', text=text
    )
