"""Proofs for one line: of every place in its tree, and without many questions."""

from uuid import UUID

from sqlalchemy import event

from evidence.certificate import LineProof, check
from intake.certify import prove_line
from tasks.log import LogKeeper
from tests.ledger.conftest import Desk
from tests.ledger.evidence.test_log import KEY, done, keep, log_something

LINES, TILE = 600, 256
MOST_QUESTIONS = 7
"""Each takes half a millisecond on a quiet machine, and a proof may take ten."""


def test_every_line_can_be_proved_with_few_questions(desk: Desk) -> None:
    log_something(desk, TILE)
    keep(desk)
    request = UUID(done(desk, LINES))
    log_something(desk, 10)
    keep(desk)
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    asked: list[str] = []
    event.listen(desk.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for line in (1, 2, TILE, TILE + 1, 2 * TILE, 2 * TILE + 1, LINES):
        asked.clear()
        proof = prove_line(keeper, request, line)
        assert len(asked) <= MOST_QUESTIONS
        proved = check(proof.encode(), [KEY.public])
        assert isinstance(proved, LineProof)
        assert (proved.request, proved.leaf["line"]) == (str(request), line)
