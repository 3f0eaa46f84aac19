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
        ("SUPPRESSION_DAYS", "never", None),
        ("SUPPRESSION_DAYS", "90", 90.0),
        ("FORGET_AFTER_DAYS__OPT_OUT", " NEVER ", None),
        ("FORGET_AFTER_DAYS__OPT_IN", "0", 0.0),
    ],
)
def test_each_takes_days_or_never(monkeypatch: pytest.MonkeyPatch, name: str, given: str, days: float | None) -> None:
    monkeypatch.setenv(f"CONSENT_{name}", given)
    assert getattr(Settings.load(), name.lower()) == days


NAMES = ("FORGET_AFTER_DAYS", "FORGET_AFTER_DAYS__ERASURE", "RETENTION_DAYS", "SUPPRESSION_DAYS")


@each_row(
    ("name", "given"),
    [(name, given) for name in NAMES for given in ("1e9", "nan", "inf", "-1", "soon", "30 days")]
    + [("RETENTION_DAYS", "0"), ("SUPPRESSION_DAYS", "0")],
)
def test_what_cannot_be_meant_is_refused_with_what_can(monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(f"CONSENT_{name}", given)
        with pytest.raises(SettingsError, match=f"^CONSENT_{name}: must be from [01] to 36,500 days, or never$"):
            Settings.load()


@each_row("name", ["FORGET_AFTER_DAYS__OPTOUT", "FORGET_AFTER_DAYS_ERASURE", "FORGET_AFTER_DAYS__ERASURES"])
def test_a_kind_that_is_misspelled_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(f"CONSENT_{name}", "never")
        with pytest.raises(SettingsError, match=f"^CONSENT_{name}: no such setting: .*FORGET_AFTER_DAYS__ERASURE, "):
            Settings.load()
