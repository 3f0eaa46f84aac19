"""A person is found by any identifier, and nothing of it stands where it could be read later."""

from ledger.people.endings import endings_of
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn
from web.context import Context

JANE = people(1)[0]


def submitted(desk: Desk) -> tuple[int, str]:
    recorded = desk.submit(people(2), vendors=("dfinery", "insider")).recorded
    return int(desk.one("SELECT max(id) FROM requests")), str(recorded.public_id)


def test_every_identifier_finds_what_was_done_and_when(sign_in: SignIn, desk: Desk, context: Context) -> None:
    number, request = submitted(desk)
    end(desk, "accepted", None, [number], "insider")
    reader = sign_in("reader")
    assert "Every request they are in" in reader.get("/person").text
    for field, value in JANE.items():
        page = reader.post("/person", on="/person", **{field: str(value)}).text
        assert "In 1 request." in page, field
        assert "Erasure asked for" in page
        assert "Accepted by the vendor" in page
        assert "pending at dfinery" in page
        assert f"/requests/{request}" in page
        assert page.index("Accepted by the vendor") < page.index("Erasure asked for"), "the newest first"
    nobody = reader.post("/person", on="/person", email="nobody@private.example").text
    assert "Nobody is found by this" in nobody
    assert "forgotten for good" in nobody


def test_all_rounds_of_a_delivery_are_told(desk: Desk, context: Context) -> None:
    number, _ = submitted(desk)
    end(desk, "accepted", None, [number], "insider")
    desk.execute(
        """INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
           SELECT :id, id, 2, 1, 1, 'verified' FROM vendors WHERE name = 'insider'""",
        id=number,
    )
    public_id = desk.one("SELECT public_id FROM requests")
    with context.engine.connect() as connection:
        told = endings_of(connection, [(public_id, 1), (public_id, 2)])
        assert endings_of(connection, []) == []
    assert [(one.line, one.vendor, one.outcome) for one in told] == [
        (1, "insider", "accepted"),
        (2, "insider", "accepted"),
        (1, "insider", "verified"),
    ]


def test_a_look_up_is_on_record_and_names_nobody(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    submitted(desk)
    answer = sign_in("reader").post("/person", on="/person", email=str(JANE["email"]))
    assert "jane" not in str(answer.url)
    assert "jane" not in str(answer.headers)
    assert "<title>A person" in answer.text
    kept = rows("SELECT by, deed, allowed, CAST(audit_entries AS text) FROM audit_entries WHERE deed = 'POST /person'")
    assert [entry[:3] for entry in kept] == [("user:reader", "POST /person", True)]
    assert "jane" not in str(kept)


def test_what_is_no_identifier_is_said_beside_its_field(sign_in: SignIn) -> None:
    reader = sign_in("reader")
    for given in ({"email": "jane"}, {"phone_number": "010-1234-5678"}, {}):
        answer = reader.post("/person", on="/person", **given)
        assert answer.status_code == 422, given
        assert "wrong" in answer.text
    assert 'id="email-wrong"' in reader.post("/person", on="/person", email="jane").text


def test_who_may_only_submit_looks_nobody_up(sign_in: SignIn, rows: Rows) -> None:
    submitter = sign_in("submitter")
    assert "/person" not in submitter.get("/requests").text
    assert submitter.post("/person", on="/requests", email="jane@private.example").status_code == 403
    assert ("POST /person", False) in rows("SELECT deed, allowed FROM audit_entries")
