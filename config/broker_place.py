"""The address of Redis, for processes that need no other setting and should stay small."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from config.data_folder import ForeignFolderError, check_ours

STACK_FILE = "stack.json"


class NoBrokerError(Exception):
    """No address of Redis is set. The message names the variable to set."""


class BrokerPlace(NamedTuple):
    """An address, which contains a password, and the file of CA certificates to verify rediss:// with, if any."""

    url: str
    ca: str | None

    def __repr__(self) -> str:
        return "BrokerPlace(…)"


def noted_in(folder: Path) -> Any:
    """What `consent up` recorded in this data folder. Raises OSError and ValueError."""
    return json.loads((folder / STACK_FILE).read_text())


def find_broker() -> BrokerPlace:
    """The Redis of CONSENT_REDIS_URL, or else the one that `consent up` recorded in the data folder.

    Does not import `config.settings`, which loads every setting: 40 MB. Raises NoBrokerError.
    """
    ca = os.environ.get("CONSENT_REDIS_CA") or None
    if url := os.environ.get("CONSENT_REDIS_URL"):
        return BrokerPlace(url, ca)
    folder = Path(os.environ.get("CONSENT_DATA_DIR") or ".consent")
    try:
        check_ours(folder)
        noted = noted_in(folder)
        return BrokerPlace(str(noted["redis_url"]), ca or noted.get("redis_ca"))
    except ForeignFolderError as error:
        told = str(error)
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        told = f"no stack in {folder} (start one with `consent up`), and CONSENT_REDIS_URL not set"
    except OSError as error:
        told = f"{folder / STACK_FILE} cannot be read ({error.strerror}), and CONSENT_REDIS_URL not set"
    raise NoBrokerError(told)
