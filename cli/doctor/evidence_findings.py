"""Whether the evidence log is signed, for the check-up."""

from collections.abc import Iterator

from cli.doctor.findings import Finding, parted
from config.settings import SettingsError
from config.signing import newest_signing_key
from intake.stack import Surroundings
from ledger.evidence.sequencer import newest_checkpoint
from ledger.failures import LedgerError, as_ledger_errors


def evidence_findings(here: Surroundings) -> Iterator[Finding]:
    """One line; none where PostgreSQL cannot be asked, which another line says."""
    try:
        has_key = newest_signing_key(here.settings) is not None
        with as_ledger_errors(), here.engine.connect() as connection:
            newest = newest_checkpoint(connection)
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
