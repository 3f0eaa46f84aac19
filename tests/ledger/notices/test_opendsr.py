"""Data subject requests that came by OpenDSR, in the ledger: once, for their controller's eyes, withdrawn in time."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.callbacks import Callbacks
from adapters.contract import Answer, Verdict
from adapters.opendsr_callbacks import format_letter
from adapters.receivers import Rules
from config.opendsr import OpenDsrSettings
from config.opendsr_signer import PAIR_FILE, find_signer
from domain.notices import Style
from domain.opendsr import DsrRequest, DsrState, DsrStatus, Version, state_at
from domain.outcomes import Reason
from domain.regulations import Regulation
from domain.requests import Kind
from ledger.delivery import chunks
from ledger.delivery.claiming import claim
from ledger.desk.fresh_sessions import Given
from ledger.keys import fingerprinter
from ledger.notices import outbox
from local.signing_pair import self_signed
from tasks.attend import AttendError, NoSuchRequestError
from tasks.attend import Desk as AtDesk
from tasks.notify import Courier, notify
from tasks.opendsr import CallbackError, DsrRequests, OtherContentError
from tasks.settle import settle
from tasks.submission import SubmitError
from tasks.submit import submit
from tests.contract.samples import adapter_of
from tests.ledger.conftest import APPLIED, Desk, everybody
from tests.ledger.test_personal_data import assert_nothing_personal
from tests.receiver import Receiver
from tests.stubs import StubExchange

URL = "https://controller.example/callbacks?for=jane-4711"
REJECTED = Answer(Verdict.USER, Reason.REJECTED, certain=True)


def dsr_requests(desk: Desk, controller: str = "key:shop") -> DsrRequests:
    def prints() -> Any:
        with desk.engine.begin() as connection:
            return fingerprinter(connection, desk.masters)

    return DsrRequests(
        controller=controller,
        engine=desk.engine,
        masters=desk.masters,
        prints=prints,
        rules=Rules(frozenset({"controller.example"})),
        submit=lambda submission, people: submit(
            submission, people, engine=desk.engine, masters=desk.masters, wake=desk.woken.extend
        ),
        wake=desk.woken.extend,
    )


def asked(**more: Any) -> DsrRequest:
    given: dict[str, Any] = {
        "id": uuid4(),
        "version": Version.V2,
        "kind": Kind.ERASURE,
        "submitted_at": datetime(2026, 5, 25, tzinfo=UTC),
        "regulation": Regulation.GDPR,
        "subjects": ({"user_id": "jane-4711", "email": "jane.doe@private.example"},),
        "unused_identities": ("android_id",),
        "callback_urls": (URL,),
        "group_id": "of jane-4711",
        "content": b'{"email":"jane.doe@private.example"}',
    }
    return DsrRequest(**given | more)


def lease_one(desk: Desk) -> chunks.Lease:
    with desk.engine.begin() as connection:
        (claimed,) = claim(connection, "insider", 1)
        lease = chunks.lease(connection, claimed.chunk_id, lease_s=60, holder="test", masters=desk.masters)
    assert lease is not None
    return lease


def status_body(desk: Desk) -> list[DsrState]:
    """What the outbox has to tell, in order."""
    found = []
    while True:
        with desk.engine.begin() as connection:
            claimed = outbox.claim(connection, desk.masters, lease_s=60, receivers=[], styles=list(Style))
            for message in claimed:
                assert (message.url, message.style) == (URL, Style.OPENDSR)
                outbox.delivered(connection, message, 202)
        if not claimed:
            return found
        found += [state_at(message.notice) for message in claimed]


def test_a_request_goes_its_way_and_its_controller_is_told_of_every_step(desk: Desk) -> None:
    request = asked()
    taken = dsr_requests(desk).take(request).state
    assert (taken.status, taken.controller_id, taken.group_id) == (DsrStatus.PENDING, "shop", "of jane-4711")
    assert [(one.vendor, one.outcome) for one in taken.deliveries] == [("insider", "pending")]

    lease = lease_one(desk)
    assert dsr_requests(desk).look(request.id).status is DsrStatus.IN_PROGRESS
    with desk.engine.begin() as connection:
        chunks.put_back(connection, lease, delay_s=0, setbacks=[])
    tools = desk.tools_for(everybody(REJECTED))
    desk.work_off(tools)
    settle(tools)

    ended = dsr_requests(desk).look(request.id)
    assert ended.status is DsrStatus.COMPLETED
    assert [(one.outcome, one.reason) for one in ended.deliveries] == [("refused", "rejected")]
    steps = status_body(desk)
    assert [step.status for step in steps] == [DsrStatus.PENDING, DsrStatus.IN_PROGRESS, DsrStatus.COMPLETED]
    assert {(step.controller_id, step.subject_request_id, step.version) for step in steps} == {
        ("shop", request.id, Version.V2)
    }
    assert [[(one.vendor, one.outcome) for one in step.deliveries] for step in steps] == [
        [("insider", "pending")],
        [("insider", "pending")],
        [("insider", "refused")],
    ]
    assert {step.request_id for step in steps} == {taken.request_id}
    assert steps[-1].unused_identities == ("android_id",)


def test_callbacks_are_the_specifications_and_signed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / PAIR_FILE).write_bytes(self_signed("localhost"))
    signer = find_signer(OpenDsrSettings(), tmp_path)
    assert signer is not None
    rules, listener = Rules(loopback=True), Receiver()
    listening = AsyncExitStack()

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, desk.loop).result(timeout=60)

    courier = Courier(
        engine=desk.engine,
        masters=desk.masters,
        start=lambda work: asyncio.run_coroutine_threadsafe(work, desk.loop),
        callbacks=Callbacks(rules),
        receivers={},
        stopping=lambda: False,
        formats={Style.OPENDSR: partial(format_letter, signer=signer)},
    )
    on_loop(listening.enter_async_context(listener.listening()))
    url = f"http://127.0.0.1:{listener.port}/opendsr/callbacks?for=jane-4711"
    request = asked(callback_urls=(url, url), version=Version.V3)
    replace(dsr_requests(desk), rules=rules).take(request)
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    settle(desk.tools_for(everybody(APPLIED)))
    assert notify(courier) == 3
    on_loop(listening.aclose())

    public = x509.load_pem_x509_certificate(signer.certificate).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    for post, status in zip(listener.posts, ["pending", "in_progress", "completed"], strict=True):
        assert post.head.startswith("POST /opendsr/callbacks?for=jane-4711 ")
        assert post.headers["content-type"] == "application/json"
        assert post.headers["x-opendsr-processor-domain"] == "localhost"
        public.verify(b64decode(post.headers["x-opendsr-signature"]), post.body, PKCS1v15(), SHA256())
        body = json.loads(post.body)
        assert body.pop("extensions").keys() == {"localhost"}
        assert body | {"expected_completion_time": ""} == {
            "controller_id": "shop",
            "expected_completion_time": "",
            "status_callback_url": url,
            "subject_request_id": str(request.id),
            "request_status": status,
            "api_version": "3.0",
            "results_url": None,
        }


def test_nothing_personal_of_a_data_subject_request_can_be_read(desk: Desk) -> None:
    dsr_requests(desk).take(asked())
    desk.work_off(desk.tools_for(everybody(REJECTED)))
    assert_nothing_personal(desk.engine)


def test_the_same_twice_is_one_request_and_other_content_is_refused(desk: Desk) -> None:
    request = asked()
    first = dsr_requests(desk).take(request)
    assert not first.repeated
    assert dsr_requests(desk).take(request) == first._replace(repeated=True)
    assert desk.one("SELECT count(*) FROM requests") == 1
    for other in (replace(request, content=b"{}"), replace(request, content=b"{}", subjects=({"user_id": "u-2"},))):
        with pytest.raises(OtherContentError):
            dsr_requests(desk).take(other)
    assert desk.one("SELECT count(*) FROM requests") == 1


def test_many_at_once_make_one_request(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    request = asked()
    results = in_threads(6, lambda: dsr_requests(desk).take(request).state.received_at)
    assert len(set(results)) == 1
    assert isinstance(results[0], datetime)
    assert desk.one("SELECT count(*) FROM opendsr_requests") == 1
    other = asked()
    contents = iter([b"1", b"2", b"3", b"4"])
    several = in_threads(4, lambda: dsr_requests(desk).take(replace(other, content=next(contents))))
    assert sorted(type(result).__name__ for result in several) == ["OtherContentError"] * 3 + ["Taken"]


def test_a_controller_sees_its_own_only(desk: Desk) -> None:
    request = asked()
    dsr_requests(desk).take(request)
    stranger = dsr_requests(desk, "key:other")
    for deed in (stranger.look, stranger.withdraw):
        with pytest.raises(NoSuchRequestError):
            deed(request.id)
    assert stranger.look_at_group("of jane-4711") == []
    # The same id is another controller's own to use.
    assert stranger.take(replace(request, content=b"{}")).state.controller_id == "other"
    assert dsr_requests(desk).look(request.id).controller_id == "shop"


def test_a_group_is_found_by_its_name(desk: Desk) -> None:
    requests = [asked(content=str(n).encode()) for n in range(3)]
    for request in [*requests, asked(group_id="another"), asked(group_id=None)]:
        dsr_requests(desk).take(request)
    found = dsr_requests(desk).look_at_group("of jane-4711")
    assert [one.subject_request_id for one in found] == [request.id for request in requests]
    desk.execute("DELETE FROM data_keys")  # forgotten: the name is gone with the people
    assert [one.group_id for one in dsr_requests(desk).look_at_group("of jane-4711")] == [None] * 3


def test_what_has_not_begun_is_withdrawn(desk: Desk) -> None:
    request = asked()
    dsr_requests(desk).take(request)
    assert dsr_requests(desk).withdraw(request.id).status is DsrStatus.CANCELLED
    assert dsr_requests(desk).withdraw(request.id).status is DsrStatus.CANCELLED
    assert desk.outcomes() == {("insider", 1): ("cancelled", None, 0)}
    assert desk.rows("SELECT by, deed FROM notes") == [("key:shop", "cancel")]
    assert [step.status for step in status_body(desk)] == [DsrStatus.PENDING, DsrStatus.CANCELLED]


def test_what_has_begun_or_ended_is_not_withdrawn(desk: Desk) -> None:
    request = asked()
    dsr_requests(desk).take(request)
    lease_one(desk)
    with pytest.raises(AttendError, match="has begun"):
        dsr_requests(desk).withdraw(request.id)
    assert dsr_requests(desk).look(request.id).status is DsrStatus.IN_PROGRESS
    desk.execute("UPDATE requests SET status = 'completed'")
    with pytest.raises(AttendError, match="is completed"):
        dsr_requests(desk).withdraw(request.id)


def test_withdrawing_and_beginning_at_once_end_in_one_of_both(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    for _ in range(8):
        request = asked(content=str(uuid4()).encode())
        dsr_requests(desk).take(request)
        with desk.engine.begin() as connection:
            (claimed,) = claim(connection, "insider", 100)
        results = in_threads(2, one_each(desk, request, claimed.chunk_id))
        begun = any(isinstance(result, chunks.Lease) for result in results)
        status = dsr_requests(desk).look(request.id).status
        assert status is (DsrStatus.IN_PROGRESS if begun else DsrStatus.CANCELLED), results
        assert any(isinstance(result, AttendError) for result in results) is begun
        desk.execute("UPDATE requests SET status = 'completed'")


def one_each(desk: Desk, request: DsrRequest, chunk_id: int) -> Callable[[], Any]:
    deeds = iter([lambda: dsr_requests(desk).withdraw(request.id), lambda: begin(desk, chunk_id)])

    def one() -> Any:
        deed = next(deeds)
        return deed()

    return one


def begin(desk: Desk, chunk_id: int) -> chunks.Lease | None:
    with desk.engine.begin() as connection:
        return chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=desk.masters)


def test_what_is_on_record_is_found_also_where_its_address_is_allowed_no_more(desk: Desk) -> None:
    """A controller whose answer was lost asks again; what an operator has changed meanwhile is no matter of its."""
    request = asked(callback_urls=(URL,))
    first = dsr_requests(desk).take(request)
    strict = replace(dsr_requests(desk), rules=Rules())
    assert strict.take(request).state == first.state
    with pytest.raises(CallbackError):
        strict.take(asked(callback_urls=(URL,)))


def test_an_address_that_nobody_allowed_is_refused_by_its_place(desk: Desk) -> None:
    for bad in ("http://controller.example/", "https://127.0.0.1/", "https://elsewhere.example/", "nonsense"):
        with pytest.raises(CallbackError) as error:
            dsr_requests(desk).take(asked(callback_urls=(URL, bad)))
        assert error.value.place == 1
        assert bad not in str(error.value)
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_an_id_that_came_by_another_door_is_not_taken_over(desk: Desk) -> None:
    request = asked()
    desk.submit(request.subjects, idempotency_key=f"opendsr:key:shop:{request.id}")
    with pytest.raises(SubmitError):
        dsr_requests(desk).take(request)
    assert desk.one("SELECT count(*) FROM opendsr_requests") == 0


def test_what_is_asked_decides_the_kind_and_when_the_wish_was_made(desk: Desk) -> None:
    dsr_requests(desk).take(asked(kind=Kind.OPT_OUT))
    assert desk.rows("SELECT CAST(kind AS text), effective_at, submitted_by FROM requests") == [
        ("opt_out", datetime(2026, 5, 25, tzinfo=UTC), "key:shop")
    ]


def test_the_regulation_and_when_it_was_submitted_decide_when_it_is_due(desk: Desk) -> None:
    for regulation, due in ((Regulation.CCPA, "2026-07-09"), (Regulation.LGPD, "2026-06-09")):
        taken = dsr_requests(desk).take(asked(regulation=regulation))
        assert taken.state.due_at == datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert desk.rows("SELECT DISTINCT asked_at FROM requests") == [(datetime(2026, 5, 25, tzinfo=UTC),)]


def test_nothing_begins_twice_and_a_retry_is_no_beginning(desk: Desk) -> None:
    request = asked()
    dsr_requests(desk).take(request)
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    begun_at = desk.one("SELECT begun_at FROM opendsr_requests")
    desk.execute("UPDATE chunks SET starts = 0")
    desk.execute("UPDATE chunks SET starts = 1")
    assert desk.one("SELECT begun_at FROM opendsr_requests") == begun_at
    assert desk.one("SELECT count(*) FROM outbox WHERE begun") == 1


def test_the_id_of_one_that_is_unknown_is_not_found(desk: Desk) -> None:
    with pytest.raises(NoSuchRequestError):
        dsr_requests(desk).look(UUID("a7551968-d5d6-44b2-9831-815ac9017798"))


def by_mail(**more: Any) -> DsrRequest:
    """Somebody whom Insider knows, and Algonomy does not."""
    return asked(subjects=({"email": "jane.doe@private.example"},), **more)


def two_vendors(desk: Desk) -> Any:
    desk.announce(insider=10, algonomy=10)
    return desk.tools({name: StubExchange(everybody(APPLIED), adapter_of(name)) for name in ("insider", "algonomy")})


def test_a_controller_is_told_that_it_is_not_completed_while_somebody_is_unreachable(desk: Desk) -> None:
    request, tools = by_mail(), two_vendors(desk)
    taken = dsr_requests(desk).take(request).state
    assert (taken.status, taken.unreachable) == (DsrStatus.PENDING, {"algonomy": 1})
    desk.work_off(tools)
    settle(tools)
    ended = dsr_requests(desk).look(request.id)
    assert desk.one("SELECT CAST(status AS text) FROM requests") == "completed_with_exceptions"
    assert (ended.status, ended.unreachable) == (DsrStatus.IN_PROGRESS, {"algonomy": 1})
    assert [step.status for step in status_body(desk)][-1] is DsrStatus.IN_PROGRESS

    AtDesk(desk.engine, "anna", desk.woken.extend).accept(taken.request_id, None, "known by e-mail only")
    assert dsr_requests(desk).look(request.id).status is DsrStatus.COMPLETED
    (last,) = status_body(desk)
    assert (last.status, last.unreachable, last.accepted) == (
        DsrStatus.COMPLETED,
        {"algonomy": 1},
        frozenset({"algonomy", "insider"}),
    )


def test_what_waited_to_be_told_says_what_was_true_then(desk: Desk) -> None:
    request, tools = by_mail(), two_vendors(desk)
    taken = dsr_requests(desk).take(request).state
    desk.work_off(tools)
    settle(tools)
    AtDesk(desk.engine, "anna", desk.woken.extend).accept(taken.request_id, None, "known by e-mail only")
    assert [step.status for step in status_body(desk)][-2:] == [DsrStatus.IN_PROGRESS, DsrStatus.COMPLETED]


def test_a_controller_may_accept_it_beforehand(desk: Desk) -> None:
    request, tools = by_mail(accept_unreachable=True), two_vendors(desk)
    dsr_requests(desk).take(request)
    desk.work_off(tools)
    settle(tools)
    ended = dsr_requests(desk).look(request.id)
    assert (ended.status, ended.unreachable) == (DsrStatus.COMPLETED, {"algonomy": 1})
    assert [step.status for step in status_body(desk)][-1] is DsrStatus.COMPLETED
    assert desk.rows("SELECT by, deed FROM notes") == [("key:shop", "accept")]


def test_an_identity_that_is_provided_completes_it(desk: Desk) -> None:
    request, tools = by_mail(), two_vendors(desk)
    taken = dsr_requests(desk).take(request).state
    desk.work_off(tools)
    settle(tools)
    fresh = Given(1, {"email": "jane.doe@private.example", "user_id": "jane-4711"})
    AtDesk(desk.engine, "anna", desk.woken.extend).provide(taken.request_id, [fresh], desk.masters)
    again = dsr_requests(desk).look(request.id)
    assert (again.status, again.unreachable) == (DsrStatus.IN_PROGRESS, {})
    desk.work_off(tools)
    settle(tools)
    assert dsr_requests(desk).look(request.id).status is DsrStatus.COMPLETED
