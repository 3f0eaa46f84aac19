"""`consent signing-key`: made anew, and listed."""

import json

import typer

from cli.os_user import who
from cli.utc import as_utc
from config.signing import add_signing_key, find_signing_keys
from evidence.keys import PublicKey, generate_signing_key
from intake.exit_codes import Ending, note
from intake.stack import LEDGER, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.evidence.sequencer import published_keys


def new() -> Ending:
    """Make a key. Raises CommandError."""
    with surroundings(needed=LEDGER) as here:
        path = add_signing_key(here.settings)
        if path is None:
            typer.echo(generate_signing_key())
            note("put it first in CONSENT_SIGNING_KEYS, with a comma behind it, and restart the workers")
            return Ending.DONE
        with here.engine.begin() as connection:
            audit.add(connection, [Entry(who(), "signing-key new", allowed=True)])
        typer.echo(find_signing_keys(here.settings)[0].public.fingerprint)
        note(f"it is in {path} and signs from now on; `consent certificate key --out FILE` gives its public half")
    return Ending.DONE


def list_keys(*, as_json: bool) -> Ending:
    """Print the keys that have signed. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        published = published_keys(connection)
        ours = {one.public.raw for one in find_signing_keys(here.settings)}
    rows = [
        {
            "key": PublicKey(one.public).vkey(one.name),
            "fingerprint": PublicKey(one.public).fingerprint,
            "since": as_utc(one.used_at),
            "signs": one.public in ours and place == 0,
        }
        for place, one in enumerate(published)
    ]
    if as_json:
        typer.echo(json.dumps({"keys": rows}))
        return Ending.DONE
    for row in rows:
        typer.echo(f"{row['since']}  {row['key']}" + ("  signs now" if row["signs"] else ""))
    if not rows:
        typer.echo("no key has signed yet")
    return Ending.DONE
