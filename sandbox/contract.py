"""What the sandbox needs from a vendor: to answer calls, and to say what it holds."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from sandbox.exchange import Answer, Call
from sandbox.people import Person


class Vendor(Protocol):
    """A vendor on loopback. It does no I/O: the gate counts, limits, breaks and sends."""

    name: ClassVar[str]
    limit: ClassVar[int]  # requests a minute
    roomy: ClassVar[int]  # the same for a demonstration: more where the vendor's page gives no limit
    account: ClassVar[type]
    """A frozen dataclass of texts: the credentials that the vendor issues. Its `settings()` returns those that
    consent-worker must know, by the field of `CONSENT_<VENDOR>__…`."""
    marks: ClassVar[Mapping[str, str]]
    """What this vendor does for people with these marks."""
    faults: ClassVar[Mapping[str, Mapping[str, float]]]
    """`mild` and `harsh`: the faults of this vendor alone (`sandbox/faults.py`)."""

    def __init__(self, account: Any) -> None: ...

    def answer(self, call: Call) -> Answer:
        """Do what the call asks; raises RefusedError where the vendor's page refuses it."""

    def is_metered(self, path: str) -> bool:
        """Whether a request to this raw path uses up the rate limit."""

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        """The 429 of this vendor; `reset_ms` is epoch milliseconds."""

    def break_down(self) -> Answer:
        """The 500 of this vendor."""

    def admit(self, person: Person) -> None:
        """Hold this person's data, replacing that of the same user_id."""

    def facts(self, now: float) -> Iterable[dict[str, Any]]:
        """One line per person known: `key`, `user_id`, `effects`, and what is held at `now` (monotonic)."""

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        """Whether an `erasure` or an `opt_out` is in effect, by one line of `facts`."""

    def condition(self) -> dict[str, Any]:
        """The state of the vendor itself: what is revoked, how many tokens it issued."""

    def revoke(self, whole_client: bool) -> None:
        """Stop accepting the tokens or sessions now in use; with `whole_client`, issue no new ones either."""

    def mend(self) -> None:
        """Accept the configured credentials again."""

    def clear(self) -> None:
        """Forget everybody and everything."""


class OneAccess:
    """What many vendors have in common: one access that is revoked as a whole, and every call counts against the
    limit."""

    marks: ClassVar[Mapping[str, str]] = {}
    faults: ClassVar[Mapping[str, Mapping[str, float]]] = {}
    _revoked = False

    def condition(self) -> dict[str, Any]:
        """Whether the access is revoked."""
        return {"revoked": self._revoked}

    def revoke(self, whole_client: bool) -> None:
        """Stop accepting the access."""
        self._revoked = True

    def mend(self) -> None:
        """Accept it again."""
        self._revoked = False

    def is_metered(self, path: str) -> bool:
        """Every request is."""
        return True


class Bucket(NamedTuple):
    """A separate limit for some calls: so many units a minute, and each call costs some."""

    limit: int
    setting: str  # the field of `CONSENT_<VENDOR>__…` that holds it
    units: float = 1
    roomy: int = 0  # for a demonstration; 0: the same


@runtime_checkable
class HasBuckets(Protocol):
    """A vendor with separate limits for some calls."""

    buckets: ClassVar[Mapping[str, Bucket]]

    def bucket_of(self, path: str) -> str:
        """The bucket of `buckets` that a request to this raw path counts against; "" for the vendor's main limit."""


def buckets_of(vendor: type[Vendor]) -> Mapping[str, Bucket]:
    """The separate limits of a vendor."""
    buckets: Mapping[str, Bucket] = getattr(vendor, "buckets", {})
    return buckets


@runtime_checkable
class HasSessions(Protocol):
    """A vendor that works in the people's own sessions."""

    def renew_session(self, key: str, session_id: str, csrf_token: str) -> bool:
        """Sign the person in afresh, ending former sessions; False when no user_id or email is `key`."""
