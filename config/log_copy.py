"""Where the copy of the evidence log is kept."""

from pathlib import Path

from config.settings import Settings

FOLDER = "audit"
"""In a data folder."""


def copy_folder(settings: Settings) -> Path | None:
    """The folder of the copies; None where there is none."""
    if settings.audit_export_dir is not None:
        return settings.audit_export_dir
    folder = settings.data_dir / FOLDER
    return folder if folder.is_dir() else None


def make_copy_folder(settings: Settings) -> None:
    """Make one in the data folder, unless the settings name another one."""
    if settings.audit_export_dir is None:
        (settings.data_dir / FOLDER).mkdir(mode=0o700, exist_ok=True)
