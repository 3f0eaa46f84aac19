"""Every setting, from the environment."""

from typing import Any

import pytest

from adapters.conformance import SECRET
from adapters.contract import VendorSettings
from adapters.portions import EXPRESS
from adapters.registry import ADAPTERS, OURS, create
from config.settings import THREADS_TO_SPARE, Settings, SettingsError
from tests.contract.samples import credentials_of

COMPLETE = {vendor: credentials_of(vendor) for vendor in OURS}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("CONSENT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def set_vendor(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_(vendor: str, **fields: str) -> None:
        for field, value in fields.items():
            monkeypatch.setenv(f"CONSENT_{vendor.upper()}__{field}", value)

    return set_


def refused() -> list[str]:
    """The lines that tell what is wrong."""
    with pytest.raises(SettingsError) as told:
        Settings.load()
    assert told.value.__suppress_context__
    return str(told.value).splitlines()


def test_with_nothing_set_everything_has_a_default_and_no_vendor_is_on() -> None:
    settings = Settings.load()
    assert settings.adapters() == {}
    assert settings.database_url is settings.redis_url is settings.master_keys is None


@pytest.mark.parametrize("vendor", OURS)
def test_a_vendor_is_switched_on_by_its_credentials(vendor: str, set_vendor: Any) -> None:
    set_vendor(vendor, **COMPLETE[vendor])
    settings = Settings.load()
    assert list(settings.adapters()) == [vendor]
    adapter = settings.adapters()[vendor]
    assert type(adapter) is ADAPTERS[vendor]
    assert SECRET not in f"{settings!r} {adapter!r} {adapter.settings!r} {settings}"


def test_all_of_them(set_vendor: Any) -> None:
    for vendor, fields in COMPLETE.items():
        set_vendor(vendor, **fields)
    assert list(Settings.load().adapters()) == list(OURS)


def test_no_vendor_is_switched_on_by_how_fast_it_is_asked(set_vendor: Any) -> None:
    for vendor in ADAPTERS:
        set_vendor(vendor, REQUESTS_PER_MINUTE="10")
    assert Settings.load().adapters() == {}


def test_an_empty_credential_switches_nothing_on(set_vendor: Any) -> None:
    set_vendor("dfinery", API_TOKEN="")
    assert Settings.load().adapters() == {}


def test_what_can_be_set_for_each(set_vendor: Any) -> None:
    for vendor, fields in COMPLETE.items():
        set_vendor(vendor, **fields, REQUESTS_PER_MINUTE="77", CONCURRENCY="3", TIMEOUT_S="4.5")
    for adapter in Settings.load().adapters().values():
        assert adapter.settings.requests_per_minute == 77
        assert (adapter.settings.concurrency, adapter.settings.timeout_s) == (3, 4.5)


@pytest.mark.parametrize(("reserved", "ours"), [("", 25_000), ("5000", 20_000), ("0.2", 20_000), ("24999", 1)])
def test_a_part_of_a_limit_can_be_left_to_others(reserved: str, ours: float, set_vendor: Any) -> None:
    set_vendor("insider", **COMPLETE["insider"], RESERVED=reserved)
    assert Settings.load().adapters()["insider"].settings.allowance == ours


def test_no_vendor_can_take_every_thread(set_vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All chunks that may ever be out fit into one worker, so none waits for a thread because of another vendor."""
    for vendor, fields in COMPLETE.items():
        set_vendor(vendor, **fields)
    out = sum(adapter.settings.chunks_in_flight + EXPRESS for adapter in Settings.load().adapters().values())
    assert Settings.load().threads() == out + THREADS_TO_SPARE
    monkeypatch.setenv("CONSENT_WORKER_THREADS", str(out + THREADS_TO_SPARE - 1))
    (line,) = refused()
    assert line.startswith(f"CONSENT_WORKER_THREADS: must be {out + THREADS_TO_SPARE} or more")
    monkeypatch.delenv("CONSENT_WORKER_THREADS")
    set_vendor("dfinery", CHUNKS_IN_FLIGHT="64")
    assert Settings.load().threads() == out + THREADS_TO_SPARE + 56, "what is not set follows from the vendors"
    monkeypatch.setenv("CONSENT_WORKER_THREADS", str(out + THREADS_TO_SPARE))
    assert refused()[0].startswith("CONSENT_WORKER_THREADS: ")


def test_no_number_of_vendors_stops_the_start(set_vendor: Any) -> None:
    """Threads that are not set follow from the vendors, however many chunks each may have out."""
    assert Settings.load().threads() == THREADS_TO_SPARE
    for number, (vendor, fields) in enumerate(COMPLETE.items(), start=1):
        set_vendor(vendor, **fields, CHUNKS_IN_FLIGHT="64")
        assert Settings.load().threads() == number * (64 + EXPRESS) + THREADS_TO_SPARE


@pytest.mark.parametrize(
    ("vendor", "fields", "line"),
    [
        ("algonomy", {"CLIENT_ID": "ours"}, "CONSENT_ALGONOMY__CLIENT_SECRET: is required"),
        ("algonomy", {"CLIENT_SECRET": "secret"}, "CONSENT_ALGONOMY__CLIENT_ID: is required"),
        ("insider", {"PARTNER_NAME": "secret"}, "CONSENT_INSIDER__REQUEST_TOKEN: is required"),
        ("insider", {"REQUEST_TOKEN": "secret"}, "CONSENT_INSIDER__PARTNER_NAME: is required"),
    ],
)
def test_half_of_the_credentials_is_told(vendor: str, fields: dict[str, str], line: str, set_vendor: Any) -> None:
    set_vendor(vendor, **fields)
    assert refused() == [line]


def test_b2core_wants_one_way_in(set_vendor: Any) -> None:
    set_vendor("b2core", BASE_URL="https://b2.example", CLIENT_ID="secret")
    (line,) = refused()
    assert line.startswith("CONSENT_B2CORE: ")
    assert "secret" not in line.replace("client_secret", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONSENT_WEB_PORT", "topsecret"),
        ("CONSENT_WEB_PORT", "70000"),
        ("CONSENT_LEASE_S", "4"),
        ("CONSENT_WORKERS", "0"),
        ("CONSENT_WORKER_THREADS", "1"),
        ("CONSENT_LOG_LEVEL", "topsecret"),
        ("CONSENT_DFINERY__API_TOKEN", "top secret"),
        ("CONSENT_DFINERY__API_TOKEN", "topsecret\n"),
        ("CONSENT_DFINERY__BASE_URL", "http://topsecret.example"),
        ("CONSENT_DFINERY__BASE_URL", "https://jane:topsecret@vendor.example"),
        ("CONSENT_DFINERY__BASE_URL", "https://vendor.example/?token=topsecret"),
        ("CONSENT_DFINERY__BASE_URL", "topsecret"),
        ("CONSENT_DFINERY__TIMEOUT_S", "0"),
        ("CONSENT_DFINERY__REQUESTS_PER_MINUTE", "0"),
        ("CONSENT_DFINERY__RESERVED", "-1"),
        ("CONSENT_DFINERY__RESERVED", "10000"),
        ("CONSENT_DFINERY__RESERVED", "0.99999"),
        ("CONSENT_DFINERY__CI", '["topsecret!"]'),
        ("CONSENT_DFINERY__NO_SUCH_FIELD", "topsecret"),
    ],
)
def test_a_bad_value_is_told_by_its_variable_and_never_quoted(
    variable: str, value: str, set_vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_vendor("dfinery", API_TOKEN="t")
    monkeypatch.setenv(variable, value)
    lines = refused()
    assert lines
    assert all(line.startswith(f"{variable}") for line in lines)
    assert "topsecret" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CONSENT_DFINERY__CI", "[topsecret"), ("CONSENT_DFINERY", "topsecret"), ("CONSENT_DFINERY", '{"api_token": ')],
)
def test_a_value_that_should_be_json_and_is_not(
    variable: str, value: str, set_vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_vendor("dfinery", API_TOKEN="t")
    monkeypatch.setenv(variable, value)
    lines = refused()
    assert "CONSENT_DFINERY" in lines[0]
    assert "topsecret" not in "\n".join(lines)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8801", "http://localhost:8801/x", "http://[::1]:1", "https://x.example"]
)
def test_plain_http_to_this_machine_and_https_to_anywhere(url: str, set_vendor: Any) -> None:
    set_vendor("dfinery", API_TOKEN="t", BASE_URL=url + "/")
    adapter = Settings.load().adapters()["dfinery"]
    assert adapter.settings.base_url == url


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "http://vendor.example", "ftp://127.0.0.1", "http://127.0.0.1.example.org"]
)
@pytest.mark.parametrize("vendor", OURS)
def test_plain_http_to_elsewhere_is_refused(vendor: str, url: str, set_vendor: Any) -> None:
    set_vendor(vendor, **(COMPLETE[vendor] | {"BASE_URL": url}))
    (line,) = refused()
    assert line.startswith(f"CONSENT_{vendor.upper()}")
    assert "must be an https address; plain http is only for loopback" in line


def test_the_passwords_of_services_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DATABASE_URL", "postgresql://u:topsecret@127.0.0.1/db")
    monkeypatch.setenv("CONSENT_REDIS_URL", "redis://:topsecret@127.0.0.1/0")
    monkeypatch.setenv("CONSENT_MASTER_KEYS", "topsecret")
    settings = Settings.load()
    assert "topsecret" not in f"{settings!r} {settings}"


def test_a_vendor_takes_its_own_settings_only() -> None:
    with pytest.raises(TypeError, match="insider takes InsiderSettings"):
        create("insider", VendorSettings(base_url="https://x.example"))
    with pytest.raises(KeyError):
        create("acme", VendorSettings(base_url="https://x.example"))


@pytest.mark.parametrize("vendor", COMPLETE)
@pytest.mark.parametrize(
    ("lease_s", "timeout_s", "effective_s"),
    [
        (None, None, 30.0),
        ("60", "58", 58.0),
        ("60", "30", 30.0),
        ("5", None, 2.5),  # not set: it follows from the lease
        ("5", "3", 3.0),
        ("600", None, 30.0),
        ("600", "300", 300.0),
        ("60", "58.5", None),
        ("60", "60", None),
        (None, "120", None),
        ("5", "30", None),
        ("5", "5", None),
    ],
)
def test_a_call_ends_within_a_lease(
    *,
    vendor: str,
    lease_s: str | None,
    timeout_s: str | None,
    effective_s: float | None,
    set_vendor: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_vendor(vendor, **COMPLETE[vendor], **({"TIMEOUT_S": timeout_s} if timeout_s else {}))
    if lease_s:
        monkeypatch.setenv("CONSENT_LEASE_S", lease_s)
    if effective_s is not None:
        assert Settings.load().adapters()[vendor].settings.timeout_s == effective_s
        return
    (line,) = refused()
    assert line.startswith(f"CONSENT_{vendor.upper()}__TIMEOUT_S: ")
    assert "CONSENT_LEASE_S" in line
