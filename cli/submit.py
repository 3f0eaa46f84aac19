"""`consent submit`: a file of people becomes a request on record."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import typer
from pydantic_core import from_json

from cli.os_user import who
from domain.deadlines import Regulation
from domain.json_size import refuse_crowd
from domain.noticed import Noticed
from domain.requests import Kind
from domain.twins import CrowdError
from intake.exit_codes import CommandError, Ending, flush, note
from intake.files.csv_columns import known_columns
from intake.files.reader import UnusableInputError, read_people
from intake.stack import BAD_KEYS, Surroundings, guards_of, master_keys, surroundings
from ledger.failures import LedgerError, told_as_ledger_errors
from ledger.sealing import UnsealError
from tasks.queues import BrokerError, sender, wake
from tasks.reach import say_unreachable
from tasks.subjects import advice
from tasks.submit import Receipt, Submission, SubmitError, Wake, submit

LARGEST_OPTIONS = 1_000_000
MOST_OPTION_VALUES = 20_000
LONGEST_KEY = 200
STDIN = "-"


def submit_file(file: str, submission: Submission, *, wait: bool, as_json: bool) -> Ending:
    """Record the people of a file as a request, and print its id. Raises CommandError."""
    with opened(file) as people, surroundings() as here:
        receipt = _recorded(here, submission, people, file)
        _print(receipt, submission.noticed, as_json=as_json)
        return _wait_for(here, receipt.recorded.public_id) if wait else Ending.DONE


def read_submission(
    *,
    kind: str,
    vendors: str | None,
    options: Path | None,
    idempotency_key: str | None,
    asked_at: str | None = None,
    effective_at: str | None = None,
    regulation: str | None = None,
    not_before: str | None = None,
    confirmed: bool = False,
    partial: bool = False,
    allow: Sequence[str] = (),
) -> Submission:
    """A submission from what the command line gives. Raises CommandError."""
    if kind not in list(Kind):
        raise unusable(f"unknown --kind; known are {', '.join(Kind)}")
    names = tuple(filter(None, map(str.strip, (vendors or "").split(","))))
    if vendors is not None and not names:
        raise unusable("--vendors names none; give some, separated by commas, or leave it away for all")
    if idempotency_key is not None and not (idempotency_key.isprintable() and 0 < len(idempotency_key) <= LONGEST_KEY):
        raise unusable(f"--idempotency-key must be 1 to {LONGEST_KEY} printable characters")
    return Submission(
        Kind(kind),
        names,
        _read_options(options) if options else {},
        idempotency_key,
        submitted_by=who(),
        asked_at=read_moment("--asked-at", asked_at),
        effective_at=read_moment("--effective-at", effective_at),
        regulation=_read_regulation(regulation),
        not_before=read_moment("--not-before", not_before),
        confirmed=confirmed,
        accept_unreachable=partial,
        warn=_warn,
        noticed=read_allowed(allow),
    )


def read_allowed(given: Sequence[str]) -> Noticed:
    """What --allow-placeholder says, once for each identifier. Raises CommandError."""
    pairs = [one.partition("=") for one in given]
    known = known_columns()
    if not all(equals and place.removeprefix("vendors.") in known for place, equals, _ in pairs):
        raise unusable(f"--allow-placeholder wants FIELD=VALUE, as in user_id=1; fields are {', '.join(known)}")
    noticed, places = Noticed(), defaultdict[str, list[str]](list)
    for place, _, value in pairs:
        places[place].append(value)
    try:
        noticed.allow(places)
    except ValueError as error:
        raise unusable(f"--allow-placeholder: {error}") from None
    return noticed


def _read_regulation(given: str | None) -> Regulation | None:
    if given is not None and given not in list(Regulation):
        raise unusable(f"unknown --regulation; known are {', '.join(Regulation)}")
    return Regulation(given) if given is not None else None


def _warn(unreachable: Mapping[str, int], people: int) -> None:
    note(say_unreachable(unreachable, people))


def read_moment(option: str, given: str | None) -> datetime | None:
    """A moment that an option names. Raises CommandError."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise unusable(f"{option} must be a moment in ISO 8601 with its time zone, as in 2026-05-25T00:00:00Z")
    return moment


def unusable(message: str) -> CommandError:
    """What to raise where the command line or a file cannot be used."""
    return CommandError(message, Ending.UNUSABLE)


def _read_options(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_OPTIONS + 1)
    except OSError as error:
        raise unusable(f"cannot read the --options file: {error.strerror}") from None
    if len(text) > LARGEST_OPTIONS:
        raise unusable(f"the --options file is larger than {LARGEST_OPTIONS:,} bytes")
    try:
        refuse_crowd(text, MOST_OPTION_VALUES)
        options = from_json(text, allow_inf_nan=False)
    except CrowdError:
        raise unusable(f"the --options file holds more than {MOST_OPTION_VALUES:,} values") from None
    except ValueError as error:
        where = re.search(r"line \d+ column \d+", str(error))
        raise unusable(f"the --options file is not JSON{f': {where[0]}' if where else ''}") from None
    if not isinstance(options, dict):
        raise unusable('the --options file must hold an object, by vendor: {"insider": {…}}')
    return options


@contextmanager
def opened(file: str) -> Iterator[IO[bytes]]:
    """A file named on the command line; `-` is standard input. Raises CommandError."""
    if file == STDIN:
        if sys.stdin is None:
            raise unusable("cannot read from standard input: it is closed")
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115 - what goes wrong within is not about opening
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        # Without the name: in a call with its arguments in the wrong order it is a person's.
        raise unusable(f"cannot read FILE: {getattr(error, 'strerror', None) or 'no such name'}") from None
    with opened:
        yield opened


def waker(here: Surroundings) -> Wake:
    """Wakes the workers of a stack, and says so where they cannot be woken now."""

    def wake_workers(vendors: Sequence[str]) -> None:
        try:
            wake(sender(here.stack.redis_url, here.stack.redis_ca), vendors)
        except BrokerError:
            note(f"recorded; work starts when Redis at {here.redis} is back")

    return wake_workers


def _recorded(here: Surroundings, submission: Submission, file: IO[bytes], name: str) -> Receipt:
    masters = master_keys(here)
    try:
        with told_as_ledger_errors():
            return submit(
                submission,
                read_people(file, name, submission.noticed),
                engine=here.engine,
                masters=masters,
                wake=waker(here),
                guards=guards_of(here.settings),
            )
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


def listed(error: UnusableInputError, ending: str = "nothing was recorded") -> str:
    """The faults of a file, a line each."""
    lines = [str(fault) for fault in error.faults]
    if error.total > len(lines):
        lines.append(f"and {error.total - len(lines):,} more")
    told = advice(fault.problem for fault in error.faults)
    return "\n".join([*lines, *([told] if told else []), ending])


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
    if noticed.crowds:
        answer["crowds"] = [crowd._asdict() for crowd in noticed.crowds]
    typer.echo(json.dumps(answer) if as_json else answer["request_id"])
    flush()
    if receipt.repeated:
        note("submitted before: nothing new was recorded")
        if recorded.unreachable:
            _warn(recorded.unreachable, recorded.people)
    elif recorded.duplicates:
        note(f"{recorded.people:,} people; lines left out that repeat one of them: {recorded.duplicates:,}")
    for warning in noticed.warnings():
        note(f"warning: {warning}")
    if recorded.unconfirmed:
        told = "are many, or with what you have sent lately they are"
        note(f"{recorded.people:,} people {told}: nothing is sent until someone else runs `consent confirm` on it")


def _wait_for(here: Surroundings, public_id: UUID) -> Ending:
    from rich.console import Console  # noqa: PLC0415 - most submissions show nothing

    from cli.watch import show_until_closed  # noqa: PLC0415

    return show_until_closed(here.engine, public_id, Console(stderr=True))
