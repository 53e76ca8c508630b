"""Branches, as a tree, and their departments. Both close by date; a branch's successor sees and finishes its work."""

from zoneinfo import ZoneInfo

import peewee

from core.audit import amend, keep
from core.database import Cache, Kept, changed, transaction
from core.errors import Fault, NotFound, Refused
from core.language import Words, say

FUNCTIONS = {
    "sales": Words("销售", "Sales"),
    "customer_service": Words("客服", "Customer service"),
    "claims": Words("理赔", "Claims"),
    "underwriting": Words("核保", "Underwriting"),
    "back_office": Words("后台支持", "Back office"),
    "finance": Words("财务", "Finance"),
    "management": Words("管理层", "Management"),
    "other": Words("其他", "Other"),
}


class Branch(Kept):
    """A branch of the group. The one without a parent is head office."""

    code = peewee.CharField(max_length=32, unique=True)
    name = peewee.CharField(max_length=120)
    parent = peewee.ForeignKeyField("self", null=True, backref="children", on_delete="RESTRICT")
    timezone = peewee.CharField(max_length=64, default="")  # empty: the installation's
    closed_on = peewee.DateField(null=True)
    successor = peewee.ForeignKeyField("self", null=True, backref="+", on_delete="RESTRICT")

    def __str__(self):
        return self.name


class Department(Kept):
    """A department of a branch; its function decides in what capacity its people act."""

    branch = peewee.ForeignKeyField(Branch, backref="departments", on_delete="RESTRICT")
    code = peewee.CharField(max_length=32)
    name = peewee.CharField(max_length=120)
    function = peewee.CharField(max_length=32, default="other")
    closed_on = peewee.DateField(null=True)

    class Meta:
        indexes = ((("branch", "code"), True),)

    def __str__(self):
        return self.name


class Organisation:
    """All branches and departments, as read at one version. Read-only."""

    def __init__(self):
        self.branches = {branch.id: branch for branch in Branch.select()}
        self.by_code = {branch.code: branch for branch in self.branches.values()}
        self.departments = {department.id: department for department in Department.select()}
        self._children = {}
        for branch in self.branches.values():
            self._children.setdefault(branch.parent_id, []).append(branch.id)
        self.root_id = next(iter(self._children.get(None, ())), None)  # head office
        self._paths, self._subtrees = {}, {}
        for branch_id in self.branches:
            self.path(branch_id)

    def path(self, branch_id):
        """The ids from the root down to the branch."""
        if branch_id not in self._paths:
            parent = self.branches[branch_id].parent_id
            self._paths[branch_id] = (*(self.path(parent) if parent else ()), branch_id)
        return self._paths[branch_id]

    def subtree(self, branch_id):
        """The ids of the branch and of all below it, and of the branches that they succeeded."""
        if branch_id not in self._subtrees:
            found, waiting = set(), [branch_id]
            while waiting:
                current = waiting.pop()
                if current not in found:
                    found.add(current)
                    waiting += self._children.get(current, ())
                    waiting += [b.id for b in self.branches.values() if b.successor_id == current]
            self._subtrees[branch_id] = frozenset(found)
        return self._subtrees[branch_id]

    def departments_of(self, branch_id):
        """The branch's own departments, in the order of their codes."""
        return sorted((d for d in self.departments.values() if d.branch_id == branch_id), key=lambda d: d.code)

    def ordered(self):
        """All branches, each before those below it: [(depth, branch)]."""
        listed = []

        def walk(branch_id, depth):
            for child in sorted(self._children.get(branch_id, ()), key=lambda i: self.branches[i].code):
                listed.append((depth, self.branches[child]))
                walk(child, depth + 1)

        walk(None, 0)
        return listed


def closed_faults(unit, day, field):
    """The faults of entering new work for a branch or department that has closed by `day`."""
    if unit.closed_on is None or day < unit.closed_on:
        return []
    successor = getattr(unit, "successor_id", None)
    told = say("“{name}”已于 {day} 撤并", "{name} closed on {day}", name=unit.name, day=unit.closed_on)
    if successor:
        name = organisation().branches[successor].name
        told += say(",由“{name}”承接", "; {name} has taken over", name=name)
    return [Fault(field, told, "closed")]


_organisation = Cache("organisation", Organisation)
organisation = _organisation.get

_default_zone = ["Asia/Shanghai"]


def set_default_zone(name):
    """The zone of branches that have none of their own (a setting)."""
    _default_zone[0] = name


def zone_of(branch_id):
    """The time zone of a branch: its own, else the nearest one above it, else the installation's."""
    tree = organisation()
    for above in reversed(tree.path(branch_id)) if branch_id in tree.branches else ():
        if tree.branches[above].timezone:
            return ZoneInfo(tree.branches[above].timezone)
    return ZoneInfo(_default_zone[0])


def branch_by_code(code):
    """The branch with this code. Raises NotFound that lists what there is."""
    tree = organisation()
    if code not in tree.by_code:
        raise NotFound(
            say(
                "没有代码为“{code}”的机构。现有:{known}。",
                'No branch has the code "{code}". There are: {known}.',
                code=code,
                known=", ".join(sorted(tree.by_code)[:20]) or "-",
            )
        )
    return tree.by_code[code]


def add_branch(actor, code, name, parent=None, timezone=""):
    """Add a branch below `parent` (None only for the first: head office)."""
    tree = organisation()
    actor.require("core.branch.edit", parent.id if parent else tree.root_id)
    faults = _code_faults(code, name)
    if code in tree.by_code:
        faults.append(
            Fault("code", say("机构代码“{code}”已被使用", 'the code "{code}" is taken', code=code), "duplicate")
        )
    if parent is None and tree.branches:
        faults.append(Fault("parent", say("请选择上级机构", "say which branch it is under"), "required"))
    faults += _zone_faults(timezone)
    if faults:
        raise Refused(*faults)
    with transaction():
        branch = keep(actor, Branch, {"code": code, "name": name, "parent": parent, "timezone": timezone})
        changed("organisation")
    return branch


def add_department(actor, branch, code, name, function="other"):
    """Add a department to a branch; `function` is one of FUNCTIONS."""
    actor.require("core.branch.edit", branch.id)
    faults = _code_faults(code, name)
    faults += _function_faults(function)
    if any(d.code == code for d in organisation().departments_of(branch.id)):
        faults.append(
            Fault("code", say("部门代码“{code}”已被使用", 'the code "{code}" is taken', code=code), "duplicate")
        )
    if faults:
        raise Refused(*faults)
    with transaction():
        values = {"branch": branch, "code": code, "name": name, "function": function}
        department = keep(actor, Department, values, branch_id=branch.id)
        changed("organisation")
    return department


def change_unit(actor, unit, values, reason=""):
    """Change a branch or a department (name, zone, function, closing day, successor)."""
    actor.require("core.branch.edit", unit.id if isinstance(unit, Branch) else unit.branch_id)
    faults = _unit_faults(unit, values)
    if faults:
        raise Refused(*faults)
    unit = type(unit).get_by_id(unit.id)  # the one given may be the cached one, which stays as it is
    with transaction():
        amend(actor, unit, values, branch_id=unit.id if isinstance(unit, Branch) else unit.branch_id, reason=reason)
        changed("organisation")


def _unit_faults(unit, values):
    faults = _name_faults(values.get("name", unit.name))
    faults += _zone_faults(values.get("timezone"))
    if "function" in values:
        faults += _function_faults(values["function"])
    successor = values.get("successor")
    if successor is not None and successor.id in organisation().subtree(unit.id):
        told = say("承接机构不能是本机构或其下级", "neither the branch itself nor one below it can succeed it")
        faults.append(Fault("successor", told))
    if successor is not None and values.get("closed_on") is None:
        faults.append(Fault("closed_on", say("有承接机构须写明撤并日期", "say when it closes"), "required"))
    if isinstance(unit, Branch) and unit.parent_id is None and values.get("closed_on") is not None:
        faults.append(Fault("closed_on", say("总公司不能撤并", "head office does not close")))
    return faults


def _code_faults(code, name):
    faults = []
    if not code or not code.replace("-", "").replace("_", "").isalnum() or len(code) > 32:
        faults.append(
            Fault(
                "code",
                say("代码由字母、数字、- 和 _ 组成,最多 32 个", "a code has letters, digits, - and _, at most 32"),
            )
        )
    return faults + _name_faults(name)


def _name_faults(name):
    if (name or "").strip():
        return []
    return [Fault("name", say("请填写名称", "a name is needed"), "required")]


def _zone_faults(timezone):
    try:
        ZoneInfo(timezone or "UTC")
        return []
    except (KeyError, ValueError, OSError):
        return [Fault("timezone", say("没有这个时区,例如 Asia/Shanghai", "no such zone; for example Asia/Shanghai"))]


def _function_faults(function):
    if function in FUNCTIONS:
        return []
    known = ", ".join(FUNCTIONS)
    told = say("没有这个职能,可选:{known}", "no such function; there are: {known}", known=known)
    return [Fault("function", told)]
