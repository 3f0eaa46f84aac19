"""The settings that say how long people can be read and records are kept: the first values of a new ledger."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from domain.requests import Kind
from ledger.retention import Periods

NEVER = "never"
MOST_DAYS = 36_500
"""A hundred years. PostgreSQL has no moments beyond the year 294276."""


def _none_for_never(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == NEVER else value


Days = Annotated[Annotated[float, Field(ge=0, le=MOST_DAYS)] | None, BeforeValidator(_none_for_never)]
"""None: never."""
RecordDays = Annotated[Annotated[float, Field(ge=1, le=MOST_DAYS)] | None, BeforeValidator(_none_for_never)]
"""None: never."""
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
