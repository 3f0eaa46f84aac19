"""Messages from outside, of which nothing is shown: not by Celery's log, its events, Flower or `celery inspect`."""

from typing import Any

from celery.worker.request import Request

SHOWN = "(sealed)"


class UnshownRequest(Request):  # type: ignore[misc]  # Celery is untyped
    """A message whose arguments are shown nowhere, whatever its sender says that they look like.

    Celery shows a message's `argsrepr`, which the sender makes, or else the arguments themselves; a producer in another
    language, or one that forgot to seal, would have people's identifiers in every monitor.
    """

    def __init__(self, message: Any, **more: Any) -> None:
        super().__init__(message, **more)
        self._argsrepr = self._kwargsrepr = SHOWN
        self._request_dict |= {"argsrepr": SHOWN, "kwargsrepr": SHOWN}

    def info(self, safe: bool = False) -> dict[str, Any]:
        """What `inspect active` and Flower's page of a worker show."""
        return dict(super().info(safe=True))
