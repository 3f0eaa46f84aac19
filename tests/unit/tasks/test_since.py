"""What a copy of the log says happened since a backup, and what is done to a request because of it."""

from uuid import UUID

import pytest

from evidence.canonical import canonical
from tasks.since import Again, Done, Received, Since, decide, read

ONE, OTHER = UUID(int=1), UUID(int=2)


def entry(logged: str, request: UUID | None = None, **facts: object) -> bytes:
    named = {"request": str(request)} if request is not None else {}
    return canonical({"type": logged, "logged_at": "2026-01-02T03:04:05.000000Z", **named, **facts})


def received(request: UUID, status: str = "running") -> bytes:
    return entry("request.received", request, kind="erasure", people=3, vendors=["insider"], status=status)


def vendor(**facts: object) -> bytes:
    return entry("vendor", vendor="insider", **{"enabled": True, **facts})


def test_what_happened_to_requests_is_read_in_order() -> None:
    since = read(
        [
            received(ONE),
            entry("request.status", ONE, status="completed", closed_at="…"),
            entry("request.status", OTHER, status="cancelled"),
            entry("deed", OTHER, deed="cancel", by="cli:ann", vendor=None, row=4),
            entry("request.forgotten", ONE),
            entry("outcomes", ONE, size=3, root="", vendors={}, row=7),
        ]
    )
    assert since == Since(
        received={ONE: Received("erasure", 3, ["insider"])},
        status={ONE: "completed", OTHER: "cancelled"},
        forgotten={ONE},
        deeds=[Done("cancel", OTHER, None)],
    )


@pytest.mark.parametrize(
    ("logged", "stopped"),
    [
        ([vendor(held_at="…", held_by="cli:ann")], {"insider": "cli:ann"}),
        ([vendor(held_at="…", held_by="worker")], {}),
        ([vendor(held_at="…", held_by="restored")], {}),
        ([vendor(enabled=False, off_by="user:bob")], {"insider": "user:bob"}),
        ([vendor(enabled=False, off_by="user:bob", retired_at="…")], {"insider": "user:bob"}),
        ([vendor(held_at="…", held_by="cli:ann"), vendor()], {}),
        ([vendor(held_at="…", held_by="cli:ann"), vendor(held_by="cli:ann")], {}),
    ],
)
def test_a_vendor_is_stopped_as_a_person_left_it(logged: list[bytes], stopped: dict[str, str]) -> None:
    assert read(logged).stopped == stopped


def test_legal_holds_that_have_not_ended_are_lost_and_what_is_not_known_is_counted() -> None:
    holds = [entry("legal_hold", hold=n, event="added", reason="litigation", row=n) for n in (1, 2, 3)]
    ends = [entry("legal_hold", hold=1, event="released"), entry("legal_hold", hold=3, event="ended")]
    since = read([*holds, *ends, entry("key", purpose="fingerprints"), entry("retention"), entry("retention")])
    assert since.legal_holds == {2: "litigation"}
    assert since.others == {"key": 1, "retention": 2}


@pytest.mark.parametrize("logged", ["audit", "audit.dropped", "log", "resurrection", "signing_key", "timestamp"])
def test_what_nobody_can_do_again_is_not_asked_for(logged: str) -> None:
    assert read([entry(logged)]) == Since()


@pytest.mark.parametrize(
    "wrong", [b"", b"[]", b"{}", b'{"type": "request.status", "request": "x", "status": "running"}']
)
def test_what_is_none_of_ours_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"form|EOF|hexadecimal"):
        read([wrong])


def status(last: str) -> Since:
    return Since(status={ONE: last})


HOLD = Since(legal_holds={1: "litigation"})
FORGOTTEN = Since(status={ONE: "completed"}, forgotten={ONE})


@pytest.mark.parametrize(
    ("kind", "stands", "since", "again"),
    [
        ("erasure", "running", status("completed"), Again.ASK),
        ("erasure", "running", status("completed_with_exceptions"), Again.ASK),
        ("erasure", "running", status("cancelled"), Again.CANCEL),
        ("erasure", "unconfirmed", status("cancelled"), Again.CANCEL),
        ("erasure", "unconfirmed", status("completed"), Again.LEAVE),
        ("erasure", "unconfirmed", status("running"), Again.LEAVE),
        ("erasure", "running", status("running"), Again.LEAVE),
        ("erasure", "running", Since(), Again.LEAVE),
        ("opt_out", "running", Since(), Again.LEAVE),
        ("opt_in", "running", Since(), Again.ASK),
        ("opt_in", "running", status("running"), Again.ASK),
        ("opt_in", "completed", Since(), Again.LEAVE),
        ("erasure", "running", None, Again.ASK),
        ("opt_in", "completed", None, Again.LEAVE),
        ("erasure", "running", HOLD, Again.ASK),
        ("erasure", "completed", HOLD, Again.LEAVE),
        ("erasure", "running", FORGOTTEN, Again.FORGET),
        ("erasure", "completed", FORGOTTEN, Again.FORGET),
        ("opt_in", "unconfirmed", FORGOTTEN, Again.FORGET),
    ],
)
def test_what_is_done_to_a_request(kind: str, stands: str, since: Since | None, again: Again) -> None:
    assert decide(kind, stands, forgotten=False, public_id=ONE, since=since) is again


def test_what_is_forgotten_already_is_left() -> None:
    assert decide("erasure", "completed", forgotten=True, public_id=ONE, since=FORGOTTEN) is Again.LEAVE
