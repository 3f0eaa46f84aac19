"""The keys that sign evidence: from the environment, a file, or the data folder."""

from pathlib import Path

from config.secret_files import keep, kept
from config.settings import Settings, SettingsError
from evidence.keys import PublicKey, SigningKey, generate_signing_key, read_signing_keys

SIGNING_KEY_FILE = "signing.key"


def find_signing_keys(settings: Settings) -> list[SigningKey]:
    """The signing keys, newest first; none where there are none. Read anew each time, because a file may have changed.

    Raises SettingsError.
    """
    variable, text = "CONSENT_SIGNING_KEYS", ""
    if settings.signing_keys is not None:
        text = settings.signing_keys.get_secret_value()
    elif settings.signing_keys_file is not None:
        variable = "CONSENT_SIGNING_KEYS_FILE"
        try:
            text = settings.signing_keys_file.read_text()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{variable}: the file cannot be read") from None
    else:
        text = kept(settings.data_dir / SIGNING_KEY_FILE)
    try:
        return read_signing_keys(text)
    except ValueError as error:  # it gives the position of a key, never the key
        raise SettingsError(f"{variable}: {error}") from None


def newest_signing_key(settings: Settings) -> SigningKey | None:
    """The one that signs. Raises SettingsError."""
    return next(iter(find_signing_keys(settings)), None)


def own_public_keys(settings: Settings) -> list[PublicKey]:
    """The public halves of the signing keys. Raises SettingsError."""
    return [one.public for one in find_signing_keys(settings)]


def keep_signing_key(settings: Settings) -> None:
    """Make a signing key in the data folder, unless it has one or the settings give one."""
    if not _is_given(settings):
        keep(settings.data_dir / SIGNING_KEY_FILE, generate_signing_key())


def _is_given(settings: Settings) -> bool:
    return settings.signing_keys is not None or settings.signing_keys_file is not None


def add_signing_key(settings: Settings) -> Path | None:
    """Put a new key before those of the data folder: it signs from now on. None where the settings give the keys: then
    nothing is changed."""
    if _is_given(settings):
        return None
    path = settings.data_dir / SIGNING_KEY_FILE
    older = kept(path)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    keep(draft, ",".join([generate_signing_key(), *([older] if older else [])]))
    draft.replace(path)
    return path
