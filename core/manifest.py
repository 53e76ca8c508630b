"""What a plugin declares: the manifest and its parts. Everything here is data; behaviour is in hooks."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Requirement:
    """Fields that a regulation asks for where it is on: on a transition (its event), or at once (on="create")."""

    on: str
    fields: tuple
    clause: str

    @property
    def id(self):
        return f"{self.on}:{'+'.join(self.fields)}"


@dataclass(frozen=True)
class Rule:
    """A judgement of a record inside the transaction: `judge(record, change)` returns Faults (or None) and fails closed.

    With `on` it is a guard of that transition only. `change` has .before (dict of old values), .event, .context.
    """

    judge: object
    clause: str
    on: str | None = None

    @property
    def id(self):
        return self.judge.__name__


@dataclass(frozen=True)
class Extension:
    """What a regulation adds to another plugin's record, where it is on: columns `<plugin>__<field>`, asks and rules.

    `states` and `transitions` are added to the workflow; each added state says as which base state it reads elsewhere.
    """

    record: str
    fields: dict = field(default_factory=dict)
    requires: tuple = ()
    rules: tuple = ()
    transitions: tuple = ()
    states: tuple = ()


@dataclass(frozen=True)
class Answer:
    """What is done when a limit's finding opens: `act(finding, actor)`, as the system, after the commit."""

    colour: str  # yellow or red
    act: object
    clauses: tuple

    @property
    def name(self):
        return self.act.__name__


@dataclass(frozen=True)
class Notice:
    """Whom a limit's finding is told, once each: capacities, or "involved_heads" (of other departments it names)."""

    colour: str
    to: str
    clauses: tuple

    @property
    def name(self):
        return f"{self.colour}_{self.to}"


@dataclass(frozen=True)
class Manifest:
    """A plugin's declaration. The folder's name is the plugin's name and the prefix of its permissions.

    `business` marks a plugin that is never chosen: it is on where something on needs it. Limits, duties, the regulation
    and migrations are read from limits.toml, duties.toml, regulation.toml and migrations/ in the folder.
    """

    title: str
    version: str = "1.0"
    en: str = ""
    depends: tuple = ()
    business: bool = False
    models: tuple = ()
    extensions: tuple = ()
    rules: dict = field(default_factory=dict)  # record name -> tuple of Rule, on the plugin's own records
    roles: tuple = ()
    checks: tuple = ()
    measures: tuple = ()
    follows: tuple = ()  # record types of which the hook record_changed is told
    answers: tuple = ()
    notices: tuple = ()
    screens: tuple = ()
