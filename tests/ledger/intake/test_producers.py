"""What Celery producers seal, taken in on a real PostgreSQL: recorded once, or refused without keeping any of it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from nacl.public import PrivateKey, PublicKey, SealedBox

from domain.emails import NO_EMAIL
from intake.producer import seal
from ledger.accounts import audit
from ledger.failures import LedgerError
from ledger.sealing import MasterKeys, UnsealError, generate_master_key
from tasks import payloads, producers
from tasks.producers import Intake, Taken, Waits, take_in
from tasks.queues import SUBMIT
from tasks.refusals import Refusal
from tasks.sealed import NotSealedError, ProducerKeys, generate_producer_key
from tasks.submission import Guards
from tests import shifted_clock
from tests.bad_messages import MARK, dumped, encoded, envelope, junk
from tests.ledger.conftest import Desk, people

REQUEST = {"kind": "opt_out", "subjects": [{"user_id": "jane-1", "email": "jane@private.example"}]}


@pytest.fixture
def intake(desk: Desk) -> Intake:
    keys = ProducerKeys.parse(generate_producer_key())
    return Intake(desk.engine, desk.masters, keys, wake=desk.woken.extend, guards=Guards(confirm_above=5))


@pytest.fixture
def take(intake: Intake) -> Callable[..., Any]:
    """Seals a request as a producer does, and takes it in."""

    def seal_and_take(**request: Any) -> Any:
        (taken,) = take_in([item(seal({**REQUEST, **request}, str(intake.keys.public)))], intake)
        return None if isinstance(taken, Refusal) else taken

    return seal_and_take


def item(sealed: object, **headers: Any) -> bytes:
    """What a producer pushes."""
    return dumped(envelope(SUBMIT, [sealed], SUBMIT, **headers))


def good(intake: Intake, number: int, **request: Any) -> bytes:
    return item(seal({**REQUEST, "subjects": people(number)[-1:], **request}, str(intake.keys.public)))


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
        reference="DSR-7",
        not_before="2026-05-26T00:00:00+02:00",
        subjects=people(3),
    )
    assert desk.rows("SELECT count(*) FROM request_references") == [(1,)]
    assert desk.rows(
        """SELECT public_id, CAST(kind AS text), CAST(status AS text), subjects, submitted_by,
               effective_at = '2026-05-25T00:00Z', asked_at = '2026-05-20T00:00Z', due_at = '2026-06-10T00:00Z'
           FROM requests"""
    ) == [(taken, "opt_out", "running", 3, "celery:shop", True, True, True)]
    assert desk.woken == ["insider"]
    (entry,) = log(desk)
    assert (entry.by, entry.deed, entry.allowed, entry.target) == ("celery:shop", "submit", True, str(taken))


@pytest.mark.parametrize(
    ("ahead", "given", "because"), [(-60, 0, None), (60, 30, "asked_at of person 1 is in the future")]
)
def test_a_wish_is_not_lost_to_a_clock_of_the_host(
    desk: Desk,
    take: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    ahead: int,
    given: int,
    because: str | None,
) -> None:
    shifted_clock.host(monkeypatch, timedelta(minutes=ahead))
    asked_at = desk.one("SELECT now()") + timedelta(minutes=given)
    taken = take(subjects=[{"user_id": "jane-1", "asked_at": asked_at.isoformat()}])
    assert (taken is None) == bool(because)
    assert because is None or because in str(log(desk)[0].because)


@pytest.mark.parametrize(
    "twice",
    [
        b'{"kind":"opt_out","subjects":[{"user_id":"u-1"}],"subjects":[{"user_id":"u-2"}]}',
        b'{"kind":"opt_out","kind":"erasure","subjects":[{"user_id":"u-1"}]}',
        b'{"kind":"opt_out","subjects":[{"user_id":"u-1","user_id":"u-2"}]}',
        b'{"kind":"opt_out","subjects":[{"user_id":"u-1","vendors":{"insider":{},"insider":{}}}]}',
    ],
)
def test_a_key_that_is_given_twice_is_refused_as_readers_differ_in_which_counts(
    desk: Desk, intake: Intake, twice: bytes
) -> None:
    sealed = SealedBox(PublicKey(b64decode(str(intake.keys.public)))).encrypt(twice)
    (taken,) = take_in([item(b64encode(sealed).decode())], intake)
    assert isinstance(taken, Refusal)
    assert "has a key twice" in taken.because
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_what_is_large_waits_for_somebody_else(desk: Desk, take: Callable[..., Any]) -> None:
    take(subjects=people(6))
    assert desk.one("SELECT CAST(status AS text) FROM requests") == "unconfirmed"


def test_a_message_that_comes_twice_is_one_request(desk: Desk, intake: Intake, take: Callable[..., Any]) -> None:
    sealed = seal(REQUEST, str(intake.keys.public))
    one, two = take_in([item(sealed), item(sealed)], intake)
    assert one == two == take_in([item(sealed)], intake)[0]
    assert isinstance(one, UUID)
    assert take(idempotency_key="k") == take(idempotency_key="k")
    assert take(idempotency_key="k") != take(idempotency_key="k", submitted_by="shop")
    assert desk.one("SELECT count(*) FROM requests") == 3
    assert take(idempotency_key="k", kind="erasure") is None
    assert "idempotency key" in str(log(desk)[0].because)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"kind": "jane"}, "kind: must be 'erasure', 'opt_out' or 'opt_in'"),
        ({"subjects": []}, "subjects: must hold at least 1"),
        ({"subjects": people(1001)}, "subjects: must hold at most 1000"),
        ({"subjects": [{"user_id": "u-1"}, {"email": "jane"}]}, f"subjects.1.email: {NO_EMAIL}"),
        ({"subjects": [{"email": 7}]}, "subjects.0.email: must be a text"),
        (
            {"subjects": [{}]},
            "subjects.0: has no identifier: give user_id, email, phone_number or a vendor's own",
        ),
        (
            {"subjects": [{"jane@private.example": "x"}]},
            "subjects.0.(a key): is not a known field: rename it, or leave it out",
        ),
        ({"jane": "x"}, "jane: is not a known field: rename it, or leave it out"),
        ({"vendors": ["nobody"]}, "unknown or switched-off vendor; known are insider"),
        (
            {"effective_at": "2026-05-25T00:00:00"},
            "effective_at: must be a moment in ISO 8601 with its time zone, as in 2026-05-25T00:00:00Z, or a day, as "
            "in 2026-05-25",
        ),
        ({"idempotency_key": "jane\n"}, "idempotency_key: must be 1 to 200 printable ASCII characters without spaces"),
        ({"submitted_by": "Jane Doe"}, "submitted_by: must be a small letter, then up to 39 of a-z, 0-9, _, . and -"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_never_by_value(
    desk: Desk, take: Callable[..., Any], change: dict[str, Any], because: str
) -> None:
    assert take(**change) is None
    (entry,) = log(desk)
    assert (entry.allowed, entry.because) == (False, because)
    assert UUID(str(entry.target).removeprefix("message "))
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
    message = envelope(SUBMIT, [], SUBMIT)
    (refusal,) = take_in([dumped({**message, "body": encoded([args, kwargs, None])})], intake)
    assert isinstance(refusal, Refusal)
    assert refusal.readable
    (entry,) = log(desk)
    assert (entry.by, entry.deed, entry.allowed) == ("celery", "consent.submit", False)
    assert entry.target == f"message {message['headers']['id']}"
    assert "jane" not in str(entry)
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_sealed_nonsense_is_refused_too(desk: Desk, intake: Intake) -> None:
    everything: list[Any] = [[], "jane", None, {"a": {"a": {}}}]
    for nonsense in everything:
        (refusal,) = take_in([item(seal(nonsense, str(intake.keys.public)))], intake)
        assert isinstance(refusal, Refusal)
        assert not refusal.readable
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
    with pytest.raises(ValueError, match=r"^producer key 2 is not 32 bytes in base64"):
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
        take_in([item(seal(REQUEST, str(intake.keys.public)))], strangers)
    assert all(entry.allowed for entry in log(desk))


def test_who_cannot_be_found_is_logged_and_may_be_accepted(
    desk: Desk, take: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    desk.announce(insider=10, algonomy=10, akinon=10)
    by_mail = [{"email": "jane@private.example"}]
    taken = take(subjects=by_mail, submitted_by="shop")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"request {taken}: 1 of 1 person cannot be found at akinon (a shop session), algonomy (user_id)"
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


def test_every_kind_of_junk_is_refused_and_holds_up_nothing(desk: Desk, intake: Intake) -> None:
    names, items = zip(*junk(SUBMIT, ["c2VhbGVk"], SUBMIT), strict=True)
    *refusals, recorded = take_in([*items, good(intake, 1)], intake)
    assert isinstance(recorded, UUID)
    assert [name for name, one in zip(names, refusals, strict=True) if not isinstance(one, Refusal)] == []
    entries = desk.rows("SELECT by, deed, target, because FROM audit_entries WHERE NOT allowed")
    assert len(entries) == len(items)
    assert {entry[:2] for entry in entries} == {("celery", SUBMIT)}
    assert MARK not in repr(entries)


def test_what_is_too_large_or_inflates_is_refused_before_it_is_decoded(intake: Intake) -> None:
    bomb = seal({"kind": "opt_out", "subjects": [[]] * 200_000}, str(intake.keys.public))
    larger = item("A" * 8_200_000)
    refusals = take_in([larger, item(bomb), b"[" + b"[]," * 3_000_000 + b"[]]"], intake)
    assert [one.because for one in refusals if isinstance(one, Refusal)] == [
        "larger than 10,766,666 bytes",
        "the payload: has more than 300,000 parts: send fewer people at a time",
        "it has more than 10,000 parts",
    ]


def test_many_are_recorded_in_one_go_and_wake_the_workers_once(desk: Desk, intake: Intake) -> None:
    desk.announce(insider=10, algonomy=10)
    rung: list[list[str]] = []
    together = Intake(desk.engine, desk.masters, intake.keys, lambda names: rung.append(list(names)), Guards())
    taken = take_in([good(intake, number) for number in range(1, 51)], together)
    assert len({one for one in taken if isinstance(one, UUID)}) == 50
    assert rung == [["algonomy", "insider"]]
    assert desk.one("SELECT count(*) FROM audit_entries WHERE allowed") == 50
    assert take_in([], together) == []


@pytest.mark.parametrize("apart", [False, True])
def test_a_fault_of_ours_in_one_message_holds_up_that_message_only(
    desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    whole = payloads.checked_all

    def fail(subjects: Any, noticed: Any) -> Any:
        if subjects[0]["user_id"] == "jane-00002":
            raise OverflowError("of jane@private.example")
        return whole(subjects, noticed)

    monkeypatch.setattr(payloads, "checked_all", fail)
    taken = take_in([good(intake, number) for number in (1, 2, 3)], intake, apart=apart)
    assert [type(one) for one in taken] == [UUID, Waits, UUID]
    assert "OverflowError at " in str(taken[1])
    assert "jane" not in str(taken[1])


def test_a_fault_of_ours_when_they_are_recorded_together_is_met_one_by_one(
    desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producers, "submit_few", lambda *_, **__: 1 / 0)
    taken = take_in([good(intake, number) for number in (1, 2)], intake)
    assert [type(one) for one in taken] == [UUID, UUID]


def test_a_message_that_postgresql_fails_at_can_be_told_from_postgresql_being_away(
    desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = producers.submit

    def fail(submission: Any, subjects: Any, **more: Any) -> Any:
        if subjects[0]["user_id"] == "jane-00002":
            raise LedgerError("it answers with error 57014; see its own log")
        return alone(submission, subjects, **more)

    def fail_together(*_: Any, **__: Any) -> None:
        raise LedgerError("it answers with error 57014; see its own log")

    monkeypatch.setattr(producers, "submit", fail)
    monkeypatch.setattr(producers, "submit_few", fail_together)
    items = [good(intake, number) for number in (1, 2, 3)]
    with pytest.raises(LedgerError):
        take_in(items, intake)
    assert [type(one) for one in take_in(items, intake, apart=True)] == [UUID, Waits, UUID]

    def away(*_: Any) -> None:
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(producers, "look_up", away)
    with pytest.raises(LedgerError, match="nobody answers"):
        take_in(items, intake, apart=True)


def test_what_is_said_of_a_message_beside_its_argument_does_not_matter(desk: Desk, intake: Intake) -> None:
    """Workers of earlier versions put messages back with a time at which to take them up again."""
    sealed = seal(REQUEST, str(intake.keys.public))
    said = {"eta": "2999-01-01T00:00:00+00:00", "retries": 7, "argsrepr": MARK, "shadow": "x\n" + MARK, "root_id": "1"}
    taken: list[Taken] = take_in([item(sealed, **said)], intake)
    assert isinstance(taken[0], UUID)
    assert MARK not in repr(log(desk))
