"""The settings of an identity provider: all of them, or none."""

import pytest

from config.settings import Settings, SettingsError

WHOLE = {
    "ISSUER": "https://id.example/realms/shop",
    "CLIENT_ID": "consent",
    "CLIENT_SECRET": "hush-oidc",
    "REDIRECT_URL": "https://consent.example/v1/session/oidc/callback",
}


def load(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name in WHOLE:
        monkeypatch.setenv(f"CONSENT_OIDC__{name}", given.get(name, ""))
    return Settings.load()


def test_unset_and_empty_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch).oidc is None


def test_all_four_switch_it_on_and_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **WHOLE)
    assert settings.oidc is not None
    assert settings.oidc.client_secret.get_secret_value() == "hush-oidc"
    assert "hush" not in f"{settings!r} {settings.oidc}"


@pytest.mark.parametrize("missing", WHOLE)
def test_three_of_four_are_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    with pytest.raises(SettingsError) as told:
        load(monkeypatch, **{name: value for name, value in WHOLE.items() if name != missing})
    assert str(told.value) == f"CONSENT_OIDC__{missing}: is required"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ISSUER", "http://id.example", "must be an https address; plain http is only for loopback"),
        ("ISSUER", "id.example", "must be an https address"),
        ("ISSUER", "https://", "must name a host"),
        ("ISSUER", "https://[id", "must be an address"),
        ("ISSUER", "https://id.example:99999", "must be an address"),
        ("ISSUER", "https://id.example/?tenant=hush", "without query, fragment and user"),
        ("ISSUER", "https://hush@id.example/", "without query, fragment and user"),
        ("REDIRECT_URL", "http://consent.example/v1/session/oidc/callback", "must be an https address"),
        ("REDIRECT_URL", "https://consent.example/hush", "must end in /v1/session/oidc/callback"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsError) as told:
        load(monkeypatch, **WHOLE | {name: value})
    assert str(told.value).startswith(f"CONSENT_OIDC__{name}: ")
    assert said in str(told.value)
    assert "hush" not in str(told.value)


def test_loopback_may_be_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"ISSUER": "http://127.0.0.1:9000", "REDIRECT_URL": "http://localhost:8080/v1/session/oidc/callback"}
    assert load(monkeypatch, **WHOLE | local).oidc is not None
