"""The settings that say how long people can be read and records are kept: the first values of a new ledger."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from domain.requests import Kind
from ledger.retention import Periods

NEVER = "never"
MOST_DAYS = 36_500
"""A hundred years. PostgreSQL has no moments beyond the year 294276."""
LEAST_RECORD_DAYS = 1.0


def days_of(given: str, least: float) -> float | None:
    """Days as they are written; None: never. Raises ValueError, which says what can be written."""
    if given.strip().lower() == NEVER:
        return None
    try:
        days = float(given)
    except ValueError:
        days = -1.0
    if not least <= days <= MOST_DAYS:  # nor where it is nan
        raise ValueError(f"must be from {least:g} to {MOST_DAYS:,} days, or {NEVER}")
    return days


def _reading(least: float) -> BeforeValidator:
    def read(value: Any) -> Any:
        try:
            return days_of(value, least) if isinstance(value, str) else value
        except ValueError as error:
            raise PydanticCustomError("days", "{says}", {"says": str(error)}) from None

    return BeforeValidator(read)


Days = Annotated[Annotated[float, Field(ge=0, le=MOST_DAYS)] | None, _reading(0.0)]
"""None: never."""
RecordDays = Annotated[Annotated[float, Field(ge=LEAST_RECORD_DAYS, le=MOST_DAYS)] | None, _reading(LEAST_RECORD_DAYS)]
"""None: never."""
_FORGET = "FORGET_AFTER_DAYS_"


def misspelled(names: Iterable[str], prefix: str) -> list[str]:
    """Which names of variables mean a period of a kind that there is not: sentences. Otherwise people of the kind that
    was meant would be forgotten when they are to be kept."""
    known = [f"{prefix}{_FORGET}_{kind.value.upper()}" for kind in Kind]
    wrong = sorted(name for name in names if name.upper().startswith(prefix + _FORGET) and name.upper() not in known)
    return [f"{name}: no such setting: {', '.join(known)}" for name in wrong]


_LIKE_ALL = "the same for this kind; unset: as for all"


class RetentionFields(BaseModel):
    """The ledger holds what counts: see `ledger.retention`."""

    forget_after_days: Days = Field(
        default=30.0,
        description="so many days after nothing of a request waits for anybody, its people are forgotten: its data key "
        "is destroyed. 0: when it has closed; never. The first value of a new ledger; then `consent retention set`",
    )
    forget_after_days__erasure: Days = Field(default=None, description=_LIKE_ALL)
    forget_after_days__opt_out: Days = Field(default=None, description=_LIKE_ALL)
    forget_after_days__opt_in: Days = Field(default=None, description=_LIKE_ALL)
    retention_days: RecordDays = Field(
        default=None,
        description="so many days after its request closed it is dropped: people, outcomes, chunks; so are entries of "
        "the audit log; unset, or never: it is kept. "
        "The first value of a new ledger; then `consent retention set`",
    )

    def periods(self) -> Periods:
        """What a new ledger begins with."""
        own = {kind: f"forget_after_days__{kind}" for kind in Kind}
        forget = {
            kind: getattr(self, name) if name in self.model_fields_set else self.forget_after_days
            for kind, name in own.items()
        }
        return Periods(forget, self.retention_days)

    def chosen(self) -> dict[str, float | None]:
        """Those of the periods that are set here, by the names of `Periods.by_name`."""
        given = self.periods().by_name()
        is_set = self.model_fields_set
        every = "forget_after_days" in is_set
        chosen = {kind.value for kind in Kind if every or f"forget_after_days__{kind}" in is_set}
        chosen |= {"record"} if "retention_days" in is_set else set()
        return {name: days for name, days in given.items() if name in chosen}
