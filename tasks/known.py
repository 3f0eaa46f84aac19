"""What stays the same for many submissions: the vendors and the fingerprinter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from domain.requests import Kind
from ledger.clock import now
from ledger.delivery.vendors import Vendor, all_vendors
from ledger.keys import fingerprinter
from ledger.requests.idempotency import any_in_clear
from ledger.sealing import Fingerprinter, MasterKeys
from ledger.session import Engine
from tasks.destinations import Destinations


@dataclass(frozen=True)
class Known:
    """What stays the same for many submissions."""

    vendors: Sequence[Vendor]
    prints: Fingerprinter
    clear_keys: bool
    """Whether idempotency keys are left that an earlier version stored in clear."""
    as_of: datetime
    """When this was looked up, by PostgreSQL's clock."""
    _destinations: dict[tuple[Kind, tuple[str, ...]], Destinations] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def names(self) -> list[str]:
        """The names of all vendors and accounts, those that are switched off too."""
        return [vendor.name for vendor in self.vendors]

    def destinations(self, kind: Kind, named: Sequence[str]) -> Destinations:
        """The destinations of requests of this kind that name these vendors, computed once. Raises SubmitError."""
        asked = kind, tuple(named)
        found = self._destinations.get(asked)
        if found is None:
            found = self._destinations[asked] = Destinations.of(kind, named, self.vendors)
        return found


def look_up(engine: Engine, masters: MasterKeys) -> Known:
    """The vendors as they are now, and the ledger's fingerprinter. Raises ledger.sealing.UnsealError."""
    with engine.begin() as connection:
        prints = fingerprinter(connection, masters)
        return Known(all_vendors(connection), prints, any_in_clear(connection), now(connection))


class Lately:
    """Caches what was looked up for a second, for callers with hundreds of submissions a second.

    A vendor switched off within that second still gets the request's chunks. They wait, as they do where it is switched
    off a second later.
    """

    def __init__(self, engine: Engine, masters: MasterKeys, for_s: float = 1.0) -> None:
        self._engine, self._masters = engine, masters
        self._for_s = for_s
        self._found: tuple[float, Known] | None = None

    def __call__(self) -> Known:
        """The cached value. Raises as `look_up` does."""
        found = self._found
        if found is None or monotonic() >= found[0]:
            found = self._found = (monotonic() + self._for_s, look_up(self._engine, self._masters))
        return found[1]
