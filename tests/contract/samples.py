"""The samples of our vendors, each beside its recorded answers."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from adapters.conformance import Sample
from adapters.contract import Adapter
from adapters.registry import OURS
from domain.requests import Kind

KINDS = tuple(Kind)
SAMPLES: Mapping[str, Sample] = {
    vendor: import_module(f"{__package__}.{vendor}.sample").SAMPLE for vendor in sorted(OURS)
}


def adapter_of(vendor: str, **settings: Any) -> Adapter:
    """The vendor's adapter with the sample's settings, some of them replaced."""
    return SAMPLES[vendor].make(**settings)
