"""The plugin of the crash drill, installed as any other: writes down, outside and inside the database, what it is told."""

import json
import os
import random
import time

from core import Manifest, audit, hookimpl


@hookimpl
def plugin_manifest():
    return Manifest(title="记录员", en="Recorder", depends=("timeliness",), follows=("warning",))


@hookimpl
def record_changed(record, event, actor):
    _write(actor, record.branch_id)


@hookimpl
def finding_opened(finding, actor):
    _write(actor, finding.branch_id)


def _write(actor, branch_id):
    """A line outside, as a message sent to another system is, and an entry of the trail inside."""
    told = actor.delivery
    audit.note(actor, "recorded", "outbox", told.id, branch_id, {"again": [None, told.again]})
    line = json.dumps({"id": told.id, "again": told.again, "by": [os.getpid(), os.getppid()]}) + "\n"
    place = os.open(os.environ["RECORDED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(place, line.encode())
    os.close(place)
    if random.random() < 0.1:
        time.sleep(random.random() / 20)  # now and then the other system takes its time to answer
