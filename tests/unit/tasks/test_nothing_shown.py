"""No repr of anything that holds a person shows one."""

from uuid import uuid4

from adapters.contract import Addressed, Answer, Call, Order, Person, Verdict
from domain.requests import Kind, Subject
from ledger.delivery.chunks import Lease, Purpose
from ledger.delivery.outcomes import Settled
from ledger.delivery.pending import OpenPerson
from ledger.requests.new_request import NewRequest
from ledger.requests.recording import Earlier, Recorded
from ledger.sealing import SealingKey
from tasks.converse import Answered
from tasks.judge import settled
from tasks.submission import Submission
from tests.table_rows import each_row

HUSH = "hush-4711"
SUBJECT: Subject = {"user_id": HUSH, "email": f"{HUSH}@example.org", "vendors": {"akinon": {"session_id": HUSH}}}
PERSON = Person(1, SUBJECT, HUSH, carry=HUSH)
ANSWER = Answer(Verdict.PROCEED, step="next", carry={"id": HUSH})
RAW = (HUSH * 4)[:32].encode()


@each_row(
    "holder",
    [
        PERSON,
        ANSWER,
        Answered([PERSON], ANSWER),
        [Answered([PERSON], ANSWER)],
        Addressed(HUSH, "first"),
        Call(Order(Kind.ERASURE), "first"),
        OpenPerson(1, SUBJECT),
        SealingKey(RAW),
        Lease(
            id=uuid4(),
            chunk_id=1,
            request_id=1,
            vendor_id=1,
            vendor="insider",
            kind=Kind.ERASURE,
            first_line=1,
            last_line=2,
            round=1,
            purpose=Purpose.DELIVER,
            starts=1,
            lost=0,
            setbacks=(),
            options=HUSH.encode(),
            key=SealingKey(RAW),
        ),
        Submission(Kind.ERASURE, options={"insider": HUSH}, idempotency_key=HUSH),
        NewRequest(Kind.ERASURE, [], HUSH.encode(), idempotency_key=HUSH),
        Earlier(Recorded(uuid4(), 1, 0), Kind.ERASURE, [1], HUSH.encode(), b""),
        settled(Answered([PERSON], Answer(Verdict.APPLIED)), {}),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_a_holder_shows_nothing(holder: object) -> None:
    assert HUSH not in f"{holder!r} {holder}"
    assert type(holder).__name__ in repr(holder) or isinstance(holder, list)


def test_an_outcome_holds_no_person() -> None:
    numbers = ("by", "hold")  # of a request and a line, and of a legal hold
    assert Settled._fields == ("lines", "outcome", "reason", "attempts", *numbers)
