"""What Celery producers seal, taken in on a real PostgreSQL: recorded once, or refused with nothing of it kept."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from nacl.public import PrivateKey

from intake.producer import seal
from ledger import audit
from ledger.sealing import MasterKeys, UnsealError, generate_master_key
from tasks.producers import Intake, take_sealed
from tasks.sealed import NotSealedError, ProducerKeys, generate_producer_key
from tasks.submit import Guards
from tests.ledger.conftest import Desk, people

TASK = str(uuid4())
REQUEST = {"kind": "opt_out", "subjects": [{"user_id": "jane-1", "email": "jane@private.example"}]}


@pytest.fixture
def intake(desk: Desk) -> Intake:
    keys = ProducerKeys.parse(generate_producer_key())
    return Intake(desk.engine, desk.masters, keys, wake=desk.woken.extend, guards=Guards(confirm_above=5))


@pytest.fixture
def take(intake: Intake) -> Callable[..., Any]:
    """Seals a request as a producer does, and takes it in."""

    def seal_and_take(**request: Any) -> Any:
        return take_sealed([seal({**REQUEST, **request}, str(intake.keys.public))], {}, TASK, intake)

    return seal_and_take


def log(desk: Desk) -> list[audit.Written]:
    with desk.engine.connect() as connection:
        return audit.newest(connection, 10)


def test_what_is_sealed_is_recorded_as_at_every_door(desk: Desk, take: Callable[..., Any]) -> None:
    taken = take(
        vendors=["insider"],
        options={"insider": {"whole": ["city"]}},
        idempotency_key="order-7",
        submitted_by="shop",
        asked_at="2026-05-20T00:00:00Z",
        effective_at="2026-05-25T00:00:00Z",
        regulation="ccpa",
        not_before="2026-05-26T00:00:00+02:00",
        subjects=people(3),
    )
    assert desk.rows(
        """SELECT public_id, CAST(kind AS text), CAST(status AS text), subjects, submitted_by, idempotency_key,
               effective_at = '2026-05-25T00:00Z', asked_at = '2026-05-20T00:00Z', due_at = '2026-06-10T00:00Z'
           FROM requests"""
    ) == [(taken, "opt_out", "running", 3, "celery:shop", "celery:shop order-7", True, True, True)]
    assert desk.woken == ["insider"]
    (entry,) = log(desk)
    assert (entry.by, entry.deed, entry.allowed, entry.target) == ("celery:shop", "submit", True, str(taken))


def test_what_is_large_waits_for_somebody_else(desk: Desk, take: Callable[..., Any]) -> None:
    take(subjects=people(6))
    assert desk.one("SELECT CAST(status AS text) FROM requests") == "unconfirmed"


def test_a_message_that_comes_twice_is_one_request(desk: Desk, intake: Intake, take: Callable[..., Any]) -> None:
    sealed = seal(REQUEST, str(intake.keys.public))
    assert take_sealed([sealed], {}, TASK, intake) == take_sealed([sealed], {}, TASK, intake) is not None
    assert take(idempotency_key="k") == take(idempotency_key="k")
    assert take(idempotency_key="k") != take(idempotency_key="k", submitted_by="shop")
    assert desk.one("SELECT count(*) FROM requests") == 3
    assert take(idempotency_key="k", kind="erasure") is None
    assert "idempotency key" in str(log(desk)[0].because)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"kind": "jane"}, "kind: Input should be 'erasure', 'opt_out' or 'opt_in'"),
        ({"subjects": []}, "subjects: List should have at least 1 item after validation, not 0"),
        ({"subjects": people(1001)}, "subjects: List should have at most 1000 items after validation, not 1001"),
        ({"subjects": [{"user_id": "u-1"}, {"email": "jane"}]}, "subjects.1.email: is not an e-mail address"),
        ({"subjects": [{"email": 7}]}, "subjects.0.email: must be a text"),
        (
            {"subjects": [{}]},
            "subjects.0: has no identifier: give user_id, email, phone_number or a vendor's own",
        ),
        ({"subjects": [{"jane@private.example": "x"}]}, "subjects.0.(a key): is not a known field"),
        ({"jane": "x"}, "jane: is not a known field"),
        ({"vendors": ["nobody"]}, "unknown or switched-off vendor; known are insider"),
        ({"effective_at": "2026-05-25T00:00:00"}, "effective_at: Input should have timezone info"),
        ({"idempotency_key": "jane\n"}, "idempotency_key: String should match pattern '^[!-~]{1,200}$'"),
        ({"submitted_by": "Jane Doe"}, "submitted_by: String should match pattern '^[a-z][a-z0-9_.-]{0,39}$'"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_never_by_value(
    desk: Desk, take: Callable[..., Any], change: dict[str, Any], because: str
) -> None:
    assert take(**change) is None
    (entry,) = log(desk)
    assert (entry.allowed, entry.target, entry.because) == (False, f"message {TASK}", because)
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_of_many_faults_some_are_told_and_the_rest_counted(desk: Desk, take: Callable[..., Any]) -> None:
    take(subjects=[{"email": "x"}] * 1000)
    because = str(log(desk)[0].because)
    assert because.count("subjects.") == 20
    assert because.endswith("and 980 more")


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ([REQUEST], {}),
        ([json.dumps(REQUEST)], {}),
        ([b64encode(json.dumps(REQUEST).encode()).decode()], {}),
        ([seal(REQUEST, b64encode(bytes(PrivateKey.generate().public_key)).decode())], {}),
        ([], REQUEST),
        (["x", "y"], {}),
        (["A" * 8_000_001], {}),
        ([None], {}),
        ([], {}),
    ],
)
def test_what_is_not_sealed_to_us_is_refused_and_nothing_of_it_is_kept(
    desk: Desk, intake: Intake, args: list[Any], kwargs: dict[str, Any]
) -> None:
    assert take_sealed(args, kwargs, "jane@private.example", intake) is None
    (entry,) = log(desk)
    assert (entry.by, entry.deed, entry.allowed, entry.target) == ("celery", "consent.submit", False, None)
    assert "jane" not in str(entry)
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_sealed_nonsense_is_refused_too(desk: Desk, intake: Intake) -> None:
    everything: list[Any] = [[], "jane", None, {"a": {"a": {}}}]
    for nonsense in everything:
        assert take_sealed([seal(nonsense, str(intake.keys.public))], {}, TASK, intake) is None
    assert "jane" not in str(log(desk))


def test_a_damaged_message_opens_nothing(intake: Intake) -> None:
    sealed = seal(REQUEST, str(intake.keys.public))
    with pytest.raises(NotSealedError):
        intake.keys.open(sealed[:-8] + "AAAAAAA=")


def test_keys_change_without_a_stop() -> None:
    old, new = generate_producer_key(), generate_producer_key()
    both = ProducerKeys.parse(f"{new}, {old}")
    assert both.public == ProducerKeys.parse(new).public
    assert json.loads(both.open(seal(REQUEST, str(ProducerKeys.parse(old).public)))) == REQUEST
    assert old not in repr(both)


def test_keys_that_cannot_be_read_are_told_by_position() -> None:
    with pytest.raises(ValueError, match=r"^producer key 2 is not 32 bytes in base64$"):
        ProducerKeys.parse(f"{generate_producer_key()},c2hvcnQ=")
    none = ProducerKeys.parse("")
    assert none.public is None
    with pytest.raises(NotSealedError, match="CONSENT_PRODUCER_KEYS"):
        none.open("x")


def test_our_own_trouble_is_not_the_producers(desk: Desk, intake: Intake) -> None:
    """A missing master key: the message is good and must be taken up again."""
    desk.submit(people(1))
    strangers = Intake(
        desk.engine, MasterKeys.parse(generate_master_key()), intake.keys, wake=desk.woken.extend, guards=Guards()
    )
    with pytest.raises(UnsealError):
        take_sealed([seal(REQUEST, str(intake.keys.public))], {}, TASK, strangers)
    assert all(entry.allowed for entry in log(desk))


def test_who_cannot_be_found_is_logged_and_may_be_accepted(
    desk: Desk, take: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    desk.announce(insider=10, algonomy=10, akinon=10)
    by_mail = [{"email": "jane@private.example"}]
    taken = take(subjects=by_mail, submitted_by="shop")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"request {taken}: 1 of 1 people cannot be found at akinon (a shop session), algonomy (user_id)"
    ]
    assert desk.rows("SELECT deed FROM notes") == []
    take(subjects=by_mail, submitted_by="shop", accept_unreachable=True)
    assert desk.rows("SELECT by, deed FROM notes") == [("celery:shop", "accept")]
    assert "jane" not in caplog.text


def test_who_is_really_called_so_is_taken_and_it_is_kept_that_it_was_said(desk: Desk, take: Callable[..., Any]) -> None:
    assert take(subjects=[{"user_id": "1"}, {"user_id": "u-2", "email": ""}]) is None
    assert "allow_placeholders" in str(log(desk)[0].because)
    assert take(subjects=[{"user_id": "1"}, {"user_id": "u-2", "email": ""}], allow_placeholders={"user_id": ["1"]})
    assert log(desk)[0].because == "allowed as identifiers: user_id (1); empty and left aside: email (1)"
    assert take(subjects=[{"user_id": "0"}], allow_placeholders={"user_id": ["1"]}) is None
