"""`consent lookup`: the requests that a person is in, found by fingerprints."""

import json
import sys
from collections.abc import Mapping

import typer

from cli.given import unusable
from cli.os_user import who
from cli.tables import print_involved
from cli.utc import as_utc
from domain.requests import Subject
from intake.exit_codes import Ending
from intake.files.lines import LONGEST_LINE
from intake.stack import BAD_KEYS, LEDGER_AND_KEYS, master_keys, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.keys import fingerprinter
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.sealing import UnsealError
from tasks.subjects import LOOKED_FOR, SubjectError, check_subject, parse_subject

OWN = ("user_id", "email", "phone_number")


def lookup(source: str | None, given: Mapping[str, str | None], *, as_json: bool) -> Ending:
    """Print the requests with a person of these identifiers; `source` is "-" for one person as JSON on standard input.

    Raises CommandError.
    """
    person = read_person(source, given)
    with surroundings(needed=LEDGER_AND_KEYS) as here:
        masters = master_keys(here)
        try:
            with here.engine.begin() as connection:
                prints = Prints(fingerprinter(connection, masters))
                found = requests_of(connection, *prints.to_look_for(person))
                asked = f"by {', '.join(name for name in OWN if person.get(name))}"
                audit.add(connection, [Entry(who(), "lookup", allowed=True, because=asked)])
        except UnsealError as error:
            raise unusable(f"{BAD_KEYS}{error}") from None
    if as_json:
        rows = [
            one._asdict() | {"request_id": str(one.request_id), "received_at": as_utc(one.received_at)} for one in found
        ]
        typer.echo(json.dumps({"requests": rows}))
    elif found:
        print_involved(found)
    else:
        typer.echo("no request has anybody of these identifiers")
    return Ending.DONE


def read_person(source: str | None, given: Mapping[str, str | None]) -> Subject:
    """The person of these options, or of standard input. Raises CommandError where none of their own identifiers is
    given."""
    person = _read(source, given)
    if not any(person.get(name) for name in OWN):
        raise unusable("give --user-id, --email or --phone-number, or - and a person as JSON on standard input")
    return person


def _read(source: str | None, given: Mapping[str, str | None]) -> Subject:
    named = {name: value for name, value in given.items() if value is not None}
    if source is None and not named:
        return {}
    if source not in (None, "-") or (source and named):
        raise unusable("give the identifiers as options, or - and a person as JSON on standard input, not both")
    try:
        if source:
            if sys.stdin is None:
                raise unusable("cannot read from standard input: it is closed")
            return parse_subject(sys.stdin.buffer.read(LONGEST_LINE + 1), LOOKED_FOR)
        return check_subject(named, LOOKED_FOR)
    except SubjectError as error:
        faults = "; ".join(f"{fault.field} {fault.problem}".strip() for fault in error.faults)
        raise unusable(faults) from None
