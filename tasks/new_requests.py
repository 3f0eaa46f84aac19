"""Makes the request to record from a validated submission."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from adapters.registry import ADAPTERS, adapter_named
from domain.deadlines import AskedInRows
from domain.moments import EARLIEST, LATEST
from domain.references import read_reference
from domain.refused_values import problem_of
from ledger.delivery.vendors import Vendor
from ledger.requests.new_request import NewRequest
from tasks.known import Known
from tasks.subjects import shown
from tasks.submission import Guards, Submission, SubmitError


def new_request_of(submission: Submission, guards: Guards, known: Known, rows: AskedInRows) -> NewRequest:
    """The request to record for a submission. Raises SubmitError."""
    _check_times(submission)
    regulation = submission.regulation or guards.deadlines.default
    to = known.destinations(submission.kind, submission.vendors)
    return NewRequest(
        kind=submission.kind,
        vendors=to.vendors,
        options=to_json(_checked_options(submission.options, known.vendors)),
        session_vendors=to.session_vendors,
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
        suppression_days=guards.suppression_days,
        confirmed=submission.confirmed,
        callbacks=submission.callbacks,
        also=submission.also,
        reach=to.reach,
        resolvable=to.resolvable if guards.resolves else frozenset(),
        accept_unreachable=submission.accept_unreachable,
        warn=submission.warn,
        reference=_checked_reference(submission.reference),
        noticed=submission.noticed,
        origin=submission.origin,
    )


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


def _checked_reference(given: str | None) -> str | None:
    try:
        return None if given is None else read_reference(given)
    except ValueError as error:
        raise SubmitError(f"reference {error}") from None


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
            raise SubmitError(f"options.{vendor}.{where}: {problem_of(fault)}") from None
    return dict(options)
