"""`consent answer`: the answer to a request, or to one person of it, to send back."""

import os
import sys
from pathlib import Path
from uuid import UUID

from answers.choices import Form, Language, Reader
from answers.facts import Facts
from answers.pdf import NoPdfError
from answers.reading import NoAnswerError, facts_of, facts_of_person
from answers.rendering import Style, render
from cli.os_user import who
from cli.request_ids import no_such_request, read_id
from intake.exit_codes import CommandError, Ending, note
from intake.stack import LEDGER, LEDGER_AND_KEYS, Surroundings, master_keys, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry


def answer(
    request_id: str, *, line: int | None, reader: Reader, language: Language, form: Form, out: Path | None
) -> Ending:
    """Write the answer to a file or to standard output. Raises CommandError, BrokenPipeError."""
    if form is Form.PDF and out is None and sys.stdout.isatty():
        raise CommandError("a PDF cannot be shown on a terminal: give --out FILE", Ending.UNUSABLE)
    public_id = read_id(request_id)
    with surroundings(needed=LEDGER if line is None else LEDGER_AND_KEYS) as here:
        try:
            facts = _read(here, public_id, line, deeds=reader is Reader.REGULATOR)
            made = render(facts, Style(reader, language, form, here.settings.answer_sender))
        except (NoAnswerError, NoPdfError) as error:
            raise CommandError(str(error), Ending.UNUSABLE) from None
    if out is None:
        sys.stdout.buffer.write(made)
    else:
        _write(out, made)
        note(f"written to {out}")
    return Ending.DONE


def _read(here: Surroundings, public_id: UUID, line: int | None, *, deeds: bool) -> Facts:
    masters = master_keys(here) if line is not None else None
    with here.engine.begin() as connection:
        if line is None or masters is None:
            facts = facts_of(connection, public_id, deeds=deeds)
        else:
            facts = facts_of_person(connection, masters, public_id, line, deeds=deeds)
            entry = Entry(who(), "answer", allowed=True, target=str(public_id), because=f"line {line}")
            audit.add(connection, [entry])
    if facts is None:
        raise no_such_request()
    return facts


def _write(out: Path, made: bytes) -> None:
    """For its owner alone: it tells of a person."""
    try:
        with open(out, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(made)
    except OSError as error:
        raise CommandError(f"cannot write {out}: {error.strerror}", Ending.UNUSABLE) from None
