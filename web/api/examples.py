"""What the OpenAPI document shows of each model that has no examples of its own: right ones, as the tests make sure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from domain.emails import NO_EMAIL
from intake.card_wording import say_done

_ID = {"request_id": "0c6e4ac6-4ece-464d-9f6b-51aea054e9d9"}
_RECEIVED, _DUE = "2026-05-04T08:00:00.000Z", "2026-06-04T08:00:00.000Z"
_LISTED = {
    **_ID,
    "kind": "erasure",
    "status": "running",
    "subjects": 2,
    "duplicates": 0,
    "received_at": _RECEIVED,
    "due_at": _DUE,
    "submitted_by": "key:shop",
}
_DELIVERY = {
    "line": 1,
    "file_line": 2,
    "vendor": "insider",
    "outcome": "accepted",
    "reason": None,
    "attempts": 1,
    "settled_at": "2026-05-04T08:00:02.000Z",
    "done": say_done("insider", "erasure", "accepted", None),
    "superseded_by": None,
}
_INVOLVED = {
    **_ID,
    "kind": "erasure",
    "status": "completed",
    "received_at": _RECEIVED,
    "line": 1,
    "file_line": 2,
    "vendors": {"insider": "accepted", "dfinery": "verified"},
}
_GROUP = {
    "vendor": "insider",
    "outcome": "refused",
    "reason": "rejected",
    "deliveries": 5,
    "requests": 1,
    "oldest_due_at": _DUE,
    "what_to_do": "Ask the vendor what is wrong with these.",
}
_MISSING = {"deliveries": 2, "reason": "no_identifier", "give": "a shop session", "accepted_by": None}
_HELD_STEP = {
    "step": "attributes",
    "held_at": _RECEIVED,
    "held_reason": "forbidden",
    "held_by": "worker",
    "next_try_at": _RECEIVED,
}
_VENDOR = {
    "name": "insider",
    "enabled": True,
    "off_by": None,
    "retired_at": None,
    "served": True,
    "held_at": None,
    "held_reason": None,
    "held_by": None,
    "steps": [_HELD_STEP],
}
_AUDITED = {
    "id": 4711,
    "at": _RECEIVED,
    "by": "user:ann",
    "action": "POST /v1/vendors/{name}/hold",
    "allowed": True,
    "target": "insider",
    "status": 200,
    "because": None,
    "source": "192.0.2.7",
    "key": None,
    "account": None,
}

EXAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "Receipt": {
            **_ID,
            "subjects": 2,
            "duplicates": 0,
            "repeated": False,
            "unconfirmed": False,
            "unreachable": {"akinon": 2},
            "left_aside": {"phone_number": 1},
            "crowds": [],
        },
        "RequestStatus": {
            **_LISTED,
            "regulation": "gdpr",
            "asked_at": _RECEIVED,
            "effective_at": _RECEIVED,
            "not_before": _RECEIVED,
            "due_reason": None,
            "at_risk": False,
            "confirmed_by": None,
            "vendors": {"insider": {"pending": 0, "accepted": 2}, "akinon": {"pending": 0, "unreachable": 2}},
            "missing_identifiers": {"akinon": _MISSING},
            "directory": None,
        },
        "ListedRequest": _LISTED,
        "RequestPage": {"requests": [_LISTED], "next": None},
        "Delivery": _DELIVERY,
        "DeliveryPage": {"deliveries": [_DELIVERY], "next": "WyJpbnNpZGVyIiwxXQ"},
        "Retry": {"vendor": "insider", "reason": "rejected"},
        "Retried": {"deliveries": 5, "vendors": {"insider": 5}, "without_session": 0, "unreachable": 0},
        "Accepted": {**_ID, "deliveries": 2},
        "Closed": {**_ID, "deliveries": 2},
        "Selected": {"vendor": "insider", "reason": "rejected", "received_before": _RECEIVED},
        "CloseSelected": {"vendor": "insider", "because": "done by the vendor's support"},
        "DeedState": {
            "deed_id": "5d0f0d4b-8d0c-4a53-9b0c-8d2f6c6b1c11",
            "deed": "retry",
            "by": "key:shop",
            "began_at": _RECEIVED,
            "ended_at": None,
            "requests": 4_000,
            "deliveries": 4_100,
            "vendors": {"insider": 4_100},
            "own": 0,
            "without_session": 0,
            "unreachable": 2,
        },
        "MissingIdentifier": _MISSING,
        "Extended": {**_ID, "due_at": _DUE, "due_reason": "many requests at once"},
        "Cancelled": {**_ID, "status": "cancelled", "done": 1, "cancelled": 3, "under_way": 0},
        "Confirmed": {**_ID, "status": "running"},
        "Involvement": _INVOLVED,
        "Involvements": {"requests": [_INVOLVED]},
        "AttentionGroup": _GROUP,
        "Attention": {"deliveries": 5, "groups": [_GROUP]},
        "RetiredVendor": {"name": "insider", "pending": 12, "waiting": 3, "before": None},
        "VendorState": _VENDOR,
        "HeldStepState": _HELD_STEP,
        "Vendors": {"vendors": [_VENDOR]},
        "AuditEntry": _AUDITED,
        "AuditPage": {"entries": [_AUDITED], "next": 4711},
        "Login": {"name": "ann", "password": "correct horse battery"},
        "Session": {"name": "key:shop", "role": "operator"},
        "Problem": {
            "type": "urn:consent:problem:unusable",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "some of the people cannot be taken; nothing was recorded",
            "errors": [{"field": "subjects.3.email", "problem": NO_EMAIL}],
            "errors_total": 1,
        },
    }
)
"""By the name of the model."""
