"""`.env.example` is generated from the settings, each with its real default."""

import pytest

from adapters.registry import OURS
from config.env_example import FILE, example
from config.settings import Settings
from tests.contract.samples import credentials_of


def lines() -> dict[str, str]:
    rows = (line for line in FILE.read_text().splitlines() if line and not line.startswith("#"))
    return dict(row.split("=", 1) for row in rows)


def test_the_file_is_what_is_generated() -> None:
    """Where this fails: `python -m config.env_example`."""
    assert FILE.read_text() == example()


def test_every_setting_of_every_vendor_is_named() -> None:
    named = lines().keys()
    for vendor, adapter in OURS.items():
        assert {f"CONSENT_{vendor.upper()}__{field.upper()}" for field in adapter.settings_model.model_fields} <= named
    assert {"CONSENT_DATA_DIR", "CONSENT_OIDC__ISSUER", "CONSENT_POSTGRES_PASSWORD"} <= named


def test_the_values_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in OURS:
        for name, value in credentials_of(vendor).items():
            monkeypatch.setenv(f"CONSENT_{vendor.upper()}__{name}", value)
    plain = Settings.load()
    assert set(plain.vendors()) == set(OURS)
    for name, value in lines().items():
        if value:
            monkeypatch.setenv(name, value)
    assert Settings.load() == plain
