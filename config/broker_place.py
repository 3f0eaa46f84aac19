"""Where Redis is, for processes that need to know nothing else and are to stay small."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from config.data_folder import ForeignFolderError, check_ours

STACK_FILE = "stack.json"


class NoBrokerError(Exception):
    """No Redis is named anywhere. The message names the variable to set."""


class BrokerPlace(NamedTuple):
    """An address, which holds a password, and a file of CA certificates by which rediss:// is verified, if any."""

    url: str
    ca: str | None

    def __repr__(self) -> str:
        return "BrokerPlace(…)"


def find_broker() -> BrokerPlace:
    """The Redis of CONSENT_REDIS_URL, else the one that `consent up` wrote down in the data folder.

    Without `config.settings`, which loads everything that can be set: 40 MB. Raises NoBrokerError.
    """
    ca = os.environ.get("CONSENT_REDIS_CA") or None
    if url := os.environ.get("CONSENT_REDIS_URL"):
        return BrokerPlace(url, ca)
    folder = Path(os.environ.get("CONSENT_DATA_DIR") or ".consent")
    try:
        check_ours(folder)
        noted = json.loads((folder / STACK_FILE).read_text())
        return BrokerPlace(str(noted["redis_url"]), ca or noted.get("redis_ca"))
    except ForeignFolderError as error:
        told = str(error)
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        told = f"no stack in {folder} (start one with `consent up`), and CONSENT_REDIS_URL not set"
    raise NoBrokerError(told)
