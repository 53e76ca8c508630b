"""What a year's calendar would move before it is published: the open clocks whose due moment changes."""

from core.business_calendar import faults_of, trial
from core.clocks import OPEN, Clock, ClockEvent, clocks_of
from core.errors import Refused
from core.limits import families_of
from core.organisation import organisation
from core.plugins import registry
from core.switches import local_day

CHUNK = 500


def moved(branch, year, content, now):
    """What publishing would move in the branch (None: the group) and below it: [(Clock, Due moment, day)], by old due.

    Worked out by the function that then does it. Nothing is written. Raises Refused where the content is wrong.
    """
    faults = faults_of(year, content)
    if faults:
        raise Refused(*faults)
    found = []
    for branch_id in sorted(organisation().subtree(branch.id) if branch else organisation().branches):
        calendar = trial(branch_id, branch, year, content)
        for name in sorted({limit["record"] for plugin in registry().plugins.values() for limit in plugin.limits}):
            if name in registry().models:
                found += _moved_here(branch_id, registry().models[name], calendar, now)
    return sorted(found, key=lambda item: (item[0].due_at, item[0].id))


def _moved_here(branch_id, model, calendar, now):
    name, last = model._meta.record, 0
    while True:
        query = Clock.select().where(Clock.record == name, Clock.branch_id == branch_id, Clock.state.in_(OPEN))
        clocks = list(query.where(Clock.id > last).order_by(Clock.id).limit(CHUNK))
        if not clocks:
            return
        last = clocks[-1].id
        ids = sorted({clock.record_id for clock in clocks})
        records = {record.id: record for record in model.select().where(model.id.in_(ids))}
        events = {}
        for event in ClockEvent.select().where(ClockEvent.record == name, ClockEvent.record_id.in_(ids)):
            events.setdefault(event.record_id, []).append(event)
        readings = {
            record_id: clocks_of(record, _families(record, now), calendar, events.get(record_id, ()))
            for record_id, record in records.items()
        }
        for clock in clocks:
            reading = readings.get(clock.record_id, {}).get((clock.start, clock.stop))
            if reading is not None and reading.due_at != clock.due_at:
                yield clock, reading.due_at, reading.due_on


def _families(record, now):
    day = local_day(record.happened_at, record.branch_id)
    return families_of(record._meta.record, record.branch_id, day, now)
