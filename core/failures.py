"""Telling of an error without what it was about: its kind and its place, never the text of a driver or of a plugin.

That text may hold anybody's data ("Key (phone)=(139...) already exists"), and logs, ledgers and pages are read by people
who may not see it. Whatever keeps or shows an error goes through here.
"""

import traceback
from pathlib import Path

import peewee

from core.errors import Refused, ZhixingError

OTHERS = "site-packages"  # where the code of others lies
LONGEST = 2000


def cause_of(error):
    """One line: "IntegrityError (23505 person_login) at core/people.py:90 in add_person". Our own errors keep their words."""
    return " ".join(f"{type(error).__name__}{_words(error)}".split())[:LONGEST]


def trace_of(error):
    """The places that an error passed through, outermost first, and so for each error that it came from."""
    lines = [f"{type(error).__name__}{_words(error)}"]
    lines += [f"  {_place(frame)}" for frame in traceback.extract_tb(error.__traceback__)]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join([*([trace_of(before), "which led to"] if before is not None else []), *lines])


def _words(error):
    if isinstance(error, Refused):  # what is said of a field may repeat what was typed into it
        return ": " + "; ".join(
            f"{fault.field} ({fault.code})" if fault.field else fault.message for fault in error.faults
        )
    if isinstance(error, ZhixingError):
        return f": {error.message}"
    if isinstance(error, OSError):
        return f": {error.strerror}" if error.strerror else ""
    if isinstance(error, peewee.OperationalError):  # the database's own trouble: locked, full, gone
        return f": {str(error).strip().splitlines()[0]}" if str(error).strip() else ""
    codes = _codes(error.__cause__ or error.__context__) if isinstance(error, peewee.PeeweeException) else ""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if OTHERS not in frame.filename] or frames
    return f"{codes} at {_place(ours[-1])}" if ours else codes


def _codes(driver):
    diagnosis = getattr(driver, "diag", None)
    known = (getattr(driver, "sqlstate", None), getattr(driver, "sqlite_errorname", None),
             getattr(diagnosis, "constraint_name", None))  # fmt: skip
    told = " ".join(code for code in known if code)
    return f" ({told})" if told else ""


def _place(frame):
    return f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} in {frame.name}"
