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


def credentials_of(vendor: str) -> dict[str, str]:
    """By name of a field as `CONSENT_<VENDOR>__<FIELD>` has it, what switches the vendor on."""
    fields = SAMPLES[vendor].adapter.settings_model.model_fields
    needed = {name for name, field in fields.items() if field.is_required() or field.get_default() is None}
    return {name.upper(): str(value) for name, value in SAMPLES[vendor].settings.items() if name in needed}


def adapter_of(vendor: str, **settings: Any) -> Adapter:
    """The vendor's adapter with the sample's settings, some of them replaced."""
    return SAMPLES[vendor].make(**settings)
