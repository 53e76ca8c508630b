"""Records: the one way in, the one way out, and the base class of every record type."""

from core.records.handing import hand_over
from core.records.model import Keep, Record
from core.records.visibility import as_json, find, visible_to
from core.records.writing import change, change_many, create, create_many, transition
from core.workflow import State, Transition, Workflow

__all__ = [
    "Keep",
    "Record",
    "State",
    "Transition",
    "Workflow",
    "as_json",
    "change",
    "change_many",
    "create",
    "create_many",
    "find",
    "hand_over",
    "transition",
    "visible_to",
]
