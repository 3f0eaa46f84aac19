"""The vendors that the sandbox serves: every file of `sandbox/vendors/` that names one, and those of other packages."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points

from sandbox import vendors
from sandbox.contract import Vendor, buckets_of

GROUP = "consent_worker.sandbox"
"""The entry points by which another package adds a vendor."""


def _found() -> Iterator[type[Vendor]]:
    for module in pkgutil.iter_modules(vendors.__path__):
        served: type[Vendor] | None = getattr(import_module(f"{vendors.__name__}.{module.name}"), "SERVES", None)
        if served is not None:
            yield served
    for entry in entry_points(group=GROUP):
        yield entry.load()


VENDORS: tuple[type[Vendor], ...] = tuple(sorted(_found(), key=lambda vendor: vendor.name))
NAMES = tuple(vendor.name for vendor in VENDORS)
LIMITS = {vendor.name: vendor.limit for vendor in VENDORS} | {
    f"{vendor.name}.{name}": bucket.limit for vendor in VENDORS for name, bucket in buckets_of(vendor).items()
}
"""Units a minute; `insider.profile` and the like are the limits of single calls."""
ROOMY = {vendor.name: vendor.roomy for vendor in VENDORS} | {
    f"{vendor.name}.{name}": bucket.roomy or bucket.limit
    for vendor in VENDORS
    for name, bucket in buckets_of(vendor).items()
}
"""The same for a demonstration, which should be short."""
MARKS = {mark: f"{vendor.name}: {says}" for vendor in VENDORS for mark, says in vendor.marks.items()}
"""The marks of people, and their meaning by vendor."""
FAULTS = {vendor.name: vendor.faults for vendor in VENDORS}
"""By vendor, what a preset has in addition."""
