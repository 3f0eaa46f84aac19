"""Recipients without an API, by their settings."""

import os

import pytest

from config.settings import Settings, SettingsError
from domain.by_hand import ByHand


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENT_")]:
        monkeypatch.delenv(name)


def test_a_recipient_needs_a_title_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_MANUAL__PRINTSHOP__TITLE", "Muster Print GmbH")
    monkeypatch.setenv("CONSENT_MANUAL__AGENCY__TITLE", "Agency")
    monkeypatch.setenv("CONSENT_MANUAL__AGENCY__DUE_DAYS", "3")
    monkeypatch.setenv("CONSENT_MANUAL__AGENCY__FOUND_BY", '["email"]')
    monkeypatch.setenv("CONSENT_MANUAL__AGENCY__DOES", "takes the address off its list")

    assert Settings.load().recipients() == {
        "printshop": ByHand("Muster Print GmbH", ("user_id", "email", "phone_number"), 14.0),
        "agency": ByHand("Agency", ("email",), 3.0, does="takes the address off its list"),
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MANUAL__INSIDER__TITLE", "Insider", "CONSENT_MANUAL__INSIDER: a vendor has this name already"),
        ("MANUAL__WEB_PORT__TITLE", "Port", "CONSENT_MANUAL__WEB_PORT: a vendor has this name already"),
        ("MANUAL__1SHOP__TITLE", "Shop", "CONSENT_MANUAL__1SHOP: a recipient's name has letters"),
        ("MANUAL__SHOP__DUE_DAYS", "3", "CONSENT_MANUAL__SHOP__TITLE: is required"),
        ("MANUAL__SHOP__DUE_DAYS", "many", "CONSENT_MANUAL__SHOP__DUE_DAYS: must be a number"),
        ("MANUAL__SHOP__COLOUR", "red", "CONSENT_MANUAL__SHOP__COLOUR: is not a known field"),
    ],
)
def test_names_and_values_that_cannot_be_used(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CONSENT_{name}", value)

    with pytest.raises(SettingsError) as told:
        Settings.load()

    assert says in str(told.value)
