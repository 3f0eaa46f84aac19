"""`consent submit`: a file of people becomes a request on record."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import typer

from cli.file_hints import bounds_of, hints_of, keep
from cli.file_options import Given
from cli.given import listed, opened, read_allowed, read_day_or_moment, read_moment, read_options, unusable
from cli.os_user import who
from cli.reading_progress import shown
from cli.terminal import console
from cli.watch import show_until_closed
from domain.counted import counted_people
from domain.noticed import Noticed
from domain.references import read_reference
from domain.regulations import Regulation
from domain.requests import Kind
from intake.exit_codes import CommandError, Ending, flush, note
from intake.files.hints import Hints
from intake.files.reader import UnusableInputError, read_people
from intake.stack import BAD_KEYS, Surroundings, guards_of, master_keys, surroundings
from ledger.failures import LedgerError, as_ledger_errors
from ledger.sealing import UnsealError
from tasks.queues import BrokerError
from tasks.reach import say_unreachable
from tasks.sending import sender, wake
from tasks.submission import Submission, SubmitError
from tasks.submit import Receipt, Wake, submit

LONGEST_KEY = 200


def submit_file(
    file: str, given: Given, submission: Submission, *, wait: bool, wait_s: float | None = None, as_json: bool
) -> Ending:
    """Record the people of a file as a request, and print its id. Raises CommandError."""
    with opened(file) as people, surroundings() as here:
        hints = hints_of(given, here.settings)
        with shown(people) as source:
            receipt = _recorded(here, submission, source, hints)
        keep(given, hints, here.settings)
        _print(receipt, submission.noticed, as_json=as_json)
        return _wait_for(here, receipt.recorded.public_id, wait_s) if wait else Ending.DONE


def read_submission(
    *,
    kind: str | None,
    vendors: str | None,
    options: Path | None,
    idempotency_key: str | None,
    asked_at: str | None = None,
    effective_at: str | None = None,
    regulation: str | None = None,
    not_before: str | None = None,
    confirmed: bool = False,
    partial: bool = False,
    reference: str | None = None,
    allow: Sequence[str] = (),
) -> Submission:
    """Build a submission from the command line. Raises CommandError."""
    if kind is None:
        raise unusable(f"--kind is missing; give one of {', '.join(Kind)}")
    names = tuple(filter(None, map(str.strip, (vendors or "").split(","))))
    if vendors is not None and not names:
        raise unusable("--vendors names none; give some, separated by commas, or leave it away for all")
    if idempotency_key is not None and not (idempotency_key.isprintable() and 0 < len(idempotency_key) <= LONGEST_KEY):
        raise unusable(f"--idempotency-key must be 1 to {LONGEST_KEY} printable characters")
    return Submission(
        Kind(kind),
        names,
        read_options(options) if options else {},
        idempotency_key,
        submitted_by=who(),
        asked_at=read_day_or_moment("--asked-at", asked_at),
        effective_at=read_day_or_moment("--effective-at", effective_at),
        regulation=Regulation(regulation) if regulation is not None else None,
        not_before=read_moment("--not-before", not_before),
        confirmed=confirmed,
        accept_unreachable=partial,
        reference=read_given_reference(reference),
        warn=_warn,
        noticed=read_allowed(allow),
    )


def read_given_reference(given: str | None) -> str | None:
    """What --reference gives. Raises CommandError."""
    try:
        return None if given is None else read_reference(given)
    except ValueError as error:
        raise unusable(f"--reference {error}") from None


def _warn(unreachable: Mapping[str, int], people: int) -> None:
    note(say_unreachable(unreachable, people))


def waker(here: Surroundings) -> Wake:
    """Wakes the workers of a stack, and prints a note where that is impossible now."""

    def wake_workers(vendors: Sequence[str]) -> None:
        try:
            wake(sender(here.stack.redis_url, here.stack.redis_ca), vendors)
        except BrokerError:
            note(f"recorded; work starts when Redis at {here.redis} is back")

    return wake_workers


def _recorded(here: Surroundings, submission: Submission, file: IO[bytes], hints: Hints) -> Receipt:
    masters = master_keys(here)
    try:
        with as_ledger_errors():
            return submit(
                submission,
                read_people(file, submission.noticed, hints, bounds_of(here.settings)),
                engine=here.engine,
                masters=masters,
                wake=waker(here),
                guards=guards_of(here.settings),
            )
    except KeyboardInterrupt:
        message = "stopped before the end: nothing was recorded, unless `consent list` shows it"
        raise CommandError(message, Ending.INTERRUPTED) from None
    except UnusableInputError as error:
        raise unusable(listed(error)) from None
    except SubmitError as error:
        raise unusable(str(error)) from None
    except UnsealError as error:
        raise unusable(f"{BAD_KEYS}{error}") from None
    except LedgerError as error:
        raise CommandError(_unreachable(here, error), Ending.UNREACHABLE) from None
    except OSError as error:
        raise unusable(f"cannot read FILE to its end: {error.strerror}; nothing was recorded") from None


def _unreachable(here: Surroundings, error: LedgerError) -> str:
    advice = (
        "whether the request was recorded is not known: submit it again with the same --idempotency-key"
        if error.lost
        else "nothing was recorded"
    )
    return f"cannot use PostgreSQL at {here.postgres}: {error}; {advice}"


def _print(receipt: Receipt, noticed: Noticed, *, as_json: bool) -> None:
    recorded = receipt.recorded
    answer: dict[str, Any] = {
        "request_id": str(recorded.public_id),
        "subjects": recorded.people,
        "duplicates": recorded.duplicates,
        "repeated": receipt.repeated,
        "unconfirmed": recorded.unconfirmed,
        "unreachable": dict(recorded.unreachable),
    }
    if noticed.left_aside:
        answer["left_aside"] = dict(noticed.left_aside)
    if noticed.left_out:
        answer["left_out"] = noticed.left_out
    if noticed.crowds:
        answer["crowds"] = [crowd._asdict() for crowd in noticed.crowds]
    if noticed.erased_before:
        answer["erased_before"] = noticed.erased_before._asdict()
    typer.echo(json.dumps(answer) if as_json else answer["request_id"])
    flush()
    if receipt.repeated:
        note("submitted before: nothing new was recorded")
        if recorded.unreachable:
            _warn(recorded.unreachable, recorded.people)
    elif recorded.duplicates:
        note(f"{counted_people(recorded.people)}; lines left out that repeat one of them: {recorded.duplicates:,}")
    if noticed.left_out:
        note(f"columns left out, because their names are not known: {', '.join(noticed.left_out)}")
    for warning in noticed.warnings():
        note(f"warning: {warning}")
    if recorded.unconfirmed:
        why = "are many, or with what you have sent lately they are"
        note(
            f"{counted_people(recorded.people)} {why}: nothing is sent until someone else runs `consent confirm` on it"
        )


def _wait_for(here: Surroundings, public_id: UUID, wait_s: float | None) -> Ending:
    return show_until_closed(here.engine, public_id, console(stderr=True), wait_s=wait_s)
