"""What a failed task shows outside: in the log, in Celery's events, in Flower and in results."""

from typing import Any

from celery import Task
from celery.exceptions import Ignore, Reject, Retry

from domain.unexpected import type_and_place
from ledger.failures import LedgerError, as_ledger_errors


class TaskFailedError(Exception):
    """A task of ours has failed. The message is all that may be shown: an exception's own text may quote a person, and
    so may its locals and its cause."""


class FilteredTask(Task):  # type: ignore[misc]  # Celery is untyped
    """The base of all our tasks. An exception is reported by its type and place only."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task. Raises TaskFailedError, and Celery's own control exceptions."""
        try:
            with as_ledger_errors():
                return self.run(*args, **kwargs)
        except (Ignore, Reject, Retry):
            raise
        except LedgerError as error:
            told = f"cannot use PostgreSQL: {error}"
        except Exception as error:  # noqa: BLE001 - Celery would show all of it to everybody
            told = type_and_place(error)
        # Raise it outside of the handlers: Celery shows an exception's cause.
        raise TaskFailedError(told)
