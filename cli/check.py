"""`consent submit --check`: what would come of a file, and nothing is recorded."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, NamedTuple

import typer

from cli.file_hints import bounds_of, hints_of, keep
from cli.file_options import Given
from cli.given import opened, unusable
from cli.reading_progress import shown
from domain.deadlines import AskedInRows
from domain.foretold import foretell, say_not_looked_up
from domain.reach import Fields
from domain.reach import say as say_unreachable
from domain.requests import Kind
from intake.exit_codes import CommandError, Ending, note
from intake.files.check import LOOKED_UP, AreErased, Check, check
from intake.files.reading import Reading
from intake.stack import BAD_KEYS, LEDGER_AND_KEYS, guards_of, load_settings, master_keys, surroundings
from ledger import suppression
from ledger.people.prints import Prints
from ledger.sealing import UnsealError, passing_fingerprinter
from ledger.session import one_by_one
from tasks.known import look_up
from tasks.new_requests import new_request_of
from tasks.reach import reach_of
from tasks.subjects import advice
from tasks.submission import Submission, SubmitError


def check_file(file: str, given: Given, submission: Submission, *, as_json: bool) -> Ending:
    """Print what would come of submitting a file; UNUSABLE where some of it has faults. Raises CommandError."""
    settings = load_settings()
    hints = hints_of(given, settings)
    reading = Reading(hints, bounds_of(settings), submission.noticed)
    with opened(file) as people:
        known = _known(submission)
        with shown(people) as source, _suppression_list() if known.by_ledger else nullcontext() as are_erased:
            try:
                found = check(source, reading, known.reach, known.prints, known.accounts, are_erased=are_erased)
            except OSError as error:
                raise unusable(f"cannot read FILE to its end: {error.strerror}; nothing was recorded") from None
    typer.echo(
        json.dumps(_as_json(found), ensure_ascii=False) if as_json else "\n".join(_as_lines(found, submission.kind))
    )
    if found.faults_total:
        return Ending.UNUSABLE
    keep(given, hints, settings)
    return Ending.DONE


class _Known(NamedTuple):
    """By vendor that the request would go to, by what it finds people; what tells lines that say the same; the vendors
    and accounts that blocks of people may name; and whether it is the ledger that says so."""

    reach: Mapping[str, Fields]
    prints: Prints
    accounts: Collection[str]
    by_ledger: bool


def _known(submission: Submission) -> _Known:
    try:
        with surroundings(needed=LEDGER_AND_KEYS) as here:
            known = look_up(here.engine, master_keys(here))
            submission.noticed.as_of = known.as_of
            new = new_request_of(submission, guards_of(here.settings), known, AskedInRows())
            return _Known(new.reach.fields, Prints(known.prints), known.names, by_ledger=True)
    except SubmitError as error:
        raise unusable(str(error)) from None
    except UnsealError as error:
        raise unusable(f"{BAD_KEYS}{error}") from None
    except CommandError as error:
        if error.ending is not Ending.UNREACHABLE:
            raise
        note(f"{error}; so vendors are those that the settings here switch on, and who was erased before is not known")
    submission.noticed.as_of = datetime.now(UTC)
    adapters = load_settings().adapters()
    named = {name: its for name in adapters if (its := reach_of(adapters[name])[submission.kind])}
    return _Known(named, Prints(passing_fingerprinter()), adapters, by_ledger=False)


@contextmanager
def _suppression_list() -> Iterator[AreErased]:
    with surroundings(needed=LEDGER_AND_KEYS) as here, one_by_one(here.engine) as connection:
        days = here.settings.suppression_days
        yield lambda people: [one is not None for one in suppression.erasures_of(connection, people, days)]


def _as_json(found: Check) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "columns": dict(found.columns),
        "ignored": list(found.ignored),
        "region": found.region,
        "people": found.people,
        "repeats": found.repeats,
        "empty_rows": found.empty_rows,
        "unreachable": found.unreachable,
        "vendors": {name: one.__dict__ for name, one in found.vendors.items()},
        "faults": [fault._asdict() for fault in found.faults],
        "faults_total": found.faults_total,
        "sample": list(found.sample),
        "warnings": list(found.warnings),
        "erased_before": found.erased_before._asdict() if found.erased_before else None,
        "not_looked_up": found.erased_unknown,
    }


def _as_lines(found: Check, kind: Kind) -> list[str]:
    lines = [f"file: {found.kind or 'not recognised'}"]
    lines += [f"column {header} is {field}" for header, field in found.columns.items()]
    lines += [f"column {header} is left out" for header in found.ignored]
    lines += [f"phone numbers in national form are those of {found.region}"] if found.region else []
    lines += [f"empty rows at the end, left out: {found.empty_rows:,}"] if found.empty_rows else []
    lines += [f"people: {found.people:,}"]
    lines += [f"lines left out that repeat one of them: {found.repeats:,}"] if found.repeats else []
    lines += [f"{name}: {one.reachable:,} of {found.people:,} can be found" for name, one in found.vendors.items()]
    if found.unreachable:
        lines.append(say_unreachable(found.unreachable, found.people, lambda name: found.vendors[name].give))
    lines += [f"for example: {', '.join(f'{name} {text}' for name, text in one.items())}" for one in found.sample]
    lines += [f"warning: {warning}" for warning in found.warnings]
    lines += [f"warning: {foretell(found.erased_before, kind)}"] if found.erased_before else []
    if found.erased_unknown:
        lines.append(f"warning: {say_not_looked_up(LOOKED_UP)}")
    lines += map(str, found.faults)
    if found.faults_total > len(found.faults):
        lines.append(f"and {found.faults_total - len(found.faults):,} more")
    what_to_do = advice(fault.problem for fault in found.faults)
    lines += [what_to_do] if what_to_do else []
    outcome = "cannot be submitted as it is" if found.faults_total else "can be submitted"
    return [*lines, f"nothing was recorded; the file {outcome}"]
