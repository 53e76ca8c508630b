"""Errors raised on purpose: each says where, what was found and what to do, and lists every fault at once."""

from dataclasses import dataclass

from core.language import say


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: the field (API name, "" for the whole) and a sentence for the person who can mend it.

    `code` is stable for programs: required, invalid, choice, future, order, duplicate, rule, denied ...
    """

    field: str
    message: str
    code: str = "invalid"

    def __str__(self):
        return f"{self.field}: {self.message}" if self.field else self.message


class ZhixingError(Exception):
    """Base of every error that the product raises on purpose. `status` is its HTTP status."""

    status = 400
    code = "error"

    def __init__(self, message):
        super().__init__(message)
        self.message = str(message)


class Refused(ZhixingError):
    """Input that breaks a rule. Nothing was written."""

    status = 422
    code = "refused"

    def __init__(self, *faults):
        self.faults = [fault if isinstance(fault, Fault) else Fault("", str(fault)) for fault in faults]
        super().__init__("; ".join(str(fault) for fault in self.faults))


class Denied(ZhixingError):
    """The actor lacks a permission or a capacity."""

    status = 403
    code = "denied"


class NotFound(ZhixingError):
    """There is no such thing, or the actor may not know that there is."""

    status = 404
    code = "not-found"


class SwitchedOff(ZhixingError):
    """The plugin is off in the branch."""

    status = 409
    code = "switched-off"


class Stale(ZhixingError):
    """Somebody else saved first. `theirs` is the stored record, `yours` the values that were not written."""

    status = 409
    code = "stale"

    def __init__(self, theirs, yours):
        super().__init__(
            say(
                "这条记录已被他人修改,你的内容没有丢失:请逐项比较两个版本后再保存。",
                "Somebody else changed this record meanwhile. Nothing of yours is lost: compare both and save again.",
            )
        )
        self.theirs, self.yours = theirs, yours


class StartError(ZhixingError):
    """The product cannot start. `faults` lists every reason (sentences in English, for authors and operators)."""

    def __init__(self, faults):
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


class WriteOutside(ZhixingError):
    """A record was written beside `core.records`, the one way in: a fault of the program, never of its user."""

    status = 500
    code = "write-outside"


class NoActor(ZhixingError):
    """A question about visible rows was asked without saying for whom: a fault of the program."""

    status = 500
    code = "no-actor"


class Unsealable(ZhixingError):
    """A personal value that cannot be read: its key is missing, or somebody has changed it in the database."""

    status = 500
    code = "unsealable"
