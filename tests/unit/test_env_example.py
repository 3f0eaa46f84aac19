"""`.env.example` is what the settings make of it, each with its real default."""

from typing import Any

import pytest
from pydantic import SecretStr

from adapters.registry import OURS
from config.env_example import FILE, example
from config.settings import Settings
from tests.contract.samples import SAMPLES


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


def credentials() -> dict[str, str]:
    """The settings that switch every vendor on."""
    given: dict[str, str] = {}
    for vendor, adapter in OURS.items():
        settings: Any = adapter.settings_model.model_validate(SAMPLES[vendor].settings)
        for name, field in adapter.settings_model.model_fields.items():
            if name in settings.model_fields_set and (field.is_required() or field.get_default() is None):
                value = getattr(settings, name)
                value = value.get_secret_value() if isinstance(value, SecretStr) else value
                given[f"CONSENT_{vendor.upper()}__{name.upper()}"] = str(value)
    return given


def test_the_values_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in credentials().items():
        monkeypatch.setenv(name, value)
    plain = Settings.load()
    assert set(plain.vendors()) == set(OURS)
    for name, value in lines().items():
        if value:
            monkeypatch.setenv(name, value)
    assert Settings.load() == plain
