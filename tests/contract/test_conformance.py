"""Every adapter of ours keeps to the suite, and the registry has each of them."""

import pkgutil

import pytest

import adapters.vendors
from adapters.conformance import Conformance
from adapters.registry import ADAPTERS, OURS, create
from tests.contract.samples import SAMPLES, adapter_of

for _vendor, _sample in SAMPLES.items():
    _name = f"Test{_vendor.title().replace('_', '')}"
    globals()[_name] = type(_name, (Conformance,), {"sample": _sample, "__module__": __name__})


def test_every_file_in_vendors_is_registered():
    files = {module.name for module in pkgutil.iter_modules(adapters.vendors.__path__)}
    assert files == set(OURS) == set(SAMPLES)
    assert all(adapter.name == name for name, adapter in ADAPTERS.items())


def test_an_adapter_takes_its_own_settings_only():
    with pytest.raises(TypeError, match="InsiderSettings"):
        create("insider", adapter_of("akinon").settings)
    with pytest.raises(KeyError):
        create("nobody", adapter_of("akinon").settings)
