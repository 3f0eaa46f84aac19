"""`consent submit`: a file of people becomes a request on record."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import typer
from pydantic_core import from_json

from domain.requests import Kind
from intake.endings import CommandError, Ending, flush, note
from intake.files import UnusableInputError, read_people
from intake.surroundings import Surroundings, surroundings
from ledger.failures import LedgerError, told_as_ledger_errors
from ledger.sealing import MasterKeys, UnsealError
from tasks.queues import BrokerError, sender, wake
from tasks.submit import Receipt, Submission, SubmitError, submit

LARGEST_OPTIONS = 1_000_000
LONGEST_KEY = 200
STDIN = "-"
BAD_KEYS = "these settings cannot be used:\nCONSENT_MASTER_KEYS: "


def submit_file(file: str, submission: Submission, *, wait: bool, as_json: bool) -> Ending:
    """Record the people of a file as a request, and print its id. Raises CommandError."""
    with _opened(file) as people, surroundings() as here:
        receipt = _recorded(here, submission, people, file)
        _print(receipt, as_json=as_json)
        return _wait_for(here, receipt.recorded.public_id) if wait else Ending.DONE


def read_submission(*, kind: str, vendors: str | None, options: Path | None, idempotency_key: str | None) -> Submission:
    """A submission from what the command line gives. Raises CommandError."""
    if kind not in list(Kind):
        raise _unusable(f"unknown --kind; known are {', '.join(Kind)}")
    names = tuple(filter(None, map(str.strip, (vendors or "").split(","))))
    if vendors is not None and not names:
        raise _unusable("--vendors names none; give some, separated by commas, or leave it away for all")
    if idempotency_key is not None and not (idempotency_key.isprintable() and 0 < len(idempotency_key) <= LONGEST_KEY):
        raise _unusable(f"--idempotency-key must be 1 to {LONGEST_KEY} printable characters")
    return Submission(Kind(kind), names, _read_options(options) if options else {}, idempotency_key)


def _unusable(message: str) -> CommandError:
    return CommandError(message, Ending.UNUSABLE)


def _read_options(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_OPTIONS + 1)
    except OSError as error:
        raise _unusable(f"cannot read the --options file: {error.strerror}") from None
    if len(text) > LARGEST_OPTIONS:
        raise _unusable(f"the --options file is larger than {LARGEST_OPTIONS:,} bytes")
    try:
        options = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        where = re.search(r"line \d+ column \d+", str(error))
        raise _unusable(f"the --options file is not JSON{f': {where[0]}' if where else ''}") from None
    if not isinstance(options, dict):
        raise _unusable('the --options file must hold an object, by vendor: {"insider": {…}}')
    return options


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == STDIN:
        if sys.stdin is None:
            raise _unusable("cannot read from standard input: it is closed")
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115 - what goes wrong within is not about opening
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        # Without the name: in a call with its arguments in the wrong order it is a person's.
        raise _unusable(f"cannot read FILE: {getattr(error, 'strerror', None) or 'no such name'}") from None
    with opened:
        yield opened


def _recorded(here: Surroundings, submission: Submission, file: IO[bytes], name: str) -> Receipt:
    def wake_workers(vendors: Sequence[str]) -> None:
        try:
            wake(sender(here.stack.redis_url), vendors)
        except BrokerError:
            note(f"recorded; work starts when Redis at {here.redis} is back")

    masters = _master_keys(here)
    try:
        with told_as_ledger_errors():
            return submit(submission, read_people(file, name), engine=here.engine, masters=masters, wake=wake_workers)
    except UnusableInputError as error:
        raise _unusable(_listed(error)) from None
    except SubmitError as error:
        raise _unusable(str(error)) from None
    except UnsealError as error:
        raise _unusable(f"{BAD_KEYS}{error}") from None
    except LedgerError as error:
        raise CommandError(_unreachable(here, error), Ending.UNREACHABLE) from None
    except OSError as error:
        raise _unusable(f"cannot read FILE to its end: {error.strerror}; nothing was recorded") from None


def _master_keys(here: Surroundings) -> MasterKeys:
    try:
        return MasterKeys.parse(here.stack.master_keys)
    except ValueError as error:
        raise _unusable(f"{BAD_KEYS}{error}") from None


def _listed(error: UnusableInputError) -> str:
    lines = [str(fault) for fault in error.faults]
    if error.total > len(lines):
        lines.append(f"and {error.total - len(lines):,} more")
    return "\n".join([*lines, "nothing was recorded"])


def _unreachable(here: Surroundings, error: LedgerError) -> str:
    advice = (
        "whether the request was recorded is not known: submit it again with the same --idempotency-key"
        if error.lost
        else "nothing was recorded"
    )
    return f"cannot use PostgreSQL at {here.postgres}: {error}; {advice}"


def _print(receipt: Receipt, *, as_json: bool) -> None:
    recorded = receipt.recorded
    answer = {
        "request_id": str(recorded.public_id),
        "subjects": recorded.people,
        "duplicates": recorded.duplicates,
        "repeated": receipt.repeated,
    }
    typer.echo(json.dumps(answer) if as_json else answer["request_id"])
    flush()
    if receipt.repeated:
        note("submitted before: nothing new was recorded")
    elif recorded.duplicates:
        note(f"{recorded.people:,} people; lines left out that repeat one of them: {recorded.duplicates:,}")


def _wait_for(here: Surroundings, public_id: UUID) -> Ending:
    from rich.console import Console  # noqa: PLC0415 - most submissions show nothing

    from intake.following import show_until_closed  # noqa: PLC0415

    return show_until_closed(here.engine, public_id, Console(stderr=True))
