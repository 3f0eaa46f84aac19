"""The address of the ledger, for a command that needs hardly any other setting and should start at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from config.broker_place import noted_in
from config.data_folder import ForeignFolderError, check_ours

PREFIX = "CONSENT_"
DUE_SOON_DAYS = 7.0
"""What `config.settings` has where nothing is set; a test compares."""
WITH_CARE = ("DATABASE_POOLER", "DATABASE_OWNER_URL")
"""Settings under which the ledger is not read as this place is."""


class LedgerPlace(NamedTuple):
    """An address, which contains a password, and how many days before its due date a request is at risk."""

    url: str
    due_soon_days: float

    def __repr__(self) -> str:
        return "LedgerPlace(…)"


def find_ledger(environment: Mapping[str, str] = os.environ) -> LedgerPlace | None:
    """The ledger of CONSENT_DATABASE_URL, or else the one that `consent up` recorded in the data folder. None where it
    takes `config.settings` to find it, or to say what is wrong: that loads every setting, in half a second."""
    names = {name for name, value in environment.items() if name.upper().startswith(PREFIX) and value}
    if any(name != name.upper() for name in names) or names & {PREFIX + name for name in WITH_CARE}:
        return None
    folder = Path(environment.get(f"{PREFIX}DATA_DIR") or ".consent")
    try:
        days = float(environment.get(f"{PREFIX}DUE_SOON_DAYS") or DUE_SOON_DAYS)
        check_ours(folder)
        url = environment.get(f"{PREFIX}DATABASE_URL") or str(noted_in(folder)["database_url"])
    except (ForeignFolderError, OSError, LookupError, TypeError, ValueError):
        return None
    return LedgerPlace(url, days) if 0 <= days <= 90 else None
