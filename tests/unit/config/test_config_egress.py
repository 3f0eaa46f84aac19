"""The way out, as it is set from outside."""

from pathlib import Path

import pytest

from config.settings import Settings, SettingsError
from tests.receiver import Authority


@pytest.mark.parametrize(
    "written", ["crm.example,.corp, 10.0.0.0/8 ,[::2]", '["crm.example", ".corp", "10.0.0.0/8", "::2"]']
)
def test_proxy_exceptions_and_bundle_are_set_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(Authority(tmp_path).pem)
    monkeypatch.setenv("CONSENT_EGRESS_PROXY", "http://ann:hunter2@proxy.corp:3128")
    monkeypatch.setenv("CONSENT_EGRESS_EXCEPTIONS", written)
    monkeypatch.setenv("CONSENT_CA_BUNDLE", str(bundle))
    settings = Settings.load()
    egress = settings.egress()
    assert egress.proxy is not None
    assert (egress.proxy.place, egress.ca_bundle) == ("http://proxy.corp:3128", bundle)
    direct = ["crm.example", "a.corp", "10.1.2.3", "::2", "localhost"]
    assert [host for host in direct if egress.proxy_to(host)] == []
    assert egress.proxy_to("vendor.example") == egress.proxy
    assert "hunter2" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()} {egress!r}"


def test_without_them_the_way_is_direct() -> None:
    egress = Settings.load().egress()
    assert (egress.proxy, egress.ca_bundle, egress.proxy_to("vendor.example")) == (None, None, None)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("EGRESS_PROXY", "ftp://ann:hunter2@proxy", "must begin with http:// or https://"),
        ("EGRESS_PROXY", "http://ann:hunter2@proxy/x", "write / ? # @ of a password as"),
        ("EGRESS_EXCEPTIONS", "crm.example,hunter2:443", "entry 2 is no host"),
        ("EGRESS_EXCEPTIONS", '["hunter2"', ""),
        ("CA_BUNDLE", "/no/such/hunter2", "cannot be read: No such file"),
        ("CA_BUNDLE", "/dev/null", "must be a file of certificates in PEM"),
        ("CA_BUNDLE", __file__, "must be a file of certificates in PEM"),
    ],
)
def test_what_cannot_be_used_is_refused_at_start_naming_the_setting(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"CONSENT_{variable}", value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(refused.value).startswith(f"CONSENT_{variable}: ")
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)
