"""How a worker gets time stamps of the evidence log."""

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from adapters.egress import Egress
from adapters.timestamp_authority import TimestampAuthority
from config.settings import Settings
from config.timestamp_roots import timestamp_roots
from tasks.timestamps import Stamping


def stamping_of(
    settings: Settings, egress: Egress, start: Callable[[Coroutine[Any, Any, bytes]], "Future[bytes]"]
) -> Stamping | None:
    """By the settings; None where they name no authority. `start`: runs it on the loop. Raises SettingsError."""
    if settings.timestamp_url is None:
        return None
    authority = TimestampAuthority(settings.timestamp_url.get_secret_value(), egress)
    return Stamping(lambda question: start(authority.ask(question)).result(), timestamp_roots(settings))
