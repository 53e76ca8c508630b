"""Promises about a plugin's checks."""

from core import testing
from core.checks import would_say
from core.kit.examples import cases_of
from core.kit.promises import NOW, promise, undone
from core.testing import local


@promise("每项检查都有例子:何时出声,何时不出声")
def every_check_speaks_and_is_silent(subject):
    """Every check has a case in which it speaks and one in which it is silent."""
    subject.switch_on()
    known = {each.name: each for each in subject.manifest.checks}
    cases = cases_of(subject.plugin.module)
    for name in known:
        for is_spoken, word in ((True, "speaks"), (False, "silent")):
            if not any(case.check == name and case.speaks is is_spoken for case in cases):
                yield f"check {name}: no case. Write one in examples.py below @{word}({name}) from core.kit."
    for case in cases:
        if case.check not in known:
            yield f"examples.py: {case.make.__name__} is a case of {case.check!r}, which is no check of the plugin."
            continue
        with undone():
            case.make(testing)
            counts, _ = would_say(known[case.check], local(case.at))
        if not counts["looked_at"]:
            yield f"check {case.check}: in the case {case.make.__name__} it looks at nothing."
        elif bool(counts["found"]) is not case.speaks:
            said = "is silent" if case.speaks else "speaks"
            yield f"check {case.check}: in the case {case.make.__name__} it {said}."


@promise("在新机构不出声")
def says_nothing_at_a_new_branch(subject):
    """Says nothing at a new branch."""
    subject.switch_on()
    for each in subject.manifest.checks:
        _, said = would_say(each, local(NOW))
        if said:
            yield f"check {each.name} speaks where nothing was recorded yet: {said[0]['message']}"


ALL = (every_check_speaks_and_is_silent, says_nothing_at_a_new_branch)
