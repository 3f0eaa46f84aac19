"""Adds and ends legal holds, on record. What would destroy data of a held person is sent when the hold ends."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.outcomes import Reason
from domain.requests import Subject
from ledger import legal_holds
from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.delivery import withheld
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.sealing import MasterKeys
from ledger.session import Connection, Engine
from tasks.submit import Wake

log = logging.getLogger(__name__)


class HoldError(Exception):
    """This cannot be done, and nothing was changed. The message says why."""


class NoSuchHoldError(HoldError):
    """There is no hold in force of this number."""

    def __init__(self, hold_id: int) -> None:
        super().__init__(f"there is no legal hold {hold_id} in force: `consent legal-hold list` shows those there are")


@dataclass(frozen=True)
class Keeper:
    """Somebody who adds and releases holds."""

    engine: Engine
    masters: MasterKeys
    by: str
    wake: Wake = field(repr=False)
    origin: Origin = HERE

    def add(self, subject: Subject, reason: Reason, because: str, until: datetime | None = None) -> int:
        """Keep a person's data from now on; returns the hold's number. What a recipient without an API was to be asked
        for is taken back. Raises HoldError where `until` has passed, ledger.sealing.UnsealError."""
        with self.engine.begin() as connection:
            # In the same transaction: ledger.requests.fingerprint_keys counts on it.
            person = Prints(fingerprinter(connection, self.masters)).every(subject)
            hold_id = legal_holds.add(connection, person, reason, because, until=until, by=self.by)
            if hold_id is None:
                raise HoldError("until has passed: give a moment that is still to come")
            vendors = withheld.take_back_tasks(connection, person)
            self._audit(connection, "legal-hold add", hold_id, f"{reason}: {because}")
        self._tell(vendors)
        return hold_id

    def release(self, hold_id: int, because: str | None = None) -> None:
        """End a hold now, and send what waited for it. Raises NoSuchHoldError."""
        with self.engine.begin() as connection:
            if not legal_holds.end(connection, hold_id, self.by, because):
                raise NoSuchHoldError(hold_id)
            vendors = withheld.send_after(connection, hold_id)
            self._audit(connection, "legal-hold release", hold_id, because)
        self._tell(vendors)

    def _audit(self, connection: Connection, deed: str, hold_id: int, because: str | None) -> None:
        target = f"legal hold {hold_id}"
        entry = Entry(self.by, deed, allowed=True, target=target, because=because, **self.origin._asdict())
        audit.add(connection, [entry])

    def _tell(self, vendors: Sequence[str]) -> None:
        if vendors:
            self.wake(vendors)


def end_over(engine: Engine) -> int:
    """End the holds whose time is over, each in a transaction of its own, and send what waited for them; returns how
    many."""
    ended = 0
    while (hold_id := _end_next(engine)) is not None:
        log.info("legal hold %d has ended: its time was over", hold_id)
        ended += 1
    return ended


def _end_next(engine: Engine) -> int | None:
    with engine.begin() as connection:
        hold_id = legal_holds.end_over(connection)
        if hold_id is not None:
            withheld.send_after(connection, hold_id)
        return hold_id
