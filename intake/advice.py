"""What to do about a delivery that needs a person, a sentence for each reason."""

from collections.abc import Mapping
from types import MappingProxyType

from adapters.registry import adapter_named
from domain.outcomes import Reason

_RETRY_LATER = "The vendor was out of order for longer than the retry policy waits: retry when it is well again."
_MEND = "Mend the vendor's settings, see `consent doctor`, then retry."

ADVICE: Mapping[str | None, str] = MappingProxyType(
    {
        Reason.NO_IDENTIFIER: "Give what this vendor knows the person by with `consent provide`, or accept it with "
        "`consent accept`.",
        Reason.REJECTED: "Ask the vendor what is wrong with these; then retry with --reason rejected, or close them.",
        Reason.UNKNOWN_PERSON: "The vendor does not know the identifier given: submit the right one, and close these.",
        Reason.CONFLICT: "The vendor may not change these now: ask it why, then retry with --reason conflict.",
        Reason.NOT_UNIQUE: "Several of the vendor's records answer to this identifier: submit its own id, close these.",
        Reason.TOO_LARGE: "Shorten what is sent for these people, submit them anew, and close these.",
        Reason.IDENTITY_MISMATCH: "The session is somebody else's: provide one of the person's own.",
        Reason.IDENTITY_UNKNOWN: "Provide a session with an id or e-mail by which its owner can be checked.",
        Reason.SESSION_EXPIRED: "Have the person log in again, and provide the fresh session.",
        Reason.SESSION_REFUSED: "The session's CSRF token is not taken: provide a fresh session with its token.",
        Reason.CODE_SENT: "The vendor sent the person a code: provide a fresh session together with it.",
        Reason.CODE_UNCERTAIN: "Ask the person whether a code came: provide a fresh session, with it if so.",
        Reason.CODE_REFUSED: "The code is wrong or has expired: ask the person, and provide a fresh session with it.",
        Reason.MANUAL: "Ask the recipient by hand: `consent manual export` has the list, and `consent manual close` "
        "notes that it is done.",
        Reason.NOT_IN_EFFECT: "The vendor says yes and shows no: ask it why, then retry.",
        Reason.CAME_BACK: "The vendor has the person again, by an import perhaps: see to it that it ends, then retry; "
        "or close these where the person came back.",
        Reason.NEWER_OPT_IN: "The person has opted in since: ask them, then retry with --reason newer_opt_in or close.",
        Reason.SUCCESSOR_GONE: "The newer wish came to nothing: retry with --reason successor_gone, or close these.",
        Reason.TOO_MANY_MATCHES: "Many others share an identifier with these: look who it is, then retry with "
        "--reason too_many_matches, or close these.",
        Reason.RATE_LIMITED: "Lower the vendor's REQUESTS_PER_MINUTE or ask for more, then retry.",
        Reason.BUSY: _RETRY_LATER,
        Reason.SERVER_ERROR: _RETRY_LATER,
        Reason.NO_CONNECTION: _RETRY_LATER,
        Reason.ANSWER_LOST: "May have reached the vendor: retry, for repeating is safe.",
        Reason.UNREADABLE: "The vendor answers nonsense: see `consent doctor`, ask the vendor, then retry.",
        Reason.PENDING_AT_VENDOR: "The vendor took it and does not finish: ask it why, then retry.",
        Reason.LEASE_LOST: "Workers vanished with these again and again: see their logs and memory, then retry.",
        Reason.OUR_FAULT: "Our own program fails on these: see the workers' logs, report it, then retry.",
        Reason.BAD_CREDENTIALS: _MEND,
        Reason.FORBIDDEN: "Ask the vendor what our account may do, then retry.",
        Reason.WRONG_ADDRESS: _MEND,
        Reason.MISCONFIGURED: _MEND,
    }
)
"""By reason. Those that never leave a delivery waiting (nothing to do there, closed by hand) are not in it."""


def what_to_do(vendor: str, reason: str | None) -> str:
    """The sentence for deliveries of one reason at one vendor; empty where there is none."""
    adapter = adapter_named(vendor)
    if reason == Reason.NO_IDENTIFIER and adapter:
        card = adapter.card
        fields = " or ".join(card.found_by)
        return f"Give {card.give} with `consent provide` ({fields}), or accept it with `consent accept`."
    return ADVICE.get(reason, "")
