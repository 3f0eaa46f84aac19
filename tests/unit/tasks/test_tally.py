"""One line says what a run came to."""

from adapters.contract import Answer, Person, Verdict
from domain.outcomes import Outcome, Reason
from ledger.delivery.outcomes import Settled
from tasks.evidence import Answered
from tasks.tally import Tally
from tests.table_rows import each_row


def answered(lines: range, reason: Reason | None) -> Answered:
    people = [Person(line, {"email": "jane@private.example"}, "jane@private.example") for line in lines]
    return Answered(people, Answer(Verdict.RETRY, reason))


@each_row(
    ("ended", "again", "pending", "line"),
    [
        ({Outcome.ACCEPTED: 480}, {}, 0, "accepted 480, 0.4 s"),
        ({Outcome.ACCEPTED: 480}, {Reason.BUSY: 20}, 20, "accepted 480, retry 20 (busy), 0.4 s"),
        ({}, {Reason.SERVER_ERROR: 1500}, 1500, "retry 1,500 (server error), 0.4 s"),
        ({}, {Reason.SERVER_ERROR: 3, Reason.BUSY: 5}, 10, "retry 5 (busy), retry 3 (server error), not sent 2, 0.4 s"),
        ({Outcome.NEEDS_ACTION: 1, Outcome.ACCEPTED: 2}, {None: 1}, 1, "accepted 2, needs action 1, retry 1, 0.4 s"),
        ({}, {}, 7, "not sent 7, 0.4 s"),
        ({}, {}, 0, "nobody to send, 0.4 s"),
    ],
)
def test_a_run_is_told_in_one_line(
    ended: dict[Outcome, int], again: dict[Reason | None, int], pending: int, line: str
) -> None:
    tally, first = Tally(), 1
    for outcome, people in ended.items():
        tally.note_ended([Settled(range(first, first + people), outcome, None, 1)])
        first += people
    open_lines = set(range(first, first + pending))
    for reason, people in again.items():
        tally.note_again([answered(range(first, first + people), reason)], open_lines)
        first += people
    assert tally.line(pending, 0.4) == line


def test_who_has_an_outcome_by_now_is_not_tried_again() -> None:
    tally = Tally()
    tally.note_again([answered(range(1, 11), Reason.BUSY)], {3, 4})
    assert tally.line(2, 1.26) == "retry 2 (busy), 1.3 s"
