"""States of a record and the transitions between them: who may, what must be filled, what is stamped, which clause."""

from dataclasses import dataclass

from core.language import Words


def _tuple(value):
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


class State:
    """A state. `tone` colours its tag: grey, blue, green, yellow or red. A void one ends a mistake or a duplicate."""

    def __init__(self, name, label, *, initial=False, final=False, void=False, tone=None, reads_as=None):
        self.name, self.label = name, label if isinstance(label, Words) else Words(label, name=name)
        self.initial, self.final, self.void = initial, final or void, void
        self.tone = tone or ("grey" if self.final else "blue")
        self.reads_as = reads_as

    def __repr__(self):
        return f"State({self.name!r})"


@dataclass(frozen=True)
class Transition:
    """A step from one of `source` (state names) to `target` (None: the state stays).

    `by` are capacities, any of which may do it. `requires` are fields that must be filled, `asks` fields that may be,
    `stamps` fields that get the moment at which it happened, `signs` one that gets the person who did it, `counts` one
    that goes up by one. `danger` asks for a confirmation.
    """

    event: str
    source: tuple
    target: str | None
    by: tuple
    label: Words
    requires: tuple = ()
    asks: tuple = ()
    stamps: tuple = ()
    signs: str = ""
    counts: str = ""
    clauses: tuple = ()
    danger: bool = False
    plugin: str = ""

    def __init__(
        self,
        event,
        source,
        target,
        label=None,
        *,
        by,
        requires=(),
        asks=(),
        stamps=(),
        signs="",
        counts="",
        clause=(),
        danger=False,
    ):
        for name, value in {
            "event": event,
            "source": _tuple(source),
            "target": target,
            "by": _tuple(by),
            "label": label if isinstance(label, Words) else Words(label or event, name=event),
            "requires": _tuple(requires),
            "asks": _tuple(asks),
            "stamps": _tuple(stamps),
            "signs": signs,
            "counts": counts,
            "clauses": _tuple(clause),
            "danger": danger,
            "plugin": "",
        }.items():
            object.__setattr__(self, name, value)

    def faults(self, where, states, known):
        """The states and fields that the step names and that there are not, as sentences for its author."""
        found = [
            f"{where}: transition {self.event} names the state {state!r}, which there is not. States: {', '.join(states)}."
            for state in (*self.source, *([self.target] if self.target else []))
            if state not in states
        ]
        named = (*self.requires, *self.asks, *self.stamps, *filter(None, (self.signs, self.counts)))
        found += [
            f"{where}: transition {self.event} names the field {name!r}, which there is not."
            for name in named
            if name not in known
        ]
        return found

    def with_requirements(self, fields, clauses=()):
        """The same step asking for more: how a regulation adds to it."""
        return _copy(self, requires=tuple(dict.fromkeys((*self.requires, *fields))), clauses=(*self.clauses, *clauses))


def _copy(transition, **changes):
    copy = object.__new__(Transition)
    for name in transition.__dataclass_fields__:
        object.__setattr__(copy, name, changes.get(name, getattr(transition, name)))
    return copy


class Workflow:
    """The states and transitions of a record type."""

    def __init__(self, *parts):
        self.states = {part.name: part for part in parts if isinstance(part, State)}
        self.transitions = {part.event: part for part in parts if isinstance(part, Transition)}
        self.initial = next((state.name for state in self.states.values() if state.initial), None)

    def faults(self, name, known):
        """What is wrong with the declaration, as sentences for its author; `known` are the record's fields by API name."""
        found = []
        if self.initial is None:
            found.append(
                f"{name}: no state is initial. Write State(..., initial=True) for the one that a new record has."
            )
        for step in self.transitions.values():
            found += step.faults(name, self.states, known)
        return found

    def without(self, events):
        """The workflow without some transitions: for proving that their clauses' tests notice."""
        return Workflow(
            *self.states.values(), *(step for step in self.transitions.values() if step.event not in events)
        )

    def extension_faults(self, where, extension, known):
        """What is wrong with an Extension of this workflow, as sentences; `known` are the record's fields by API name."""
        merged = self.with_extensions([("", extension)])
        found = [
            f"{where}: state {state.name} does not say as which base state it reads where the regulation is off. "
            f"Write reads_as= one of: {', '.join(self.states)}."
            for state in extension.states
            if state.reads_as not in self.states
        ]
        for asked in extension.requires:
            if asked.on != "create" and asked.on not in merged.transitions:
                found.append(
                    f"{where}: a requirement waits for {asked.on!r}, which there is not. "
                    f"Events: create, {', '.join(merged.transitions)}."
                )
            found += [
                f"{where}: a requirement names the field {n!r}, which there is not."
                for n in asked.fields
                if n not in known
            ]
        for step in extension.transitions:
            found += step.faults(where, merged.states, known)
        for rule in extension.rules:
            if rule.on is not None and rule.on not in merged.transitions:
                found.append(f"{where}: rule {rule.id} waits for {rule.on!r}, which there is not.")
        return found

    def after(self, state):
        """The transitions that lead on from a state, in the order of their declaration."""
        return [step for step in self.transitions.values() if state in step.source]

    def with_extensions(self, extensions):
        """The workflow with what the (plugin, Extension) pairs add: requirements, states and transitions."""
        if not extensions:
            return self
        merged = Workflow(*self.states.values(), *self.transitions.values())
        for _, extension in extensions:
            merged.states.update({state.name: state for state in extension.states})
            merged.transitions.update({step.event: step for step in extension.transitions})
            for asked in extension.requires:
                if asked.on in merged.transitions:
                    step = merged.transitions[asked.on]
                    merged.transitions[asked.on] = step.with_requirements(asked.fields, (asked.clause,))
        return merged
