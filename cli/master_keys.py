"""`consent master-key`: what each key wraps, and rotation."""

import json
from typing import Any

import typer

from cli.attention import check_text
from cli.given import unusable
from cli.os_user import who
from cli.progress_notes import noting
from domain.counted import counted
from intake.exit_codes import Ending, note
from intake.stack import BAD_KEYS, LEDGER_AND_KEYS, master_keys, surroundings
from ledger import master_keys as ledger_keys
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.master_keys import Wrapped, name_of, why_not_these
from ledger.sealing import MasterKeys, UnsealError
from tasks.rotate import rotate as rewrap_everything


def status(*, as_json: bool) -> Ending:
    """Print what each key wraps. Raises CommandError."""
    with surroundings(needed=LEDGER_AND_KEYS) as here, here.engine.connect() as connection:
        masters = master_keys(here)
        keys = ledger_keys.wrapped_by_each(connection)
    _print({}, keys, masters, as_json=as_json)
    missing = [one for one in keys if one.is_needed and one.noted and one.id not in masters.ids]
    return Ending.EXCEPTIONS if missing else Ending.DONE


def rotate(*, as_json: bool) -> Ending:
    """Wrap everything anew. Raises CommandError."""
    progress = noting(lambda total: f"{total:,} keys wrapped anew so far")
    with surroundings(needed=LEDGER_AND_KEYS) as here:
        masters = master_keys(here)
        try:
            done = rewrap_everything(here.engine, masters, who(), progress)
        except UnsealError as error:
            raise unusable(f"{BAD_KEYS}{why_not_these(error)}") from None
    older = [one for one in done.keys if one.is_needed and one.id in masters.ids[1:]]
    told = {"rewrapped": done.rewrapped, "done": done.settled and not older}
    if not as_json:
        typer.echo(f"{counted(done.rewrapped, 'key', 'keys')} wrapped anew by the master key {name_of(masters.ids[0])}")
    _print(told, done.keys, masters, as_json=as_json, settled=done.settled)
    if not told["done"]:
        note("what was begun before may still be wrapped by an older key: run `consent master-key rotate` once more")
    return Ending.DONE if told["done"] else Ending.EXCEPTIONS


def give_up(key: str, *, because: str, as_json: bool) -> Ending:
    """Work without a key that is lost. Raises CommandError."""
    text = check_text(because)
    try:
        key_id = bytes.fromhex(key)
    except ValueError:
        raise unusable("KEY is an id of 16 hexadecimal digits, as `consent master-key status` shows it") from None
    with surroundings(needed=LEDGER_AND_KEYS) as here, here.engine.begin() as connection:
        if key_id in master_keys(here).ids:
            raise unusable("this key is among those given; `consent master-key rotate` makes it dispensable")
        found = next((one for one in ledger_keys.wrapped_by_each(connection) if one.id == key_id), None)
        if found is None:
            raise unusable("nothing in this ledger is wrapped by such a key")
        if found.fingerprints:
            raise unusable("this key wraps the fingerprint key, without which nobody is found: it must be put back")
        ledger_keys.give_up(connection, key_id)
        audit.add(connection, [Entry(who(), "master-key give-up", allowed=True, target=key, because=text)])
    if as_json:
        typer.echo(json.dumps({"key": key, "unreadable_requests": found.data_keys}))
    else:
        typer.echo(f"given up: the people of {counted(found.data_keys, 'request', 'requests')} cannot be read any more")
    return Ending.DONE


def _print(
    told: dict[str, Any], keys: list[Wrapped], masters: MasterKeys, *, as_json: bool, settled: bool = True
) -> None:
    places = {key_id: place for place, key_id in enumerate(masters.ids)}
    unused = [Wrapped(one, 0, 0, fingerprints=False) for one in masters.ids if one not in {key.id for key in keys}]
    rows = [
        {
            "key": name_of(one.id),
            "given": one.id in places,
            "newest": places.get(one.id) == 0,
            "data_keys": one.data_keys,
            "drafts": one.drafts,
            "fingerprint_key": one.fingerprints,
            "given_up": not one.noted and one.id not in places,
            "may_go": settled and one.id in places and places[one.id] > 0 and not one.is_needed,
        }
        for one in sorted([*keys, *unused], key=lambda one: places.get(one.id, len(places)))
    ]
    if as_json:
        typer.echo(json.dumps(told | {"keys": rows}))
        return
    for row in rows:
        typer.echo(_line(row))


def _line(row: dict[str, Any]) -> str:
    parts = [counted(row["data_keys"], "data key", "data keys"), counted(row["drafts"], "draft", "drafts")]
    if row["fingerprint_key"]:
        parts.append("the fingerprint key")
    wraps = f"{row['key']}  wraps {', '.join(parts)}"
    if row["newest"]:
        return f"{wraps}: the newest, seals from now on"
    if row["may_go"]:
        return f"{wraps}: may be removed from the settings, unless it is to be the next one"
    if row["given"]:
        return f"{wraps}: needed until `consent master-key rotate` is done"
    if row["given_up"]:
        return f"{wraps}: given up, what it wraps cannot be read any more"
    return f"{wraps}: MISSING, put it back behind the newest" if _needed(row) else f"{wraps}: gone, and not needed"


def _needed(row: dict[str, Any]) -> bool:
    return bool(row["data_keys"] or row["drafts"] or row["fingerprint_key"])
