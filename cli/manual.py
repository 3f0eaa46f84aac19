"""`consent manual`: what people have to ask recipients without an API for, and noting that it is done."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer

from cli.attention import check_text, deeds
from cli.given import STDIN, unusable
from cli.os_user import who
from cli.request_ids import read_id
from cli.tables import print_rows
from cli.utc import as_utc
from domain.by_hand import ByHand
from domain.counted import counted_deliveries
from domain.outcomes import Reason
from intake.exit_codes import CommandError, Ending, note
from intake.manual_lists import as_csv
from intake.stack import BAD_KEYS, LEDGER, LEDGER_AND_KEYS, master_keys, surroundings
from ledger import by_hand
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.desk import manual_tasks
from ledger.desk.manual_tasks import Task
from ledger.sealing import UnsealError
from ledger.session import Connection


def show(recipient: str | None, *, as_json: bool) -> Ending:
    """Print what waits to be asked for, what is due first. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        known = _known(connection, recipient)
        found = manual_tasks.tasks(connection, recipient)
    if as_json:
        about = {name: one._asdict() for name, one in known.items()}
        typer.echo(json.dumps({"recipients": about, "tasks": [_as_json(task) for task in found]}))
    elif found:
        print_rows([task._asdict() for task in found])
    else:
        typer.echo("nothing is to be asked for by hand" if known else "no recipient is asked by hand")
    return Ending.DONE


def _known(connection: Connection, recipient: str | None) -> dict[str, ByHand]:
    """The recipients without an API, or this one of them. Raises CommandError."""
    known = by_hand.recipients(connection)
    if recipient is not None and recipient not in known:
        raise unusable(f"no recipient of this name is asked by hand; known are {', '.join(known) or 'none'}")
    return known if recipient is None else {recipient: known[recipient]}


def _as_json(task: Task) -> dict[str, object]:
    moments = {"received_at": as_utc(task.received_at), "due_at": as_utc(task.due_at)}
    return {**task._asdict(), "request_id": str(task.request_id), **moments}


def export(recipient: str, request_id: str | None, out: Path) -> Ending:
    """Write the list of people that a recipient is to be asked about, and note who has taken it. Raises CommandError,
    BrokenPipeError."""
    public_id = read_id(request_id) if request_id is not None else None
    with surroundings(needed=LEDGER_AND_KEYS) as here, here.engine.connect() as connection:
        known = _known(connection, recipient)[recipient]
        target = f"{recipient} {public_id}" if public_id else recipient
        audit.add(connection, [Entry(who(), "manual export", allowed=True, target=target)])
        connection.commit()  # the entry stays, whatever becomes of the list
        people = manual_tasks.asked_for(connection, master_keys(here), recipient, known, public_id)
        try:
            with _written(out) as file:
                for part in as_csv(known, people):
                    file.write(part)
        except UnsealError as error:
            raise unusable(f"{BAD_KEYS}{error}") from None
    note(f"when {known.title} has done it: `consent manual close`")
    return Ending.DONE


@contextmanager
def _written(out: Path) -> Iterator[TextIO]:
    """A new file for its owner's eyes only, or stdout for `-`. Raises CommandError."""
    if str(out) == STDIN:
        yield sys.stdout
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise unusable("--out is there already: it may hold people; give another name, or remove it") from None
    except OSError as error:
        raise unusable(f"cannot write --out: {error.strerror}") from None
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        yield file


def close(
    request_id: str, recipient: str | None, lines: Sequence[int] | None, because: str, *, as_json: bool
) -> Ending:
    """Note that a recipient has done what it was asked for: for a request, or for some lines of it. Raises
    CommandError."""
    text = check_text(because)
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        with here.engine.connect() as connection:
            waiting = manual_tasks.tasks(connection, recipient, public_id)
        names = sorted({task.recipient for task in waiting})
        if len(names) > 1:
            raise unusable(f"several recipients are asked for it: give --recipient, one of {', '.join(names)}")
        if not names:
            raise CommandError("nothing of this request is to be asked for by hand there", Ending.UNUSABLE)
        done = desk.close(public_id, names[0], Reason.MANUAL, text, lines)
    typer.echo(
        json.dumps({"recipient": names[0], "deliveries": done})
        if as_json
        else f"{counted_deliveries(done)} noted as done by {names[0]}"
    )
    return Ending.DONE
