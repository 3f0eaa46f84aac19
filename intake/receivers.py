"""Receivers of changes of status: as the settings have them, tried with a test message, and what failed in words."""

from collections.abc import Mapping
from types import MappingProxyType

from adapters.callbacks import SendResult
from config.callbacks import callbacks_of
from config.settings import Settings
from domain.notices import Failure
from tasks.receivers import send_test

FAILURES: Mapping[Failure, str] = MappingProxyType(
    {
        Failure.NOT_ALLOWED: "the settings do not allow this address: CONSENT_WEBHOOKS__ALLOWED_HOSTS",
        Failure.NOT_PUBLIC: "its name leads to an address inside a network, where nothing is sent",
        Failure.UNREACHABLE: "it cannot be reached: no such name, no connection, or a certificate that is not valid",
        Failure.NO_ANSWER: "it did not answer in time",
        Failure.REFUSED: "it answered, and not with yes",
        Failure.GONE: "it answered that it wants no more messages (410)",
        Failure.SWITCHED_OFF: "it is switched off, or the settings no longer name it",
        Failure.SEALED: "its address cannot be opened: a master key is missing",
        Failure.FORGOTTEN: "its address was destroyed with the people of its request",
    }
)


class UnknownReceiverError(Exception):
    """The settings of this process name no receiver like this. The message says what to set."""


async def try_out(settings: Settings, name: str) -> SendResult:
    """Send a signed test message to a receiver of the operator's. Raises UnknownReceiverError."""
    receiver = settings.webhooks.named().get(name)
    if receiver is None:
        raise UnknownReceiverError("the settings here name no such receiver: CONSENT_WEBHOOKS__RECEIVERS")
    return await send_test(callbacks_of(settings), receiver)


def say_result(result: SendResult) -> str:
    """What came of an attempt."""
    if result.failure is None:
        return f"the receiver answered {result.answer}"
    return say_failure(result.failure, result.answer)


def say_failure(failure: str, answer: int | None) -> str:
    """Why an attempt failed, and the HTTP status that came, if one did."""
    said = FAILURES.get(Failure(failure), failure) if failure in list(Failure) else failure
    return f"{said} (HTTP status {answer})" if answer is not None else said
