"""How long people can be read and records are kept, as settings."""

import pytest

from config.settings import Settings, SettingsError
from tests.table_rows import each_row


@each_row(
    ("name", "given", "days"),
    [
        ("FORGET_AFTER_DAYS", "0", 0.0),
        ("FORGET_AFTER_DAYS", "never", None),
        ("RETENTION_DAYS", "365", 365.0),
        ("RETENTION_DAYS", "Never", None),
    ],
)
def test_both_take_days_or_never(monkeypatch: pytest.MonkeyPatch, name: str, given: str, days: float | None) -> None:
    monkeypatch.setenv(f"CONSENT_{name}", given)
    assert getattr(Settings.load(), name.lower()) == days


@each_row(
    ("name", "given"),
    [(name, given) for name in ("FORGET_AFTER_DAYS", "RETENTION_DAYS") for given in ("1e9", "nan", "-1", "soon")]
    + [("RETENTION_DAYS", "0")],
)
def test_what_cannot_be_meant_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    monkeypatch.setenv(f"CONSENT_{name}", given)
    with pytest.raises(SettingsError, match=f"CONSENT_{name}"):
        Settings.load()
