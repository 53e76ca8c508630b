"""The prover itself: what no test notices is named, and a failure that is there anyhow proves nothing."""

import pytest

from tests import prove

pytestmark = pytest.mark.pure
TESTS = {"X1": ["t.py::a", "t.py::b"], "X2": ["t.py::c"]}


@pytest.fixture
def failing(monkeypatch):
    """failing(failed, broken): what the runs of the prover answer."""

    def failing(failed=(), broken=()):
        monkeypatch.setattr(prove, "run", lambda tests, without=(): {"failed": failed, "broken": broken, "told": "..."})

    return failing


@pytest.mark.parametrize(
    "clauses, failed, broken, proofs, told",
    [
        pytest.param(["X1"], ["t.py::a"], [], [("X1", ["t.py::a"])], None, id="a test with the mark fails"),
        pytest.param(
            ["X1"], ["t.py::c"], [], [], "X1: no test with its mark notices", id="a test with another mark fails"
        ),
        pytest.param(
            ["X1"], [], ["t.py::a"], [], "(1 could not begin)", id="a test that could not begin proves nothing"
        ),
        pytest.param(["X3"], [], [], [], "X3: no test carries its mark", id="no test has the mark"),
        pytest.param(
            ["X1", "X2"], ["t.py::b"], [], [("X1", ["t.py::b"])], "X2: no test", id="each clause needs its own"
        ),
    ],
)
def test_one_enforcer(failing, clauses, failed, broken, proofs, told):
    failing(failed, broken)
    found, faults = prove.prove("limit:x.y", clauses, TESTS)
    assert found == proofs
    assert told is None if not faults else told in faults[0]


def test_where_tests_fail_anyhow_nothing_is_proved(failing, monkeypatch, capsys):
    failing(["t.py::a"])
    monkeypatch.setattr(prove, "enforcers", lambda wanted: {"limit:x.y": ["X1"]})
    monkeypatch.setattr(prove, "marked_tests", lambda: TESTS)
    assert prove.main([]) == 1 and "Mend them first" in capsys.readouterr().out


def test_an_enforcer_that_no_test_notices_ends_with_status_1(failing, monkeypatch, capsys):
    failing()
    monkeypatch.setattr(prove, "enforcers", lambda wanted: {"limit:x.y": ["X1"]})
    monkeypatch.setattr(prove, "marked_tests", lambda: TESTS)
    monkeypatch.setattr(prove, "write", lambda proofs: [])
    assert prove.main([]) == 1
    assert "X1: no test with its mark notices that limit:x.y is taken away." in capsys.readouterr().out
