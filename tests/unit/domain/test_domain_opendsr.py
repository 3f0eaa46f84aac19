"""What controllers are told, in the specification's words."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from domain.deadlines import Regulation
from domain.notices import Notice
from domain.opendsr import (
    Delivery,
    DsrRequest,
    DsrState,
    DsrStatus,
    Version,
    callback_body,
    details_for,
    dsr_status,
    extensions,
    received,
    state_at,
    status_body,
)
from domain.opendsr import withdrawn as withdrawn_
from domain.requests import Kind
from tests.table_rows import each_row

ID = UUID("a7551968-d5d6-44b2-9831-815ac9017798")
DOMAIN = "opendsr.consent.example"
STANDING = DsrState(
    request_id=UUID("123e4567-e89b-42d3-a456-426614174000"),
    controller_id="shop",
    subject_request_id=ID,
    version=Version.V2,
    status=DsrStatus.PENDING,
    received_at=datetime(2018, 10, 2, 15, 0, 1, 999_999, tzinfo=UTC),
    due_at=datetime(2018, 11, 2, 0, 0, 1, tzinfo=timezone(timedelta(hours=9))),
    unused_identities=("android_id",),
    group_id="spring",
)


@each_row(
    ("ours", "begun", "unreachable", "theirs"),
    [
        ("unconfirmed", False, False, "pending"),
        ("running", False, False, "pending"),
        ("running", True, False, "in_progress"),
        ("running", True, True, "in_progress"),
        ("completed", True, False, "completed"),
        ("completed_with_exceptions", True, False, "completed"),
        ("completed_with_exceptions", True, True, "in_progress"),  # somebody was not reached, and nobody accepts it
        ("cancelled", False, False, "cancelled"),
        ("cancelled", True, True, "cancelled"),
    ],
)
def test_every_status_of_ours_has_a_word(ours: str, begun: bool, unreachable: bool, theirs: str) -> None:
    assert dsr_status(ours, begun=begun, unreachable=unreachable) == theirs


def test_a_receipt_has_the_fields_of_the_specification() -> None:
    assert received(STANDING, "e30=") == {
        "controller_id": "shop",
        "expected_completion_time": "2018-11-01T15:00:01Z",
        "received_time": "2018-10-02T15:00:01Z",
        "encoded_request": "e30=",
        "subject_request_id": str(ID),
    }


def test_a_status_has_the_fields_of_its_version() -> None:
    common = {
        "controller_id": "shop",
        "expected_completion_time": "2018-11-01T15:00:01Z",
        "subject_request_id": str(ID),
        "request_status": "pending",
        "extensions": {
            DOMAIN: {
                "request_id": "123e4567-e89b-42d3-a456-426614174000",
                "distribution_status": [],
                "unreachable": {},
                "unused_identities": ["android_id"],
            }
        },
    }
    assert status_body(STANDING, Version.V2, DOMAIN) == {**common, "api_version": "2.0"}
    # Asked in another version than it came in, it is answered in that one.
    assert status_body(STANDING, Version.V3, DOMAIN) == {
        **common,
        "api_version": "3.0",
        "group_id": "spring",
        "results_url": None,
    }


def test_a_callback_names_its_own_url_and_nobody() -> None:
    two = {
        "controller_id": "shop",
        "expected_completion_time": "2018-11-01T15:00:01Z",
        "status_callback_url": "https://a.example/cb",
        "subject_request_id": str(ID),
        "request_status": "pending",
        "api_version": "2.0",
        "extensions": extensions(STANDING, DOMAIN),
    }
    assert callback_body(STANDING, "https://a.example/cb", DOMAIN) == two
    three = callback_body(replace(STANDING, version=Version.V3), "https://a.example/cb", DOMAIN)
    assert three == {**two, "api_version": "3.0", "results_url": None}


ASKED = DsrRequest(
    id=ID,
    version=Version.V3,
    kind=Kind.ERASURE,
    submitted_at=STANDING.received_at,
    regulation=Regulation.GDPR,
    subjects=({"email": "jane@example.org"},),
    unused_identities=("android_id", "roku_id"),
    callback_urls=("https://a.example/cb?for=jane",),
    group_id="jane",
    content=b"jane",
)


def notice(status: str, vendors: Mapping[str, Mapping[str, int]], **more: Any) -> Notice:
    return Notice(
        message_id=UUID(int=1),
        request_id=STANDING.request_id,
        kind=Kind.ERASURE,
        status=status,
        happened_at=STANDING.received_at,
        received_at=STANDING.received_at,
        due_at=STANDING.due_at,
        subjects=3,
        vendors=vendors,
        details=details_for(ASKED, "key:shop"),
        **more,
    )


def test_a_notice_has_what_a_callback_needs_and_nobody() -> None:
    assert "jane" not in repr(ASKED)
    assert "jane" not in str(details_for(ASKED, "key:shop"))
    counts = {"insider": {"accepted": 2, "unreachable": 1, "refused": 0}, "akinon": {"pending": 3, "unreachable": 0}}
    assert state_at(notice("running", counts, accepted=frozenset({"akinon"}))) == DsrState(
        request_id=STANDING.request_id,
        controller_id="shop",
        subject_request_id=ID,
        version=Version.V3,
        status=DsrStatus.IN_PROGRESS,
        received_at=STANDING.received_at,
        due_at=STANDING.due_at,
        unused_identities=("android_id", "roku_id"),
        deliveries=(
            Delivery("insider", "accepted", None),
            Delivery("insider", "unreachable", None),
            Delivery("akinon", "pending", None),
        ),
        unreachable={"insider": 1},
        accepted=frozenset({"akinon"}),
    )


@each_row(
    ("status", "counts", "more", "theirs"),
    [
        ("running", {"pending": 3, "accepted": 0}, {}, "pending"),
        ("running", {"pending": 3}, {"begun": True}, "in_progress"),
        ("running", {"pending": 2, "accepted": 1}, {}, "in_progress"),
        ("completed_with_exceptions", {"unreachable": 1}, {}, "in_progress"),
        ("completed_with_exceptions", {"unreachable": 1}, {"accepted": frozenset({"akinon"})}, "in_progress"),
        ("completed_with_exceptions", {"unreachable": 1}, {"accepted": frozenset({"insider"})}, "completed"),
        ("completed", {"unreachable": 0, "accepted": 3}, {}, "completed"),
    ],
)
def test_a_notice_tells_the_status_of_its_time(
    status: str, counts: dict[str, int], more: dict[str, Any], theirs: str
) -> None:
    assert state_at(notice(status, {"insider": counts}, **more)).status == theirs


def test_a_cancellation_tells_when_it_came() -> None:
    at = datetime(2018, 10, 3, tzinfo=UTC)
    two = {
        "controller_id": "shop",
        "subject_request_id": str(ID),
        "received_time": "2018-10-03T00:00:00Z",
        "api_version": "2.0",
    }
    assert withdrawn_(STANDING, Version.V2, at) == two
    assert withdrawn_(STANDING, Version.V3, at) == {**two, "api_version": "3.0", "expected_completion_time": None}


@each_row(
    ("outcomes", "status", "message"),
    [
        (["pending"], "pending", None),
        (["verified", "pending"], "pending", None),
        (["accepted"], "sent", "accepted"),
        (["verified", "absent"], "sent", "absent (unknown_person), verified"),
        (["verified", "not_applicable"], "sent", "verified"),
        (["not_applicable", "superseded"], "skipped", "not_applicable, superseded"),
        (["cancelled"], "skipped", "cancelled"),
        (["refused", "verified", "pending"], "failed", "refused (rejected)"),
        (["needs_action"], "failed", "needs_action"),
    ],
)
def test_each_vendor_is_told_of_and_failures_first(outcomes: list[str], status: str, message: str | None) -> None:
    reasons = {"absent": "unknown_person", "refused": "rejected"}
    deliveries = tuple(Delivery("insider", outcome, reasons.get(outcome)) for outcome in outcomes)
    told_of = extensions(replace(STANDING, deliveries=deliveries), DOMAIN)[DOMAIN]["distribution_status"]
    assert told_of == [{"name": "insider", "status": status, "status_message": message}]


@pytest.mark.parametrize(("accepted", "status"), [(set(), "failed"), ({"insider"}, "skipped"), ({"akinon"}, "failed")])
def test_who_cannot_be_reached_has_failed_until_it_is_accepted(accepted: set[str], status: str) -> None:
    state = replace(
        STANDING,
        deliveries=(Delivery("insider", "unreachable", "no_identifier"),),
        unreachable={"insider": 1},
        accepted=frozenset(accepted),
    )
    told_of = extensions(state, DOMAIN)[DOMAIN]
    assert told_of["unreachable"] == {"insider": 1}
    assert told_of["distribution_status"] == [
        {"name": "insider", "status": status, "status_message": "unreachable (no_identifier)"}
    ]
