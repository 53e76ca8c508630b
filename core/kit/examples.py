"""What an author writes into examples.py of a plugin: records to prove with, and when each check speaks and is silent."""

import importlib
import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A case of a check: `make(testing)` makes it in branch TJ, and as of `at` the check speaks or is silent."""

    check: str
    speaks: bool
    at: str
    make: object


def example(make):
    """Mark a function (testing, code) that makes records in the branch with this code, where made-up values will not do."""
    make.zhixing_example = True
    return make


def speaks(check, at="2025-03-05 09:00"):
    """Mark a function (testing) that makes what the check (or its name) speaks of, as of a moment in local text."""
    return _case(check, True, at)


def silent(check, at="2025-03-05 09:00"):
    """Mark a function (testing) that makes what the check looks at and says nothing about."""
    return _case(check, False, at)


def _case(check, is_spoken, at):
    def marked(make):
        make.zhixing_case = Case(getattr(check, "name", check), is_spoken, at, make)
        return make

    return marked


def _of(module):
    name = f"{module.__name__}.examples"
    return vars(importlib.import_module(name)).values() if importlib.util.find_spec(name) else ()


def examples_of(module):
    """The functions of a plugin's examples.py that make records."""
    return [each for each in _of(module) if getattr(each, "zhixing_example", False)]


def cases_of(module):
    """The cases of a plugin's examples.py."""
    return [each.zhixing_case for each in _of(module) if hasattr(each, "zhixing_case")]
