"""`consent suppression check`: which lines of a file name somebody who was erased."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

import typer

from cli.file_hints import bounds_of, hints_of, keep
from cli.file_options import Given
from cli.given import listed, opened, unusable
from cli.os_user import who
from cli.reading_progress import shown
from cli.submit import waker
from cli.utc import as_utc
from domain.blocks import in_blocks
from domain.counted import counted_people
from domain.noticed import DOUBTS, Noticed
from domain.requests import Subject
from domain.suppression import PastWish
from intake.exit_codes import CommandError, Ending, note
from intake.files.hints import Hints
from intake.files.reader import UnusableInputError, read_numbered
from intake.stack import BAD_KEYS, Surroundings, guards_of, master_keys, surroundings
from ledger import suppression
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.clock import now
from ledger.failures import LedgerError, as_ledger_errors
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.sealing import UnsealError
from tasks.erase_again import SUBMITTER, ErasedAgain, due_again, erase_again
from tasks.submission import Submission
from tasks.submit import Receipt, submit

NOTHING_SAID = "nothing was checked"


def check(file: str, given: Given, *, as_json: bool) -> Ending:
    """Print who of a file is on the suppression list; EXCEPTIONS where anybody is. Raises CommandError."""
    with opened(file) as people, surroundings() as here:
        hints = hints_of(given, here.settings)
        with shown(people) as source:
            count, found, due = _checked(here, source, hints)
        keep(given, hints, here.settings)
        again = _erased_again(here, due)
    if as_json:
        more: dict[str, Any] = {"erased_again": again.people} if here.settings.erase_again else {}
        more |= {"not_erased_again": again.refused} if again.refused else {}
        typer.echo(json.dumps({"people": count, "on_the_list": len(found), "erased": found} | more))
    else:
        for one in found:
            at = f" (line {one['file_line']} of the file)" if one["file_line"] != one["line"] else ""
            request = f", request {one['request_id']}" if one["request_id"] else ""
            typer.echo(f"line {one['line']}{at}: erased {one['since']}{request}")
        typer.echo(f"{counted_people(count)}, of whom on the suppression list: {len(found):,}")
        if again.people:
            typer.echo(f"an erasure of {counted_people(again.people)} was recorded, submitted by {SUBMITTER}")
        if again.refused:
            note(f"{'nobody else' if again.people else 'nobody'} was erased again: {again.refused}")
    return Ending.EXCEPTIONS if found else Ending.DONE


def _checked(
    here: Surroundings, file: IO[bytes], hints: Hints
) -> tuple[int, list[dict[str, Any]], list[tuple[Subject, datetime]]]:
    masters = master_keys(here)
    noticed = Noticed(undoubted=DOUBTS)  # who is doubtful is told, and never erased again
    count, found = 0, []
    due: list[tuple[Subject, datetime]] = []
    try:
        with as_ledger_errors(), here.engine.begin() as connection:
            prints = Prints(fingerprinter(connection, masters))
            days = here.settings.suppression_days
            people = enumerate(read_numbered(file, noticed, hints, bounds_of(here.settings)), start=1)
            for some in in_blocks(people, suppression.PEOPLE):
                count += len(some)
                identifiers = [prints.every(subject) for _, (_, subject) in some]
                erasures = suppression.erasures_of(connection, identifiers, days)
                found += _told(((line, file_line) for line, (file_line, _) in some), erasures)
                if here.settings.erase_again:
                    subjects = (subject for _, (_, subject) in some)
                    due += due_again(zip(subjects, erasures, strict=True), now(connection))
            because = f"{count:,} asked about, {len(found):,} of them on it"
            audit.add(connection, [Entry(who(), "suppression check", allowed=True, because=because)])
    except UnusableInputError as error:
        raise unusable(listed(error, NOTHING_SAID)) from None
    except UnsealError as error:
        raise unusable(f"{BAD_KEYS}{error}") from None
    except LedgerError as error:
        raise CommandError(f"cannot use PostgreSQL at {here.postgres}: {error}", Ending.UNREACHABLE) from None
    except OSError as error:
        raise unusable(f"cannot read FILE to its end: {error.strerror}; {NOTHING_SAID}") from None
    return count, found, due


def _erased_again(here: Surroundings, due: list[tuple[Subject, datetime]]) -> ErasedAgain:
    def record(submission: Submission, people: list[Subject]) -> Receipt:
        return submit(
            submission,
            people,
            engine=here.engine,
            masters=master_keys(here),
            wake=waker(here),
            guards=guards_of(here.settings),
        )

    try:
        with as_ledger_errors():
            return erase_again(due, record)
    except LedgerError as error:
        raise CommandError(f"cannot use PostgreSQL at {here.postgres}: {error}", Ending.UNREACHABLE) from None


def _told(lines: Iterator[tuple[int, int]], erasures: list[PastWish | None]) -> list[dict[str, Any]]:
    return [
        {
            "line": line,
            "file_line": file_line,
            "since": as_utc(erasure.at),
            "request_id": str(erasure.request_id) if erasure.request_id else None,
        }
        for (line, file_line), erasure in zip(lines, erasures, strict=True)
        if erasure
    ]
