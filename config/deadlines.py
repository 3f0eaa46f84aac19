"""The settings of due dates that differ from the table."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from domain.deadlines import Term
from domain.periods import Period


def _check(text: str) -> str:
    Period.parse(text)
    return text


Written = Annotated[str, AfterValidator(_check)]
"""A period: `1 month`, `45 days`, `15 working days`."""


class TermSettings(BaseModel):
    """One row of the table, as the operator writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    due: Written
    extension: Written | None = None

    def term(self) -> Term:
        """The row."""
        return Term(
            Period.parse(self.due), Period.parse(self.extension) if self.extension else None, "set by the operator"
        )
