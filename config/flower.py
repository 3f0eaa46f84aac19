"""Who may use Flower, and the names by which it is reached."""

import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe

from config.data_folder import ForeignFolderError, check_ours
from config.secret_files import keep, kept

USER = "consent"
PASSWORD_FILE = "flower.password"  # noqa: S105 - where it is kept, not what it is
AUTH, HOSTS, PREFIX = "CONSENT_FLOWER_BASIC_AUTH", "CONSENT_FLOWER_HOSTS", "CONSENT_FLOWER_PREFIX"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


class FlowerError(Exception):
    """Flower cannot be started with these settings. The message names the variable."""


def basic_auth(environ: Mapping[str, str] = os.environ) -> str:
    """USER:PASSWORD of Flower's pages: from the environment, or else `consent` and a password that is made at the first
    start and stored in the data folder. Raises FlowerError."""
    if given := environ.get(AUTH):
        user, colon, password = given.partition(":")
        if not (user and colon and password):
            raise FlowerError(f"{AUTH}: is not USER:PASSWORD")
        return given
    folder = Path(environ.get("CONSENT_DATA_DIR") or ".consent")
    try:
        check_ours(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep(folder / PASSWORD_FILE, token_urlsafe(24))
        return f"{USER}:{kept(folder / PASSWORD_FILE)}"
    except (ForeignFolderError, OSError) as error:
        raise FlowerError(f"no password for Flower can be kept in {folder} ({error}): set {AUTH}") from None


def hosts(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The names, in lower case and without a port, by which a browser may reach Flower."""
    named = environ.get(HOSTS, "").split(",")
    return LOOPBACK | {name.strip().lower() for name in named if name.strip()}


def prefix(environ: Mapping[str, str] = os.environ) -> str:
    """The path below which a proxy in front serves it, without slashes at its ends; empty: none."""
    return environ.get(PREFIX, "").strip("/")
