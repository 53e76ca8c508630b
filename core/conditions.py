"""Conditions on a record, as limits and questions state them: `class is complex and channel is not phone`."""

from dataclasses import dataclass
from functools import lru_cache

from core.errors import Fault, Refused
from core.language import say


@dataclass(frozen=True)
class Condition:
    """Parts that must all hold: (field, is_wanted, values). A field without a value is "empty"."""

    parts: tuple = ()

    @staticmethod
    @lru_cache(maxsize=1000)
    def parse(text):
        """Read `FIELD is VALUE`, `FIELD is not VALUE`, `FIELD is A or B`, joined by `and`. Raises Refused."""
        parts = []
        for part in filter(None, (text or "").split(" and ")):
            name, found, rest = part.strip().partition(" is ")
            wanted = not rest.startswith("not ")
            values = tuple(value.strip() for value in rest.removeprefix("not ").split(" or "))
            if not found or not name.replace("_", "").isalnum() or not all(map(_is_word, values)):
                raise Refused(
                    Fault(
                        "",
                        say(
                            "条件“{text}”无法理解,请写成 class is complex 或 channel is not phone",
                            'the condition "{text}" is not understood: write class is complex, or channel is not phone',
                            text=text,
                        ),
                    )
                )
            parts.append((name.strip(), wanted, values))
        return Condition(tuple(parts))

    @property
    def fields(self):
        """The fields that it speaks of."""
        return tuple(name for name, _, _ in self.parts)

    def asks(self, names):
        """Whether it speaks of one of these columns; of "extra" where it speaks of a question."""
        moved = {name.rstrip("_") for name in names}
        return any(name in moved or (name.startswith("x_") and "extra" in moved) for name in self.fields)

    def holds(self, values):
        """Whether it holds for a mapping by field name."""
        return all((_word(values.get(name)) in wanted_values) == wanted for name, wanted, wanted_values in self.parts)

    def is_open(self, values):
        """Whether it cannot be told yet: a field that it speaks of has no value."""
        return any(_word(values.get(name)) == "empty" for name, _, wanted in self.parts if "empty" not in wanted)


def _is_word(text):
    return bool(text) and not any(character.isspace() for character in text) and text not in ("is", "not", "or", "and")


def _word(value):
    if value is None or value == "":
        return "empty"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
