"""Makes the request to record from a validated submission."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from adapters.registry import ADAPTERS, adapter_named
from domain.accounts import vendor_of
from domain.deadlines import AskedInRows
from domain.moments import EARLIEST, LATEST
from ledger.delivery.vendors import Vendor
from ledger.requests.new_request import NewRequest
from tasks.known import Known
from tasks.provide import keeps_sessions
from tasks.reach import fields_at
from tasks.subjects import shown
from tasks.submission import Guards, Submission, SubmitError


def new_request_of(submission: Submission, guards: Guards, known: Known, rows: AskedInRows) -> NewRequest:
    """The request to record for a submission. Raises SubmitError."""
    _check_times(submission)
    regulation = submission.regulation or guards.deadlines.default
    vendors = _chosen(submission.vendors, known.vendors)
    return NewRequest(
        kind=submission.kind,
        vendors=vendors,
        options=to_json(_checked_options(submission.options, known.vendors)),
        session_vendors=frozenset(filter(keeps_sessions, [*ADAPTERS, *(vendor.name for vendor in vendors)])),
        idempotency_key=submission.idempotency_key,
        clear_keys=known.clear_keys,
        submitted_by=submission.submitted_by,
        asked_at=submission.asked_at,
        effective_at=submission.effective_at,
        regulation=regulation,
        term=guards.deadlines.term(regulation, submission.kind),
        rows=rows,
        not_before=submission.not_before,
        cool_off_s=guards.cool_off_s.get(submission.kind, 0.0),
        confirm_above=guards.confirm_above,
        confirm_within_s=guards.confirm_within_s,
        confirmed=submission.confirmed,
        callbacks=submission.callbacks,
        also=submission.also,
        reach=fields_at(vendors, submission.kind),
        resolvable=frozenset(_resolvable(vendors) if guards.resolves else ()),
        accept_unreachable=submission.accept_unreachable,
        warn=submission.warn,
        noticed=submission.noticed,
        origin=submission.origin,
    )


def _resolvable(vendors: Iterable[Vendor]) -> Iterator[str]:
    """The vendors that find people by identifiers a directory may know. A session only the person has."""
    for vendor in vendors:
        if not keeps_sessions(vendor.name):
            yield vendor.name


def _check_times(submission: Submission) -> None:
    times = {
        "asked_at": submission.asked_at,
        "effective_at": submission.effective_at,
        "not_before": submission.not_before,
    }
    for name, at in times.items():
        if at is not None and at.utcoffset() is None:
            raise SubmitError(f"{name} must say its time zone, as in 2026-05-25T00:00:00Z")
        if at is not None and not EARLIEST <= at < LATEST:
            raise SubmitError(f"{name} must lie between the years {EARLIEST.year} and {LATEST.year}")


def _chosen(named: Sequence[str], known: Sequence[Vendor]) -> list[Vendor]:
    enabled = {vendor.name: vendor for vendor in known if vendor.enabled}
    if not enabled:
        raise SubmitError("no vendor is switched on: set its CONSENT_<VENDOR>__ variables and start the workers")
    if not named:
        return [enabled[name] for name in sorted(enabled)]
    meant = {name: [one for one in enabled if name in (one, vendor_of(one))] for name in named}
    if not all(meant.values()):
        raise SubmitError(f"unknown or switched-off vendor; known are {', '.join(sorted(enabled))}")
    return [enabled[name] for name in sorted({one for those in meant.values() for one in those})]


def _checked_options(options: Mapping[str, Any], known: Sequence[Vendor]) -> dict[str, Any]:
    if not options:  # usually
        return {}
    names = dict.fromkeys([*ADAPTERS, *(vendor.name for vendor in known)])
    for vendor, block in options.items():
        adapter = adapter_named(vendor) if vendor in names else None
        if adapter is None:
            raise SubmitError(f"options are given by vendor; known are {', '.join(names)}")
        try:
            adapter.options_model.model_validate(block)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(shown(part) for part in fault["loc"])
            raise SubmitError(f"options.{vendor}.{where}: {fault['msg']}") from None
    return dict(options)
