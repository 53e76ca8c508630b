"""A random group: a tree of branches, people, grants and switches, rows in every branch, and an oracle that says who sees what.

The oracle reads the plan that the world was made from, and nothing of the core's access, switches or visibility.
"""

import fnmatch
import random
from dataclasses import dataclass, field

from core import access, switches
from core.access import ROLES
from core.organisation import add_branch
from core.people import add_person
from core.plugins import registry
from core.testing import branch, console
from tests.house.conftest import NOW, SERVED, fill, regulations

SHIPPED = (
    "staff",
    "department_head",
    "management",
    "system_admin",
    "security_admin",
    "audit_admin",
    "looker",
    "worker",
    "worker",
    "looker",
)


@dataclass
class World:
    """What was planned: parents by code, grants as {login: [(role, code)]}, choices as {(plugin, code): on}, rows."""

    parents: dict
    grants: dict
    choices: dict
    rows: dict = field(default_factory=dict)

    def path(self, code):
        """The codes from a branch up to the root."""
        return [code, *self.path(self.parents[code])] if code else []

    def is_on(self, plugin, code):
        """Whether a plugin is on: the nearest choice decides; one that nobody chooses is on where something on needs it."""
        if not registry().plugins[plugin].manifest.business:
            chosen = [self.choices[plugin, each] for each in self.path(code) if (plugin, each) in self.choices]
            if chosen and chosen[0]:
                return True
        others = registry().plugins.items()
        return any(plugin in other.manifest.depends and self.is_on(name, code) for name, other in others)

    def holds(self, login, permission, code):
        """Whether a person holds a permission in a branch, by grants there or above."""
        held = [role for role, at in self.grants[login] if at in self.path(code)]
        return any(fnmatch.fnmatchcase(permission, pattern) for role in held for pattern in ROLES[role].permissions)

    def may(self, login, model, verb, code):
        """Whether a person may do something to records of a type in a branch: held there, and the plugin is on."""
        plugin = model._meta.plugin
        return self.holds(login, f"{plugin}.{model._meta.record}.{verb}", code) and self.is_on(plugin, code)

    def archived(self, login, model, code):
        """Whether a person finds a record in the archive: the plugin is off there, and its archive is open to them."""
        plugin = model._meta.plugin
        return self.holds(login, f"{plugin}.archive.view", code) and not self.is_on(plugin, code)

    def open_branches(self, login):
        """The branches that a person may look at: those of the grants, and below."""
        granted = {at for _, at in self.grants[login]}
        return sorted(code for code in self.parents if granted & set(self.path(code)))


def make_world(seed, person, settings):
    """A World from a seed. `person` attaches the files."""
    chance = random.Random(seed)
    parents = {"HQ": None, "TJ": "HQ", "BJ": "HQ", "GZ": "HQ"}
    for n in range(4):
        parent = chance.choice([code for code in parents if code != "HQ"])
        add_branch(console(), f"U{n}", f"机构{n}", branch(parent))
        parents[f"U{n}"] = parent
    choices = {(name, code): True for name in regulations() for code in SERVED}
    grants = {}
    for n in range(12):
        login, home = f"person{n}", chance.choice(sorted(parents))
        made = add_person(console(), login, f"人员{n}", branch(home))
        planned = {(chance.choice(SHIPPED), chance.choice(sorted(parents))) for _ in range(chance.randint(1, 2))}
        admins = [each for each in planned if each[0] in access.ADMINISTRATIONS]
        grants[login] = [each for each in planned if each not in admins[1:]]
        for role, at in grants[login]:
            access.grant(console(), made, role, branch(at))
    rows = fill(sorted(parents), person, settings, each=1)
    for plugin in regulations():
        for code in chance.sample(sorted(set(parents) - {"HQ"}), 4):
            value = chance.random() < 0.6
            switches.switch(console(NOW), plugin, branch(code), "on" if value else "off", reason="随机")
            choices[plugin, code] = value
    return World(parents, grants, choices, rows)
