"""Whether the evidence log is signed and copied, and whether the ledger is behind that copy, for the check-up."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from cli.doctor.findings import Finding, parted
from config.log_copy import copy_folder
from config.settings import SettingsError
from config.signing import newest_signing_key, own_public_keys
from intake.stack import Surroundings
from ledger.clock import now
from ledger.delivery.restored import TO_DO, open_restore
from ledger.evidence.sequencer import Signed, head_of, newest_checkpoint
from ledger.failures import LedgerError, as_ledger_errors
from ledger.session import Connection
from tasks.log_copy import LogCopy
from tasks.log_folder import FolderError

MAY_LAG = timedelta(minutes=1)
"""A copy that lacks what was signed before that is not kept up."""


def evidence_findings(here: Surroundings) -> Iterator[Finding]:
    """Some lines; none where PostgreSQL cannot be asked, which another line says."""
    try:
        has_key = newest_signing_key(here.settings) is not None
        with as_ledger_errors(), here.engine.connect() as connection:
            newest = newest_checkpoint(connection)
            copied = list(_copy(here, connection, newest))
    except SettingsError as error:
        says, do = parted(str(error), "see CONSENT_SIGNING_KEYS")
        yield Finding("evidence", says, do=do)
        return
    except LedgerError:
        return
    if newest is not None:
        yield Finding("evidence", f"the log is signed; it had {newest.size:,} entries then", is_good=True)
    elif has_key:
        yield Finding("evidence", "nothing is signed yet; the workers sign soon after something happens", is_good=True)
    else:
        says = "nothing is signed: no signing key is here, and no checkpoint in the ledger"
        yield Finding("evidence", says, is_good=True, do="give the workers CONSENT_SIGNING_KEYS")
    yield from copied


def _copy(here: Surroundings, connection: Connection, newest: Signed | None) -> Iterator[Finding]:
    """Whether the ledger was restored from a backup, and whether that would be noticed."""
    found = open_restore(connection)
    if found is not None:
        says = (
            f"restored from a backup, and every vendor is held: the log has {found.entries:,} entries, and its copy "
            f"had {found.copy_entries:,}"
        )
        yield Finding("restored", says, do=TO_DO)
    copy = LogCopy.at(copy_folder(here.settings), partial(own_public_keys, here.settings))
    head = head_of(connection)
    if newest is None or head is None:
        return
    if copy is None:
        says = "there is no copy of the log here, so a ledger restored from a backup would not be noticed"
        yield Finding("log copy", says, is_good=True, do="set CONSENT_AUDIT_EXPORT_DIR for the workers")
        return
    try:
        there = copy.checkpoint(connection, head)
    except FolderError as error:
        yield Finding(
            "log copy", str(error), do="find out who changed it; `consent restored --copy FOLDER` takes another"
        )
        return
    size = there.size if there is not None else 0
    keeps_up = size >= newest.size or now(connection) - newest.at < MAY_LAG or found is not None
    do = "" if keeps_up else "see that the workers run, and may write there; their logs say what is wrong"
    yield Finding("log copy", f"{size:,} entries of {newest.size:,} in {copy.of(head)}", keeps_up, do)
