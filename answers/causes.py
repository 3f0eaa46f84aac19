"""Why something was not done, in as few causes as an answer needs: each of them is a message of every catalogue."""

from collections.abc import Mapping
from types import MappingProxyType

from domain.outcomes import HOLD_REASONS, Outcome, Reason

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys([Reason.NO_OPERATION], "no_operation"),
        **dict.fromkeys([Reason.SWITCHED_OFF], "switched_off"),
        **dict.fromkeys([Reason.REJECTED, Reason.CONFLICT, Reason.TOO_LARGE], "not_accepted"),
        **dict.fromkeys([Reason.UNKNOWN_PERSON], "unknown_person"),
        **dict.fromkeys([Reason.NOT_UNIQUE], "not_unique"),
        **dict.fromkeys([Reason.IDENTITY_MISMATCH, Reason.IDENTITY_UNKNOWN], "identity"),
        **dict.fromkeys([Reason.SESSION_EXPIRED, Reason.SESSION_REFUSED], "session"),
        **dict.fromkeys([Reason.CODE_SENT, Reason.CODE_UNCERTAIN, Reason.CODE_REFUSED], "code"),
        **dict.fromkeys([Reason.NEWER_OPT_IN, Reason.SUCCESSOR_GONE, Reason.TOO_MANY_MATCHES], "other_wish"),
        **dict.fromkeys([Reason.NOT_IN_EFFECT, Reason.CAME_BACK], "not_in_effect"),
        **{reason: reason.value for reason in HOLD_REASONS},
        **dict.fromkeys([Reason.CLOSED_BY_HAND], "by_hand"),
        **dict.fromkeys([Reason.MANUAL], "manual"),
        **dict.fromkeys([Reason.VENDOR_RETIRED], "retired"),
        **dict.fromkeys(
            [
                Reason.RATE_LIMITED,
                Reason.BUSY,
                Reason.SERVER_ERROR,
                Reason.NO_CONNECTION,
                Reason.ANSWER_LOST,
                Reason.UNREADABLE,
                Reason.PENDING_AT_VENDOR,
                Reason.LEASE_LOST,
                Reason.OUR_FAULT,
            ],
            "technical",
        ),
        **dict.fromkeys(
            [Reason.BAD_CREDENTIALS, Reason.FORBIDDEN, Reason.WRONG_ADDRESS, Reason.MISCONFIGURED], "access"
        ),
    }
)
"""`no_identifier` and the ways of a good outcome have none: the outcome says it already."""


def cause_of(outcome: str, reason: str | None) -> str | None:
    """The message that says why; None where the outcome says all that is known."""
    if reason is None:
        return "withdrawn" if outcome == Outcome.CANCELLED else None
    return CAUSES.get(reason)
