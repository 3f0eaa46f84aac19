"""What made-up people give of themselves to each vendor, for demonstrations and trials."""

from typing import Any

from adapters.registry import ADAPTERS


def blocks(name: str) -> dict[str, dict[str, Any]]:
    """The `vendors` of a person with this user_id: what a vendor knows nobody without, made of the name."""
    needed = {
        vendor: adapter.card.found_by[0].rpartition(".")[2]
        for vendor, adapter in ADAPTERS.items()
        if all(field.startswith(f"vendors.{vendor}.") for field in adapter.card.found_by)
    }
    return {vendor: {field: f"{field}-{name}"} for vendor, field in needed.items()}
