"""`consent audit verify` and `consent audit export`: the evidence log."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from cryptography.x509 import Certificate

from cli.verified_file import read_key_file
from config.log_copy import copy_folder
from config.settings import Settings, SettingsError
from config.signing import find_signing_keys
from config.timestamp_roots import timestamp_roots
from domain.counted import counted
from evidence.checkpoint import Checkpoint
from evidence.keys import PublicKey
from intake.exit_codes import CommandError, Ending, note
from intake.stack import LEDGER, LEDGER_AND_KEYS, Surroundings, master_keys, surroundings
from ledger.evidence import sequencer, timestamps
from ledger.evidence.checking import begins_with, check_log
from ledger.evidence.row_checks import check_rows
from ledger.evidence.tiles import LogTree, entries_between
from ledger.evidence.timestamps import check_timestamps
from ledger.evidence.tree_checks import check_trees
from ledger.session import Connection
from tasks import log_copy, log_folder
from tasks.log_copy import LogCopy
from tasks.log_folder import FolderError

NOTHING_SIGNED = "nothing is signed yet: the workers sign within seconds, with a key from `consent signing-key new`"


def verify(*, key: Path | None, against: Path | None, as_json: bool) -> Ending:
    """Recompute the log, compare the ledger's rows with it, and print what is not as it was. Raises CommandError."""
    with surroundings(needed=LEDGER_AND_KEYS) as here, here.engine.connect() as connection:
        known = keys_of(here.settings, key)
        faults: list[str] = []
        witness = _witness(connection, against, known, faults) if against is not None else None
        log = check_log(connection, known, witness)
        faults += [*log.faults, *check_rows(connection), *check_trees(connection, master_keys(here))]
        roots = _timestamp_roots(here.settings)
        faults += check_timestamps(connection, roots)
        stamped = timestamps.stamped(connection)
    if log.by_unknown_key and known:
        faults.append("the newest checkpoint is signed with a key that is not ours; --key names another one")
    found: dict[str, Any] = {
        "holds": not faults,
        "entries": log.size,
        "signed_at": log.checkpoint.at.isoformat() if log.checkpoint else None,
        "signed_entries": log.checkpoint.size if log.checkpoint else 0,
        "timestamps": len(stamped),
        "stamped_entries": stamped[-1].size if stamped else 0,
        "faults": faults,
    }
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for fault in faults:
            typer.echo(f"FAULT  {fault}")
        verdict = "does not hold" if faults else "holds"
        typer.echo(f"{verdict}: {log.size:,} entries, {found['signed_entries']:,} of them signed")
        if stamped:
            typer.echo(f"{counted(len(stamped), 'time stamp')}, the newest over {stamped[-1].size:,} entries")
    if log.checkpoint is None:
        note(NOTHING_SIGNED)
    elif log.by_unknown_key and not known:
        note("whose key signed it is not known here: --key FILE says which key to trust")
    if stamped and not roots:
        note("who made the time stamps was not checked: CONSENT_TIMESTAMP_CA says whom to believe")
    return Ending.EXCEPTIONS if faults else Ending.DONE


def _timestamp_roots(settings: Settings) -> Sequence[Certificate]:
    try:
        return timestamp_roots(settings)
    except SettingsError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None


def _witness(connection: Connection, folder: Path, known: Sequence[PublicKey], faults: list[str]) -> Checkpoint | None:
    published = [PublicKey(one.public) for one in sequencer.published_keys(connection)]
    try:
        return log_folder.read(folder, [*known, *published])
    except FolderError as error:
        faults.append(str(error))
        return None


def keys_of(settings: Settings, file: Path | None) -> list[PublicKey]:
    """The public keys to trust: those in the file, and those of the settings' private ones. Raises CommandError."""
    try:
        ours = [one.public for one in find_signing_keys(settings)]
    except SettingsError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
    return [*(read_key_file(file) if file is not None else ()), *ours]


def export(folder: Path) -> Ending:
    """Write the log into a folder, as static files. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        newest = sequencer.newest_checkpoint(connection)
        if newest is None:
            raise CommandError(NOTHING_SIGNED, Ending.UNUSABLE)
        _check_same(connection, here, folder)
        tree = LogTree(connection, newest.size)
        folder.mkdir(parents=True, exist_ok=True)
        written = log_folder.write(
            folder,
            newest.signed,
            newest.size,
            tree.tile,
            lambda first, past: entries_between(connection, first, past),
        )
        keys = sequencer.published_keys(connection)
        log_folder.write_timestamps(folder, timestamps.stamped(connection))
        if (copy := LogCopy.at(copy_folder(here.settings), lambda: keys_of(here.settings, None))) is not None:
            log_copy.keep_up(here.engine, copy)  # what was exported once is known here, too
    log_folder.write_keys(folder, [PublicKey(one.public).vkey(one.name) for one in keys])
    note(f"{newest.size:,} entries in {folder}; {written:,} files written")
    return Ending.DONE


def _check_same(connection: Connection, here: Surroundings, folder: Path) -> None:
    """A log that a folder holds must be the beginning of this one: otherwise it would lose what it proves."""
    published = [PublicKey(one.public) for one in sequencer.published_keys(connection)]
    try:
        if not log_folder.holds_log(folder):
            return
        there = log_folder.read(folder, [*keys_of(here.settings, None), *published])
    except FolderError as error:
        raise CommandError(f"{error}: choose another folder, and find out why", Ending.EXCEPTIONS) from None
    if not begins_with(connection, there):
        raise CommandError(
            f"{folder} holds another history than this ledger: nothing was written. "
            f"`consent audit verify --against {folder}` says more",
            Ending.EXCEPTIONS,
        )
