"""Held vendors, shown with a worker's figures (`celery inspect stats`, and Flower's page of the worker)."""

from collections.abc import Callable

from celery import bootsteps

from domain.unexpected import type_and_place
from ledger.delivery.vendors import Vendor, all_vendors
from ledger.failures import LedgerError, as_ledger_errors
from ledger.session import Engine


class HeldVendors(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery is untyped
    """Starts nothing: Celery only asks parts that could start something. `engine` is set once the worker has one."""

    engine: Callable[[], Engine]

    def info(self, _worker: object) -> dict[str, dict[str, str]]:
        """By vendor, why it is held and since when."""
        try:
            with as_ledger_errors(), type(self).engine().connect() as connection:
                held = {one.name: words for one in all_vendors(connection) if (words := why_held(one))}
        except LedgerError as error:
            held = {"not known": f"cannot use PostgreSQL: {error}"}
        except Exception as error:  # noqa: BLE001 - Celery would answer, and log, with all of its text
            held = {"not known": type_and_place(error)}
        return {"held_vendors": held or {"none": "all vendors are served"}}


def why_held(vendor: Vendor) -> str:
    """Why a vendor or some of its steps are held, and since when, or why it fails; empty where nothing is wrong."""
    parts = []
    if vendor.held_at:
        parts.append(f"{vendor.held_reason or 'by hand'}, since {vendor.held_at:%Y-%m-%d %H:%M:%S} UTC")
    parts += [f"{one.held_reason} at {one.step}, since {one.held_at:%Y-%m-%d %H:%M:%S} UTC" for one in vendor.steps]
    parts += [f"failing, not held yet: {vendor.failing}"] if vendor.failing else []
    return "; ".join(parts)
