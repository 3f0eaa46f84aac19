"""The master keys: from the environment, a file, a folder, a command, or the data folder."""

import shlex
import subprocess
from pathlib import Path

from config.secret_files import kept
from config.settings import Settings, SettingsError

KEY_FILE = "master.key"
COMMAND_S = 20.0
"""How long the command may take."""
_WAYS = ("master_keys", "master_keys_file", "master_keys_folder", "master_keys_command")


def are_given(settings: Settings) -> bool:
    """Whether the settings say where the master keys are; otherwise they are in the data folder."""
    return any(getattr(settings, way) is not None for way in _WAYS)


def find_master_keys(settings: Settings) -> str:
    """The master keys in the form of CONSENT_MASTER_KEYS, newest first; empty where there are none. Read anew each
    time. What is wrong is said without the keys, and without what the command wrote.

    Raises SettingsError, and OSError or ValueError where the data folder's key cannot be read.
    """
    given = [f"CONSENT_{way.upper()}" for way in _WAYS if getattr(settings, way) is not None]
    if len(given) > 1:
        raise SettingsError(f"{', '.join(given)}: give one of them")
    if settings.master_keys is not None:
        return settings.master_keys.get_secret_value()
    if settings.master_keys_file is not None:
        return _filled(given[0], _read(given[0], settings.master_keys_file))
    if settings.master_keys_folder is not None:
        return _filled(given[0], _read_folder(given[0], settings.master_keys_folder))
    if settings.master_keys_command is not None:
        return _filled(given[0], _ask(given[0], settings.master_keys_command))
    return kept(settings.data_dir / KEY_FILE)


def _filled(variable: str, text: str) -> str:
    if not text.strip():
        raise SettingsError(f"{variable}: there is no key")
    return text.strip()


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{variable}: {path.name} cannot be read") from None


def _read_folder(variable: str, folder: Path) -> str:
    """Its files, the last by name first. A name that begins with a dot is no key: mounted secrets keep links there."""
    try:
        paths = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.name, reverse=True)
    except OSError:
        raise SettingsError(f"{variable}: the folder cannot be read") from None
    return ",".join(_filled(variable, _read(variable, path)) for path in paths if not path.name.startswith("."))


def _ask(variable: str, command: str) -> str:
    try:
        argv = shlex.split(command)
        done = subprocess.run(  # noqa: S603 - an operator's own command, without a shell
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_S, check=False
        )
    except (ValueError, IndexError):
        raise SettingsError(f"{variable}: is not a command") from None
    except OSError as error:
        raise SettingsError(f"{variable}: cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise SettingsError(f"{variable}: has not answered within {COMMAND_S:.0f} s") from None
    if done.returncode:
        raise SettingsError(f"{variable}: ended with {done.returncode}")
    try:
        return done.stdout.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: has not written keys in base64 or hexadecimal") from None
