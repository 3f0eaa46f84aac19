"""The settings of receivers of changes of status."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from adapters.callbacks import Receiver
from adapters.receivers import Rules, place_of
from adapters.standard_webhooks import check_secret

NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class ReceiverSettings(BaseModel):
    """One receiver of the operator's. It gets every request's changes by the Standard Webhooks convention."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr  # often its path or query is all that protects it
    secrets: tuple[Annotated[SecretStr, AfterValidator(check_secret)], ...] = Field(min_length=1, max_length=5)


class WebhookSettings(BaseModel):
    """The operator's receivers, and the hosts that requests may name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    receivers: dict[str, ReceiverSettings] = Field(
        default_factory=dict,
        description="who is told of every change of a request's status, by a name of yours: "
        '{"crm": {"url": "https://…", "secrets": ["whsec_…"]}}, the newest secret first',
    )
    allowed_hosts: frozenset[str] = Field(
        default=frozenset(),
        description="hosts that a request may bring along to be told: a name allows port 443, or name:port; "
        "* allows every public host",
    )
    loopback: bool = Field(
        default=False, description="this machine may be told, also by plain http: for tests and demonstrations only"
    )

    @field_validator("receivers")
    @classmethod
    def _by_plain_names(cls, receivers: dict[str, ReceiverSettings]) -> dict[str, ReceiverSettings]:
        if not all(NAME.fullmatch(name) for name in receivers):
            raise ValueError("a receiver's name is up to 31 of a-z, 0-9, - and _, a letter first")
        return receivers

    @model_validator(mode="after")
    def _check_addresses(self) -> Self:
        for name, receiver in self.receivers.items():
            try:
                self.rules().check(receiver.url.get_secret_value())
            except ValueError as error:
                raise ValueError(f"the url of {name} {error}") from None
        return self

    def rules(self) -> Rules:
        """The allowed addresses: those of the receivers here, and the hosts that requests may name."""
        own = (place_of(receiver.url.get_secret_value()) for receiver in self.receivers.values())
        return Rules(frozenset({host.lower() for host in self.allowed_hosts}.union(own)), self.loopback)

    def named(self) -> dict[str, Receiver]:
        """The receivers by name, as they are sent to."""
        return {
            name: Receiver(receiver.url.get_secret_value(), receiver.secrets)
            for name, receiver in self.receivers.items()
        }

    def hosts(self) -> dict[str, str]:
        """The host of each receiver, by its name."""
        places = {name: place_of(receiver.url.get_secret_value()) for name, receiver in self.receivers.items()}
        return {name: place.rpartition(":")[0] for name, place in places.items()}
