"""Whom to believe time stamps by."""

from collections.abc import Sequence

from cryptography.x509 import Certificate

from config.settings import Settings, SettingsError
from evidence.timestamps import TimestampError, read_roots


def timestamp_roots(settings: Settings) -> Sequence[Certificate]:
    """The certificates of CONSENT_TIMESTAMP_CA; none without it. Raises SettingsError."""
    if settings.timestamp_ca is None:
        return ()
    try:
        return read_roots(settings.timestamp_ca.read_bytes())
    except OSError:
        raise SettingsError("CONSENT_TIMESTAMP_CA: the file cannot be read") from None
    except TimestampError as error:
        raise SettingsError(f"CONSENT_TIMESTAMP_CA: {error}") from None
