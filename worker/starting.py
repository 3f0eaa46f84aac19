"""A process that cannot work ends at its start, and says why in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import SettingsError
from config.stack import NoStackError
from domain.unexpected import type_and_place
from ledger.failures import LedgerError, as_ledger_errors
from ledger.master_keys import why_not_these
from ledger.sealing import UnsealError


@contextmanager
def or_end(what: str) -> Iterator[None]:
    """End this process where the work inside fails. Celery would log other exceptions of a signal with all of their
    text, and continue with a worker that answers pings, takes messages and fails each. Raises SystemExit."""
    try:
        with as_ledger_errors():
            yield
    except LedgerError as error:
        why = f"cannot use PostgreSQL: {error}"
    except (SettingsError, NoStackError) as error:
        why = str(error)
    except UnsealError as error:
        why = f"CONSENT_MASTER_KEYS: {why_not_these(error)}"
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing can be done here
        why = f"our own program fails: {type_and_place(error)}"
    else:
        return
    raise SystemExit(f"{what} cannot start: {why}")
