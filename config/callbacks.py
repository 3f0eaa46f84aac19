"""Sending to receivers, as the settings have it."""

from adapters.callbacks import Callbacks
from config.settings import Settings


def callbacks_of(settings: Settings) -> Callbacks:
    """Sends to receivers within the operator's rules, by the way out that is set."""
    egress = settings.egress()
    return Callbacks(settings.webhooks.rules(), trust=egress.trust, egress=egress)
