"""The settings of recipients without an API, `CONSENT_MANUAL__<NAME>__<FIELD>`: people ask them by hand."""

import re
from collections.abc import Collection, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.by_hand import ByHand

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
OwnField = Literal["user_id", "email", "phone_number"]
Words = Field(default="", max_length=200)


class ManualRecipient(BaseModel):
    """A recipient that has no API: a print shop, an agency, a partner's inbox."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: str = Field(min_length=1, max_length=100)
    due_days: float = Field(default=14.0, gt=0, le=365)
    found_by: tuple[OwnField, ...] = Field(default=("user_id", "email", "phone_number"), min_length=1)
    holds: str = Words
    does: str = Words

    def by_hand(self) -> ByHand:
        """The same as a value."""
        return ByHand(self.title, self.found_by, self.due_days, self.holds, self.does)


def faults_in(recipients: Mapping[str, ManualRecipient], taken: Collection[str], prefix: str) -> list[str]:
    """What is wrong with the names of recipients: they are names of vendors."""
    faults = []
    for name in recipients:
        variable = f"{prefix}MANUAL__{name.upper()}"
        if not NAME.fullmatch(name):
            faults.append(f"{variable}: a recipient's name has letters, digits and single _ only, a letter first")
        elif name in taken:
            faults.append(f"{variable}: a vendor has this name already: give the recipient another one")
    return faults
