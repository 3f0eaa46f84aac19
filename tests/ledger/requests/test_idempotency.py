"""Idempotency keys may be e-mail addresses: no table holds one, and they hold all the same, also earlier versions'."""

from collections.abc import Callable
from uuid import UUID

import pytest

from domain.requests import Kind
from intake.producer import seal
from ledger.keys import fingerprinter
from ledger.requests.idempotency import any_in_clear, print_of_key
from tasks import retain
from tasks.known import look_up
from tasks.producers import Intake, take_in
from tasks.sealed import ProducerKeys, generate_producer_key
from tasks.submission import Guards, Submission, SubmitError
from tasks.submit import Offer, Receipt, submit_few
from tests.ledger.conftest import Desk, people
from tests.ledger.intake.test_producers import REQUEST, item
from tests.ledger.notices.test_opendsr import asked, dsr_requests
from tests.ledger.test_personal_data import dump, forms

KEYS = ("jane.doe@private.example", "key:shop jane.doe@private.example", "+821012345678", "Jané Doe, room 4")


def together(desk: Desk, key: str, count: int) -> Receipt:
    (receipt,) = submit_few(
        [Offer(Submission(Kind.ERASURE, idempotency_key=key), people(count))],
        engine=desk.engine,
        masters=desk.masters,
        wake=desk.woken.extend,
        guards=Guards(),
        known=look_up(desk.engine, desk.masters),
    )
    if receipt is None:
        return desk.submit(people(count), idempotency_key=key)  # as every way in does then
    assert isinstance(receipt, Receipt)
    return receipt


WAYS: dict[str, Callable[[Desk, str, int], Receipt]] = {
    "few": lambda desk, key, count: desk.submit(people(count), idempotency_key=key),
    "streamed": lambda desk, key, count: desk.submit(iter(people(count)), idempotency_key=key),
    "together": together,
}


def recorded_in_clear(desk: Desk, key: str, count: int) -> UUID:
    """A request as an earlier version recorded it."""
    receipt = desk.submit(people(count), idempotency_key=key)
    desk.execute(
        "UPDATE requests SET idempotency_key = :key, idempotency_print = NULL WHERE public_id = :id",
        key=key,
        id=receipt.recorded.public_id,
    )
    return receipt.recorded.public_id


def assert_not_in(desk: Desk, *texts: str) -> None:
    for table, content in dump(desk.engine).items():
        for value in texts:
            assert all(form not in content for form in forms(value)), f"{table} holds a key"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", KEYS)
def test_no_table_holds_a_key_by_which_a_request_is_found_again(desk: Desk, way: str, key: str) -> None:
    first = WAYS[way](desk, key, 2)
    assert WAYS[way](desk, key, 2) == Receipt(first.recorded, repeated=True)
    assert_not_in(desk, key)


def test_nor_those_of_celery_producers_and_controllers(desk: Desk) -> None:
    keys = ProducerKeys.parse(generate_producer_key())
    intake = Intake(desk.engine, desk.masters, keys, wake=desk.woken.extend, guards=Guards())
    request = {**REQUEST, "idempotency_key": "jane.doe@private.example", "submitted_by": "shop"}
    pushed = [item(seal(request, str(keys.public))) for _ in range(2)]
    (first,), (again,) = take_in(pushed[:1], intake), take_in(pushed[1:], intake)
    assert first == again
    dsr = asked()
    assert dsr_requests(desk).take(dsr).state == dsr_requests(desk).take(dsr).state
    assert desk.one("SELECT count(*) FROM requests") == 2
    assert_not_in(desk, "jane.doe@private.example", f"opendsr:key:shop:{dsr.id}")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moved", [False, True], ids=["in clear", "moved over"])
def test_a_key_that_an_earlier_version_recorded_holds(desk: Desk, way: str, moved: bool) -> None:
    kept = recorded_in_clear(desk, KEYS[0], 2)
    if moved:
        assert retain.keep_no_clear_keys(desk.engine, desk.masters) == 1
        assert_not_in(desk, KEYS[0])
    again = WAYS[way](desk, KEYS[0], 2)
    assert (again.repeated, again.recorded.public_id) == (True, kept)
    with pytest.raises(SubmitError, match="already stands for another request"):
        WAYS[way](desk, KEYS[0], 3)
    assert WAYS[way](desk, KEYS[1], 2).repeated is False


def test_clear_keys_are_moved_over_in_bounded_rounds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retain, "KEY_ROUNDS", 2)
    monkeypatch.setattr(retain, "KEYS_OF_A_ROUND", 3)
    keys = [f"jane-{number}@private.example" for number in range(8)]
    kept = [recorded_in_clear(desk, key, 1) for key in keys]
    assert [retain.keep_no_clear_keys(desk.engine, desk.masters) for _ in range(3)] == [6, 2, 0]
    with desk.engine.connect() as connection:
        assert not any_in_clear(connection)
    assert [desk.submit(people(1), idempotency_key=key).recorded.public_id for key in keys] == kept


def test_of_two_versions_that_ran_side_by_side_the_newer_ones_request_has_the_key(desk: Desk) -> None:
    recorded_in_clear(desk, "k", 1)
    desk.execute("UPDATE requests SET idempotency_key = 'other'")
    newer = desk.submit(people(1), idempotency_key="k").recorded.public_id
    desk.execute("UPDATE requests SET idempotency_key = 'k' WHERE idempotency_key = 'other'")

    assert retain.keep_no_clear_keys(desk.engine, desk.masters) == 1

    again = desk.submit(people(1), idempotency_key="k")
    assert (again.repeated, again.recorded.public_id) == (True, newer)


def test_prints_of_keys_are_of_this_ledger_alone(desk: Desk) -> None:
    desk.submit(people(1), idempotency_key="k")
    with desk.engine.begin() as connection:
        prints = fingerprinter(connection, desk.masters)
    assert str(desk.one("SELECT idempotency_print FROM requests")).replace("-", "") == print_of_key(prints, "k")
    desk.execute("TRUNCATE keys")
    with desk.engine.begin() as connection:
        others = fingerprinter(connection, desk.masters)
    assert print_of_key(others, "k") != print_of_key(prints, "k")
