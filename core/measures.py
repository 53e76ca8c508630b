"""Measures: indicators counted for a branch and a period, in one query each; every figure can show its rows."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from numbers import Number

from core.errors import Fault, NotFound, Refused
from core.faulty import asking, is_aside
from core.language import Words, say
from core.organisation import organisation
from core.people import Person
from core.plugins import registry
from core.switches import is_on


@dataclass(frozen=True)
class Measure:
    """An indicator. `count(scope)` returns {group_id: (numerator, denominator)}, by scope.by; `rows(scope)` a query.

    `groups` maps "person" and "department" to the column of the rows that they are grouped by; `late` is a condition on
    the rows: those that spoil the figure, which are shown first.
    """

    name: str
    label: Words
    clauses: tuple
    count: object
    rows: object = None
    hint: Words = Words("", "")
    groups: dict = field(default_factory=dict)
    late: object = None


@dataclass(frozen=True)
class Scope:
    """What a measure is counted over: the branch ids, the days from `first` to `last`, as of `now`, grouped by `by`.

    `by` is "person", "department", or None for the whole.
    """

    branches: tuple
    first: date
    last: date
    now: object
    by: str | None = None


def period_days(text):
    """The first and last day of "2026", "2026-10" or "2026Q3". Raises Refused."""
    year = re.fullmatch(r"(\d{4})", text)
    month = re.fullmatch(r"(\d{4})-(\d{2})", text)
    quarter = re.fullmatch(r"(\d{4})-?Q([1-4])", text)
    try:
        if year:
            return date(int(text), 1, 1), date(int(text), 12, 31)
        if month:
            first, months = date(int(month[1]), int(month[2]), 1), 1
        elif quarter:
            first, months = date(int(quarter[1]), 3 * int(quarter[2]) - 2, 1), 3
        else:
            raise ValueError(text)
    except ValueError as error:
        raise Refused(
            Fault(
                "period",
                say(
                    "“{text}”不是期间,请写成 2026 或 2026-10", '"{text}" is no period: write 2026 or 2026-10', text=text
                ),
            )
        ) from error
    after = first
    for _ in range(months):
        after = (after.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first, after - timedelta(days=1)


def measures_of(branch_id, now):
    """The measures whose plugin is on in a branch or below it and not set aside: {name: (plugin, Measure)}."""
    return {
        measure.name: (name, measure)
        for name, plugin in registry().plugins.items()
        if not is_aside(name)
        if any(is_on(name, each, now) for each in organisation().subtree(branch_id))
        for measure in plugin.manifest.measures
        if f"measure:{name}.{measure.name}" not in registry().without
    }


def scope_of(branch_id, period, now, by=None, *, plugin):
    """The Scope of a branch with all below it, where the plugin is on."""
    first, last = period_days(period)
    branches = [each for each in sorted(organisation().subtree(branch_id)) if is_on(plugin, each, now)]
    return Scope(tuple(branches), first, last, now, by)


def measured(actor, branch, period, name=None, by=None):
    """What is measured: [{measure, branch, period, group, numerator, denominator, value}], the whole first.

    `group` is None for the whole, else a department's code or a login; `value` a fraction, None where nothing counts.
    Raises NotFound where no such measure is on in the branch, Denied without the permission.
    """
    known = measures_of(branch.id, actor.now)
    if name is not None and name not in known:
        raise NotFound(
            say(
                "“{branch}”没有指标“{name}”。现有:{known}",
                'There is no measure "{name}" in {branch}. There are: {known}',
                branch=branch.name,
                name=name,
                known=", ".join(known) or "-",
            )
        )
    rows = []
    for measure_name, (plugin, measure) in known.items():
        if name in (None, measure_name):
            actor.require(f"{plugin}.measure.view", branch.id)
            for grouped in (None, by) if by else (None,):
                counted = counted_of(plugin, measure, scope_of(branch.id, period, actor.now, grouped, plugin=plugin))
                if grouped is None:
                    counted = {None: counted.get(None, (0, 0))}
                rows += [_row(measure, branch, period, group, pair) for group, pair in _named(counted, grouped).items()]
    return rows


def counted_of(plugin, measure, scope):
    """What a measure counts: {group id: (numerator, denominator)}. Raises TypeError where it answers anything else."""
    with asking(plugin, f"measure:{measure.name}", scope.now):
        counted = measure.count(scope)
        if not isinstance(counted, dict) or not all(map(_is_pair, counted.values())):
            raise TypeError(f"returned {type(counted).__name__}, not a dict of pairs of numbers")
    return counted


def _is_pair(pair):
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(n, Number) for n in pair)


def _named(counted, by):
    if by is None:
        return counted
    if by == "department":
        names = {d.id: d.code for d in organisation().departments.values()}
    else:
        names = dict(Person.select(Person.id, Person.login).where(Person.id.in_([g for g in counted if g])).tuples())
    named = {}
    for group, (numerator, denominator) in counted.items():
        if group in names:  # departments of several branches may share a code: they count as one
            before = named.get(names[group], (0, 0))
            named[names[group]] = (before[0] + numerator, before[1] + denominator)
    return dict(sorted(named.items()))


def _row(measure, branch, period, group, pair):
    numerator, denominator = pair
    return {
        "measure": measure.name,
        "branch": branch.code,
        "period": period,
        "group": group,
        "numerator": numerator,
        "denominator": denominator,
        "value": numerator / denominator if denominator else None,
    }
