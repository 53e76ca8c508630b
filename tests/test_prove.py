"""The prover itself: what no test notices is named, and a failure that is there anyhow proves nothing."""

import pytest

from core.kit import taking_away
from tests import prove

pytestmark = pytest.mark.pure
MARKED = {"X1": ["t.py::a", "t.py::b"], "X2": ["t.py::c"]}


class Answering:
    """Tests that fail as they are told to."""

    def __init__(self, failed=(), broken=()):
        self.answer = {"failed": failed, "broken": broken, "marked": MARKED, "told": "..."}

    def run(self, tests=None, without=(), collect_only=False):
        return self.answer


@pytest.mark.parametrize(
    "clauses, failed, broken, proofs, told",
    [
        pytest.param(["X1"], ["t.py::a"], [], {"X1": ["t.py::a"]}, None, id="a test with the mark fails"),
        pytest.param(
            ["X1"], ["t.py::c"], [], {}, "X1: no test with its mark notices", id="one with another mark fails"
        ),
        pytest.param(
            ["X1"], [], ["t.py::a"], {}, "(1 could not begin)", id="a test that could not begin proves nothing"
        ),
        pytest.param(["X3"], [], [], {}, "X3: no test carries its mark", id="no test has the mark"),
        pytest.param(["X1", "X2"], ["t.py::b"], [], {"X1": ["t.py::b"]}, "X2: no test", id="each clause needs its own"),
    ],
)
def test_one_enforcer(clauses, failed, broken, proofs, told):
    found, faults = taking_away.prove({"limit:x.y": clauses}, Answering(failed, broken), MARKED)
    assert found == {clause: {"limit:x.y": tests} for clause, tests in proofs.items()}
    assert told is None if not faults else told in faults[0]


@pytest.fixture
def main(monkeypatch):
    """main(failed): the status of proving the one enforcer of X1, while these tests fail."""

    def main(failed=()):
        monkeypatch.setattr(taking_away, "Tests", lambda root: Answering(failed))
        monkeypatch.setattr(taking_away, "by_enforcer", lambda pairs, wanted: {"limit:x.y": ["X1"]})
        monkeypatch.setattr(taking_away, "write", lambda plugin, proofs: None)
        return prove.main([])

    return main


def test_where_tests_fail_anyhow_nothing_is_proved(main, capsys):
    assert main(["t.py::a"]) == 1 and "Mend them first" in capsys.readouterr().out


def test_an_enforcer_that_no_test_notices_ends_with_status_1(main, capsys):
    assert main() == 1
    told = capsys.readouterr().out
    assert "X1: no test with its mark notices that limit:x.y is taken away." in told
    assert "X1: is named by what enforces it, but no regulation has it." in told
