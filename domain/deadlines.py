"""When a request is due: the period that each regulation allows for each kind, and which moment it counts from.

The table is for planning. It is not legal advice: have a lawyer check the rows you rely on, and override those that
differ for you (`CONSENT_DEADLINES`). Read in November 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType

from domain.moments import as_written, begin_of, end_of, possible_from
from domain.periods import Period, Unit
from domain.regulations import Regulation
from domain.requests import Kind

NOT_LEGAL_ADVICE = "for planning; not legal advice"


@dataclass(frozen=True)
class Term:
    """What a regulation allows for one kind of request."""

    due: Period
    extension: Period | None
    """The longest extension beyond the original date; None where there is none."""
    source: str


def _of_every_kind(term: Term, **others: Term) -> Mapping[Kind, Term]:
    return MappingProxyType({kind: others.get(kind.value, term) for kind in Kind})


_MONTH, _TWO_MONTHS = Period(1, Unit.MONTHS), Period(2, Unit.MONTHS)
TERMS: Mapping[Regulation, Mapping[Kind, Term]] = MappingProxyType(
    {
        Regulation.GDPR: _of_every_kind(
            Term(_MONTH, _TWO_MONTHS, "Regulation (EU) 2016/679 Art. 12(3): one month of receipt, two further months")
        ),
        Regulation.UK_GDPR: _of_every_kind(
            Term(_MONTH, _TWO_MONTHS, "UK GDPR Art. 12(3), Art. 12A: one month of receipt, two further months")
        ),
        Regulation.CCPA: _of_every_kind(
            Term(
                Period(45, Unit.DAYS),
                Period(45, Unit.DAYS),
                "11 CCR § 7021(b), Cal. Civ. Code § 1798.130(a)(2): 45 calendar days, 45 more",
            ),
            opt_out=Term(Period(15, Unit.WORKING_DAYS), None, "11 CCR § 7026(f): 15 business days"),
        ),
        Regulation.KVKK: _of_every_kind(
            Term(
                Period(30, Unit.DAYS),
                None,
                "Law No. 6698 Art. 13(2), By-Law on Erasure, Destruction or Anonymization Art. 12: thirty days",
            )
        ),
        Regulation.PIPA: _of_every_kind(
            Term(Period(10, Unit.DAYS), None, "Enforcement Decree of PIPA Art. 43(3), Art. 44(2): 10 days")
        ),
        Regulation.LGPD: _of_every_kind(
            Term(
                Period(15, Unit.DAYS),
                None,
                "Law No. 13.709/2018 Art. 19 II: 15 days, for access; Art. 18 § 5 leaves other rights to regulation",
            )
        ),
    }
)
"""These laws set no period for opt-ins. They get the one of their regulation's other requests."""


@dataclass(frozen=True)
class Deadlines:
    """The table with the operator's changes, and the regulation of requests that name none."""

    default: Regulation = Regulation.GDPR
    overrides: Mapping[tuple[Regulation, Kind], Term] = field(default_factory=dict)

    def term(self, regulation: Regulation, kind: Kind) -> Term:
        """The row for a kind of request under a regulation."""
        return self.overrides.get((regulation, kind)) or TERMS[regulation][kind]


@dataclass
class AskedInRows:
    """When the people of one request asked, collected from their records as these are read."""

    earliest: datetime | None = None
    latest: datetime | None = None
    possible_from: datetime | None = None
    """The earliest time, by our clock, at which all of them may have asked."""
    last_line: int | None = None
    """Whose date that is."""
    undated: bool = False
    """Whether some records have no date."""
    _digest: blake2b = field(default_factory=lambda: blake2b(digest_size=16), repr=False)

    def add(self, line: int, asked_at: datetime) -> None:
        """Note a record that has a date. `line`: its position in the request."""
        self._digest.update(b"%d %s\n" % (line, as_written(asked_at).isoformat().encode()))
        begin, possible = begin_of(asked_at), possible_from(asked_at)
        if self.possible_from is None or possible > self.possible_from:
            self.possible_from, self.last_line = possible, line
        self.earliest = begin if self.earliest is None else min(self.earliest, begin)
        self.latest = end_of(asked_at) if self.latest is None else max(self.latest, end_of(asked_at))

    def digest(self) -> str | None:
        """A digest that differs where any record has another date; None where no record has one."""
        return self._digest.hexdigest() if self.earliest else None


@dataclass(frozen=True)
class Times:
    """The times of a request that rules depend on."""

    asked_at: datetime
    """When the earliest of its people asked the controller. The due date counts from this."""
    effective_at: datetime
    """When the people expressed their wish."""
    due_at: datetime


def times_of(
    kind: Kind,
    term: Term,
    *,
    received_at: datetime,
    asked_at: datetime | None,
    effective_at: datetime | None,
    rows: AskedInRows,
) -> Times:
    """The times of a request from what was given with it. None and records without a date mean: when it was received.

    No time is later than the receipt. Without `effective_at`, the wish was made when it was asked. Where people of one
    request asked at different times, all of a withdrawal counts from the latest, and all of an opt-in from the
    earliest: an opt-in made in between must not outlast a later withdrawal. A day without a time is treated alike: a
    withdrawal counts from the day's end, an opt-in and the due date from its beginning.
    """
    others = received_at if asked_at is None else min(begin_of(asked_at), received_at)
    earliest = others if rows.earliest is None else min(others, rows.earliest)
    if kind is Kind.OPT_IN:
        effective = earliest if effective_at is None else begin_of(effective_at)
    elif effective_at is not None:
        effective = end_of(effective_at)
    else:
        others = received_at if asked_at is None else end_of(asked_at)
        effective = others if rows.latest is None else max(rows.latest, others) if rows.undated else rows.latest
    return Times(earliest, min(effective, received_at), term.due.after(earliest))


class NotExtended(StrEnum):
    """Why a request is not extended."""

    NOT_ALLOWED = "not_allowed"  # its regulation has no extension for this kind
    TOO_LONG = "too_long"
    TOO_LATE = "too_late"  # its original date is over
    SHORTER = "shorter"  # a later date had been set before


def extend(
    term: Term, by: Period, *, due_at: datetime, extended_from: datetime | None, now: datetime
) -> datetime | NotExtended:
    """The due date of a request that is extended by `by` in total, counted from its original date.

    `extended_from`: the original date of a request that was extended before. Asking for the date that it already has
    returns that date.
    """
    original = extended_from or due_at
    wanted = by.after(original)
    if wanted == due_at:
        return due_at
    if term.extension is None:
        return NotExtended.NOT_ALLOWED
    if wanted > term.extension.after(original):
        return NotExtended.TOO_LONG
    if wanted < due_at:
        return NotExtended.SHORTER
    return wanted if now <= original else NotExtended.TOO_LATE


def begins_at(
    *, received_at: datetime, due_at: datetime, not_before: datetime | None, cool_off_s: float
) -> datetime | None:
    """When a request may be sent; None where `not_before` is not earlier than the due date.

    A cool-off that would end after the due date is left out, and the request is accepted: the cool-off is the
    operator's own setting.
    """
    begin = received_at if not_before is None else max(received_at, not_before)
    if received_at < begin >= due_at:
        return None
    cooled = received_at + timedelta(seconds=cool_off_s)
    return max(begin, cooled) if cooled < due_at else begin
