"""What a submitter calls a request: sealed, found by what people take for the same, part of what was submitted."""

import pytest

from domain.references import comparable, read_reference
from ledger.desk.listing import Wanted, requests_by_receipt
from ledger.keys import fingerprinter
from ledger.requests.references import prints_of_reference, reference_of
from tasks.submission import KeyConflictError, SubmitError
from tests.ledger.conftest import Desk, people


def called(desk: Desk, reference: str) -> list[object]:
    with desk.engine.begin() as connection:
        wanted = Wanted(reference=prints_of_reference(fingerprinter(connection, desk.masters), reference))
        return [one.request_id for one in requests_by_receipt(connection, wanted, None, 10)]


def test_a_request_is_found_by_what_it_was_called(desk: Desk) -> None:
    desk.announce(insider=10)
    one = desk.submit(people(1), reference=" DSR-17  Jané ", idempotency_key="k").recorded.public_id
    many = desk.submit(iter(people(1_200)), reference="dsr-17 jané").recorded.public_id
    other = desk.submit(people(1), reference="DSR-18").recorded.public_id
    nameless = desk.submit(people(1)).recorded.public_id
    assert called(desk, "DSR-17 JANÉ") == [many, one]
    assert called(desk, "DSR-18") == [other]
    assert called(desk, "DSR-1") == []
    with desk.engine.begin() as connection:
        assert reference_of(connection, one, desk.masters) == "DSR-17  Jané"
        assert reference_of(connection, nameless, desk.masters) is None
    assert desk.submit(people(1), reference="DSR-17  Jané", idempotency_key="k").repeated
    with pytest.raises(KeyConflictError):
        desk.submit(people(1), reference="DSR-19", idempotency_key="k")
    with pytest.raises(KeyConflictError):
        desk.submit(people(1), idempotency_key="k")
    desk.execute("DELETE FROM data_keys")
    with desk.engine.begin() as connection:
        assert reference_of(connection, one, desk.masters) is None, "it is forgotten with the people"


def test_what_is_no_reference_is_refused_without_being_quoted(desk: Desk) -> None:
    desk.announce(insider=10)
    for reference in ("", "  ", "x" * 201, "a\nb", "a\0b"):
        with pytest.raises(SubmitError, match=r"^reference must be 1 to 200 printable characters$"):
            desk.submit(people(1), reference=reference)


def test_case_and_blanks_do_not_count() -> None:
    assert read_reference("  T-1 ") == "T-1"
    assert comparable("Straße  7") == comparable("STRASSE 7")
