"""Vendors of other packages: which are taken, and with which sentence the others are refused."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from adapters.plug_ins import CONTRACT_VERSION, GROUP, find
from adapters.registry import OURS
from config.setting_fields import SettingFields
from config.settings import Settings, SettingsError
from config.vendors import names_taken, with_vendors
from tests.contract.plain import Plain


class Newer(Plain):
    contract_version = CONTRACT_VERSION + 1


class Unversioned(Plain):
    contract_version: Any = None


class Renamed(Plain):
    name = "other"


class Cardless(Plain):
    card: Any = "a vendor"


@dataclass(frozen=True)
class Nothing:
    contract_version = CONTRACT_VERSION


HERE = __name__
PLAIN = EntryPoint("plain", "tests.contract.plain:Plain", GROUP)


def test_a_vendor_of_another_package_is_one_of_the_vendors() -> None:
    found = find(OURS, [PLAIN])
    assert dict(found.adapters) == {"plain": Plain}
    assert found.refused == ()


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (EntryPoint("insider", "tests.contract.plain:Plain", GROUP), "a vendor of this name is built in"),
        (EntryPoint("plain", f"{HERE}:Newer", GROUP), f"version {CONTRACT_VERSION} of the contract.*version 2 of it"),
        (EntryPoint("plain", f"{HERE}:Unversioned", GROUP), "says of no version"),
        (EntryPoint("plain", f"{HERE}:Nothing", GROUP), "is no adapter, without card, call_people"),
        (EntryPoint("plain", f"{HERE}:Renamed", GROUP), "calls itself 'other'"),
        (EntryPoint("plain", f"{HERE}:Cardless", GROUP), "must be a Card"),
        (EntryPoint("plain", f"{HERE}:Missing", GROUP), "cannot be loaded .AttributeError"),
        (EntryPoint("plain", "not_there_at_all:Plain", GROUP), "cannot be loaded .ModuleNotFoundError"),
        (
            EntryPoint("plain", "tests.contract.raises_at_import:Plain", GROUP),
            "cannot be loaded .RuntimeError: of two lines",
        ),
        (EntryPoint("Plain", "tests.contract.plain:Plain", GROUP), "lower-case"),
        (EntryPoint("p" * 41, "tests.contract.plain:Plain", GROUP), "40 at most"),
        (EntryPoint("plain__mail", "tests.contract.plain:Plain", GROUP), "single underscores"),
        (EntryPoint("plain@brand", "tests.contract.plain:Plain", GROUP), "lower-case"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_does_not_fit_is_refused_by_name_in_one_sentence(entry: EntryPoint, says: str) -> None:
    found = find(OURS, [entry])
    assert not found.adapters
    (sentence,) = found.refused
    assert sentence.startswith(f"The vendor {entry.name!r} of a package is refused: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(sentence)


def test_two_packages_with_one_name_are_both_refused_and_a_third_is_not() -> None:
    other = EntryPoint("plain", f"{HERE}:Renamed", GROUP)
    third = EntryPoint("other", f"{HERE}:Renamed", GROUP)
    found = find(OURS, [PLAIN, third, other])
    assert list(found.adapters) == ["other"]
    assert len(found.refused) == 2
    assert all("another package brings a vendor of this name too" in sentence for sentence in found.refused)


def test_each_vendor_of_ours_has_its_block() -> None:
    """`Settings.load` refuses one that is named like a setting."""
    assert set(OURS) <= set(Settings.model_fields)
    assert not set(OURS) & names_taken(SettingFields)


def test_nothing_starts_beside_one_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.settings.PLUG_INS", find(OURS, [EntryPoint("insider", "x:Y", GROUP)]))
    with pytest.raises(SettingsError, match="'insider' of a package is refused: a vendor of this name is built in"):
        Settings.load()


@pytest.mark.parametrize("name", ["webhooks", "manual", "forget_after_days", "load", "vendors", "copy", "model_dump"])
def test_one_that_is_named_like_a_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Also where the name is one of a method: settings need to be read with it installed."""
    monkeypatch.setattr("config.vendors.ADAPTERS", {name: Plain})
    monkeypatch.setattr("config.settings.ADAPTERS", {name: Plain})
    with pytest.raises(SettingsError, match=f"'{name}' of tests.contract.plain is refused: a setting has this name"):
        with_vendors(Settings).load()
