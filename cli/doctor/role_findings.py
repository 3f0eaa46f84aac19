"""Whether the ledger's roles are separated, for the check-up."""

from collections.abc import Iterator

from cli.doctor.findings import Finding
from intake.stack import Surroundings
from ledger.failures import LedgerError, as_ledger_errors
from ledger.rights_held import NOT_SEPARATED, SEPARATED, why_not_separated
from ledger.role_names import place_of

SEPARATE_THEM = "give CONSENT_DATABASE_URL a user of the role {app} alone (docs/operations.md, Roles)"


def role_findings(here: Surroundings) -> Iterator[Finding]:
    """One line; none where PostgreSQL cannot be asked, which another line says."""
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            why, app = why_not_separated(connection), place_of(connection).roles.app
    except LedgerError:
        return
    if why is None:
        yield Finding("postgres", f"{SEPARATED}: its user may change no evidence", is_good=True)
    else:
        yield Finding("postgres", f"{NOT_SEPARATED}: {why}", is_good=True, do=SEPARATE_THEM.format(app=app))
