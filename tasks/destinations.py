"""The vendors that a request goes to, and how people are found there: the same for hundreds of requests a second."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.registry import ADAPTERS
from domain.accounts import vendor_of
from domain.reach import Reach
from domain.requests import Kind
from ledger.delivery.vendors import Vendor
from tasks.provide import keeps_sessions
from tasks.reach import fields_at
from tasks.submission import SubmitError


@dataclass(frozen=True)
class Destinations:
    """The vendors of a request, and how people are found there."""

    vendors: Sequence[Vendor]
    session_vendors: frozenset[str]
    """All vendors, these and others, whose block in a person is a session."""
    reach: Reach
    resolvable: frozenset[str]
    """The vendors that find people by identifiers a directory may know. A session only the person has."""

    @classmethod
    def of(cls, kind: Kind, named: Sequence[str], known: Sequence[Vendor]) -> "Destinations":
        """The destinations of a request that names these vendors; of one that names none, all that are on. Raises
        SubmitError."""
        vendors = _chosen(named, known)
        names = [vendor.name for vendor in vendors]
        return cls(
            vendors,
            session_vendors=frozenset(filter(keeps_sessions, [*ADAPTERS, *names])),
            reach=Reach(fields_at(vendors, kind)),
            resolvable=frozenset(name for name in names if not keeps_sessions(name)),
        )


def _chosen(named: Sequence[str], known: Sequence[Vendor]) -> list[Vendor]:
    enabled = {vendor.name: vendor for vendor in known if vendor.enabled}
    if not enabled:
        raise SubmitError("no vendor is switched on: set its CONSENT_<VENDOR>__ variables and start the workers")
    if not named:
        return [enabled[name] for name in sorted(enabled)]
    meant = {name: [one for one in enabled if name in (one, vendor_of(one))] for name in named}
    if not all(meant.values()):
        raise SubmitError(f"unknown or switched-off vendor; known are {', '.join(sorted(enabled))}")
    return [enabled[name] for name in sorted({one for those in meant.values() for one in those})]
