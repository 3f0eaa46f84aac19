"""The demonstration passes if the record agrees with the vendors and only planted people were refused."""

from io import StringIO

import pytest
from rich.console import Console

from domain.outcomes import Outcome
from domain.requests import Kind
from intake.exit_codes import Ending
from ledger.desk.reports import Row
from local import demo, made_up

PEOPLE = made_up.people("erase", 800, planted_every=400)


def delivery(line: int, outcome: Outcome) -> Row:
    row = dict.fromkeys(Row._fields)
    return Row(**{**row, "line": line, "vendor": "dfinery", "outcome": outcome.value})


@pytest.mark.parametrize(
    ("refused", "wrong", "passes"),
    [((), 0, True), ((400, 800), 0, True), ((1,), 0, False), ((400, 7), 0, False), ((400,), 1, False)],
)
def test_only_planted_people_are_refused(
    monkeypatch: pytest.MonkeyPatch, refused: tuple[int, ...], wrong: int, passes: bool
) -> None:
    rows = [delivery(line, Outcome.REFUSED if line in refused else Outcome.VERIFIED) for line in range(1, 801)]
    disagreement = demo.disagreements(Kind.ERASURE, [delivery(1, Outcome.REFUSED)], ["erase-1"], [])
    monkeypatch.setattr(demo, "disagreements", lambda *_: disagreement * wrong)
    console = Console(file=StringIO(), width=120)

    assert demo._audit(console, Kind.ERASURE, rows, PEOPLE, []) is passes


@pytest.mark.parametrize(
    ("passed", "word", "ending"), [(True, "PASSED", Ending.DONE), (False, "FAILED", Ending.EXCEPTIONS)]
)
def test_its_last_line_begins_with_the_verdict(passed: bool, word: str, ending: Ending) -> None:
    out = StringIO()
    assert demo._verdict(Console(file=out, width=120), passed=passed) == ending
    assert out.getvalue().splitlines()[-1].startswith(word)
