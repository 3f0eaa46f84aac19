"""`consent attention`, `retry`, `provide` and `close`: what needs a person, and dealing with it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from cli.file_hints import bounds_of, hints_of, keep
from cli.file_options import Given as FileOptions
from cli.given import listed, opened, read_allowed, unusable
from cli.os_user import who
from cli.request_ids import no_such_request, read_id
from cli.submit import waker
from cli.tables import print_attention
from cli.utc import as_utc, moment_or_none
from domain.counted import counted, counted_deliveries
from domain.outcomes import HOLD_REASONS, Outcome, Reason
from intake.advice import ADVICE, what_to_do
from intake.exit_codes import Ending, note
from intake.files.reader import UnusableInputError, read_numbered
from intake.stack import BAD_KEYS, LEDGER, Surroundings, guards_of, master_keys, surroundings
from intake.written_reasons import because_fault
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.delivery.vendors import all_vendors
from ledger.desk import attention, withheld
from ledger.desk.fresh_sessions import Given
from ledger.sealing import UnsealError
from ledger.session import Connection
from tasks.attend import AttendError, Desk, NoSuchRequestError, SamePersonError


def show_attention(request_id: str | None, *, vendor: str | None, reason: str | None, as_json: bool) -> Ending:
    """Print what needs a person. Raises CommandError."""
    check_reason(reason, of_holds=True)
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        which: dict[str, Any] = {
            "request_id": _number_of(connection, request_id) if request_id is not None else None,
            "vendor_id": _vendor_id(connection, vendor) if vendor is not None else None,
            "reason": reason,
        }
        found, held = attention.groups(connection, **which), withheld.groups(connection, **which)
    if as_json:
        rows = [
            group._asdict()
            | {"oldest_due_at": as_utc(group.oldest_due_at), "what_to_do": what_to_do(group.vendor, group.reason)}
            for group in found
        ]
        kept = [one._asdict() | {"until": moment_or_none(one.until)} for one in held]
        total = sum(group.deliveries for group in found)
        typer.echo(json.dumps({"deliveries": total, "groups": rows, "withheld": kept}))
        return Ending.DONE
    if found:
        print_attention(found, what_to_do)
    else:
        typer.echo("nothing needs attention")
    for one in held:
        until = f"until {as_utc(one.until)} or later" if one.until else "until it is released"
        many = counted(one.deliveries, "delivery is", "deliveries are")
        typer.echo(f"{one.vendor}: {many} withheld by a legal hold ({one.reason}), {until}")
    return Ending.DONE


def _number_of(connection: Connection, request_id: str) -> int:
    number = attention.find_request(connection, read_id(request_id))
    if number is None:
        raise no_such_request()
    return number


def _vendor_id(connection: Connection, name: str) -> int:
    known = {vendor.name: vendor.id for vendor in all_vendors(connection)}
    if name not in known:
        raise unusable(f"unknown --vendor; known are {', '.join(known) or 'none until workers have started'}")
    return known[name]


def check_reason(reason: str | None, *, of_holds: bool = False) -> None:
    """Raises CommandError where no delivery could wait for this reason; `of_holds`: or be withheld for it."""
    known = (*ADVICE, *HOLD_REASONS) if of_holds else tuple(ADVICE)
    if reason is not None and reason not in known:
        raise unusable(f"unknown --reason; known are {', '.join(Reason(one) for one in known if one)}")


def check_text(because: str) -> str:
    """Check a person's reason, which is kept for good. Raises CommandError."""
    text = because.strip()
    problem = because_fault(text)
    if problem:
        raise unusable(f"--because {problem}")
    return text


@contextmanager
def deeds(here: Surroundings) -> Iterator[Desk]:
    """The desk; what cannot be done raises CommandError."""
    try:
        yield Desk(here.engine, who(), waker(here), guards_of(here.settings).deadlines, audits=True)
    except NoSuchRequestError:
        raise no_such_request() from None
    except SamePersonError as error:
        with here.engine.begin() as connection:
            entry = Entry(who(), "confirm", allowed=False, target=str(error.public_id), because=str(error))
            audit.add(connection, [entry])
        raise unusable(str(error)) from None
    except AttendError as error:
        raise unusable(str(error)) from None


def retry(request_id: str, *, vendor: str | None, reason: str | None, as_json: bool) -> Ending:
    """Deliver again what waits; EXCEPTIONS where some cannot be sent without a fresh session, or without an identifier.

    Raises CommandError.
    """
    if reason != Outcome.SUPERSEDED:
        check_reason(reason)
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        again = desk.retry(public_id, vendor, reason)
    more = {"without_session": again.without_session, "unreachable": again.unreachable}
    _print_again(again.deliveries, as_json=as_json, more=more)
    if again.without_session:
        note(say_without_session(again.without_session))
    if again.unreachable:
        note(say_unreachable(again.unreachable))
    return Ending.EXCEPTIONS if again.without_session or again.unreachable else Ending.DONE


def say_without_session(number: int) -> str:
    """What to do for deliveries that a retry left out, because they need a session."""
    return f"{counted(number, 'more waits', 'more wait')} for a fresh session of the person: `consent provide`"


def say_unreachable(number: int) -> str:
    """What to do for deliveries that a retry left out, because nothing is known by which to find the person."""
    wait = counted(number, "more waits", "more wait")
    return f"{wait} for an identifier of the person: `consent provide`, or `consent accept`"


def _print_again(again: Mapping[str, int], *, as_json: bool, more: Mapping[str, int]) -> None:
    total = sum(again.values())
    if as_json:
        typer.echo(json.dumps({"deliveries": total, "vendors": again, **more}))
    else:
        by_vendor = ", ".join(f"{vendor} {count:,}" for vendor, count in again.items())
        typer.echo(
            counted(total, "delivery goes out again", "deliveries go out again")
            + (f": {by_vendor}" if by_vendor else "")
        )


def provide(request_id: str, file: str, how: FileOptions, *, allow: Sequence[str] = (), as_json: bool) -> Ending:
    """Give waiting people their fresh sessions and identifiers, all of a file or none. Raises CommandError."""
    public_id = read_id(request_id)
    noticed = read_allowed(allow)
    with opened(file) as people, surroundings() as here, deeds(here) as desk:
        hints = hints_of(how, here.settings)
        given = (
            Given(line, subject) for line, subject in read_numbered(people, noticed, hints, bounds_of(here.settings))
        )
        try:
            again = desk.provide(public_id, given, master_keys(here), noticed.allowed)
        except UnusableInputError as error:
            raise unusable(listed(error, "nothing was changed")) from None
        except UnsealError as error:
            raise unusable(f"{BAD_KEYS}{error}") from None
        keep(how, hints, here.settings)
    _print_again(again, as_json=as_json, more={})
    return Ending.DONE


def close(request_id: str, *, vendor: str, reason: str | None, because: str, as_json: bool) -> Ending:
    """Settle by hand what waits at a vendor. Raises CommandError."""
    check_reason(reason, of_holds=True)
    text = check_text(because)
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        closed = desk.close(public_id, vendor, reason, text)
    typer.echo(json.dumps({"deliveries": closed}) if as_json else f"{counted_deliveries(closed)} closed by hand")
    return Ending.DONE


def accept(request_id: str, *, vendor: str | None, because: str, as_json: bool) -> Ending:
    """Accept that people of a request cannot be found. Raises CommandError."""
    text = check_text(because)
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        accepted = desk.accept(public_id, vendor, text)
    message = counted(
        accepted,
        "delivery stays unreachable, and needs nobody any more",
        "deliveries stay unreachable, and need nobody any more",
    )
    typer.echo(json.dumps({"deliveries": accepted}) if as_json else message)
    return Ending.DONE
