"""Several accounts of one vendor, as the environment gives them."""

import pytest

from adapters.contract import VendorSettings
from config.settings import Settings, SettingsError

ALL = "CONSENT_INSIDER__ACCOUNTS__"
BRAND = {f"{ALL}BRAND__PARTNER_NAME": "Brand", f"{ALL}BRAND__REQUEST_TOKEN": "t-1"}
OUTLET = {
    "CONSENT_INSIDER__ACCOUNTS__OUT_LET__PARTNER_NAME": "outlet",
    "CONSENT_INSIDER__ACCOUNTS__OUT_LET__REQUEST_TOKEN": "t-2",
    "CONSENT_INSIDER__ACCOUNTS__OUT_LET__REQUESTS_PER_MINUTE": "50",
}
SINGLE = {"CONSENT_INSIDER__PARTNER_NAME": "mybrand", "CONSENT_INSIDER__REQUEST_TOKEN": "t-0"}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    def load_with(*several: dict[str, str], **more: str) -> Settings:
        for variables in (*several, more):
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
        return Settings.load()

    return load_with


def of(settings: Settings, name: str) -> VendorSettings:
    return settings.adapters()[name].settings


def test_every_account_is_a_vendor_of_its_own(load) -> None:
    settings = load(BRAND, OUTLET)
    adapters = settings.adapters()
    assert list(adapters) == ["insider@brand", "insider@out_let"]
    assert [adapter.name for adapter in adapters.values()] == list(adapters)
    assert of(settings, "insider@brand").partner_name == "brand"
    assert [of(settings, name).requests_per_minute for name in adapters] == [25_000, 50]
    assert settings.threads() > 2 * of(settings, "insider@brand").chunks_in_flight


def test_the_old_single_settings_go_on_beside_accounts(load) -> None:
    settings = load(SINGLE, BRAND, CONSENT_DFINERY__API_TOKEN="t")
    assert list(settings.adapters()) == ["dfinery", "insider", "insider@brand"]
    assert settings.adapters()["insider"].name == "insider"


def test_what_an_account_does_not_say_it_has_from_the_vendors_block(load) -> None:
    settings = load(
        BRAND,
        OUTLET,
        CONSENT_INSIDER__REQUESTS_PER_MINUTE="700",
        CONSENT_INSIDER__IDENTIFIERS='["email"]',
        CONSENT_INSIDER__ACCOUNTS__OUT_LET__IDENTIFIERS='["uuid", "custom.shop"]',
        CONSENT_INSIDER__ACCOUNTS__OUT_LET__CUSTOM__WHOLE='["shoe_size"]',
    )
    assert list(settings.adapters()) == ["insider@brand", "insider@out_let"]
    assert [of(settings, name).requests_per_minute for name in settings.adapters()] == [700, 50]
    assert of(settings, "insider@brand").identifiers == ("email",)
    assert of(settings, "insider@out_let").identifiers == ("uuid", "custom.shop")
    assert of(settings, "insider@out_let").custom.whole == ("shoe_size",)


def test_an_account_may_share_all_but_one_credential(load) -> None:
    settings = load(
        CONSENT_INSIDER__REQUEST_TOKEN="shared",
        CONSENT_INSIDER__PARTNER_NAME="one",
        CONSENT_INSIDER__ACCOUNTS__TWO__PARTNER_NAME="two",
    )
    assert of(settings, "insider@two").request_token.get_secret_value() == "shared"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({f"{ALL}X__PARTNER_NAME": "x"}, ["ACCOUNTS__X__REQUEST_TOKEN", "required"]),
        ({**SINGLE, f"{ALL}X__CONCURRENCY": "3"}, ["ACCOUNTS__X__…", "PARTNER_NAME or REQUEST_TOKEN"]),
        ({**BRAND, f"{ALL}BRAND__CONCURRENCY": "no"}, ["ACCOUNTS__BRAND__CONCURRENCY: ", "whole number"]),
        ({**BRAND, f"{ALL}BRAND__SURPRISE": "s"}, ["ACCOUNTS__BRAND__SURPRISE: is not a known field"]),
        ({f"{ALL}A.B__PARTNER_NAME": "x"}, ["ACCOUNTS__A.B__…", "letters, digits"]),
        ({**SINGLE, ALL.removesuffix("__"): '{"brand": {}}'}, ["ACCOUNTS: names no account", "<ACCOUNT>__<FIELD>"]),
        ({f"{ALL}PARTNER_NAME": "x"}, ["ACCOUNTS__PARTNER_NAME: names no field"]),
        ({**BRAND, f"{ALL}BRAND__TIMEOUT_S": "90"}, ["ACCOUNTS__BRAND__TIMEOUT_S: must be 58 or less"]),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_variable(load, more: dict[str, str], told: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load(more)
    assert all(word in str(refused.value) for word in told), str(refused.value)
    assert "t-1" not in str(refused.value)


def test_an_account_of_every_vendor_can_be_had(load) -> None:
    settings = load(
        CONSENT_ALGONOMY__ACCOUNTS__EU__CLIENT_ID="id",
        CONSENT_ALGONOMY__ACCOUNTS__EU__CLIENT_SECRET="secret",
        CONSENT_DFINERY__ACCOUNTS__EU__API_TOKEN="t",
        CONSENT_AKINON__ACCOUNTS__EU__BASE_URL="https://shop.example",
        CONSENT_B2CORE__ACCOUNTS__EU__BASE_URL="https://ib.example",
        CONSENT_B2CORE__ACCOUNTS__EU__TOKEN="t",
        **BRAND,
    )
    names = [f"{vendor}@eu" for vendor in ("akinon", "algonomy", "b2core", "dfinery")]
    assert list(settings.adapters()) == [*names, "insider@brand"]


def test_an_empty_variable_is_none(load) -> None:
    assert list(load(BRAND, CONSENT_INSIDER__ACCOUNTS__X__PARTNER_NAME="").adapters()) == ["insider@brand"]
