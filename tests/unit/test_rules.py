"""`make mutants` knows which tests are about each rule."""

from tests.rules import TESTS, unknown


def test_every_rule_has_its_tests() -> None:
    assert unknown(()) is None


def test_a_module_that_is_no_rule_is_not_broken() -> None:
    assert "tasks/run.py is none of the modules: adapters/triage.py," in str(unknown(["tasks/run.py"]))
    assert unknown(TESTS) is None
