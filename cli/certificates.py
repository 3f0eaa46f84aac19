"""`consent certificate`: certificates, proofs for one person, and the key to check them with."""

import sys
from pathlib import Path

from cli.os_user import who
from cli.request_ids import no_such_request, read_id
from config.settings import SettingsError
from config.signing import newest_signing_key
from evidence.keys import PublicKey
from intake.certify import CertifyError, UnknownRequestError, certify, prove_line
from intake.exit_codes import CommandError, Ending, note
from intake.stack import LEDGER, LEDGER_AND_KEYS, Surroundings, master_keys, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.evidence.sequencer import published_keys
from ledger.sealing import UnsealError
from tasks.log import LogKeeper


def write(request_id: str, line: int | None, out: Path | None) -> Ending:
    """Write the certificate of a request, or a proof for one line. Raises CommandError."""
    public_id = read_id(request_id)
    with surroundings(needed=LEDGER_AND_KEYS) as here:
        keeper = keeper_of(here)
        try:
            content = certify(keeper, public_id) if line is None else prove_line(keeper, public_id, line).encode()
        except UnknownRequestError:
            raise no_such_request() from None
        except CertifyError as error:
            raise CommandError(str(error), Ending.UNUSABLE) from None
        except UnsealError as error:
            raise CommandError(f"the request's people: {error}: see CONSENT_MASTER_KEYS", Ending.UNUSABLE) from None
        deed = "certificate" if line is None else "certificate --line"
        with here.engine.begin() as connection:
            audit.add(connection, [Entry(who(), deed, allowed=True, target=str(public_id))])
    return _put(content, out)


def keeper_of(here: Surroundings) -> LogKeeper:
    """What keeping the log needs, of this process. Raises CommandError."""
    try:
        newest_signing_key(here.settings)
    except SettingsError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
    return LogKeeper(
        here.engine, master_keys(here), lambda: newest_signing_key(here.settings), here.settings.log_origin
    )


def _put(content: bytes, out: Path | None) -> Ending:
    if out is None:
        sys.stdout.buffer.write(content)
        return Ending.DONE
    out.write_bytes(content)
    note(f"written to {out}")
    return Ending.DONE


def write_key(out: Path | None) -> Ending:
    """Write the public half of the newest signing key: that of the settings, or the last one that has signed. Raises
    CommandError."""
    with surroundings(needed=LEDGER) as here:
        try:
            ours = newest_signing_key(here.settings)
        except SettingsError as error:
            raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
        if ours is not None:
            return _put(ours.public.pem().encode(), out)
        with here.engine.connect() as connection:
            published = published_keys(connection)
    if not published:
        raise CommandError("there is no signing key: `consent signing-key new` makes one", Ending.UNUSABLE)
    return _put(PublicKey(published[0].public).pem().encode(), out)
