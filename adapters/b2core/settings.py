"""B2CORE's settings, and the identifiers of a person."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from adapters.contract import ClientSecret, HeaderSecret, VendorIdentifiers, VendorOptions, VendorSettings
from domain.requests import Identifier


class B2coreSettings(VendorSettings):
    """CONSENT_B2CORE__…: a token, or a client id and secret to ask for tokens with."""

    token: HeaderSecret | None = None
    client_id: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^:]*$")] | None = None
    client_secret: ClientSecret | None = None
    erasure: Literal["delete", "disable"] = Field(
        default="delete", description="an erasure deletes contacts and profile, or only disables the profile"
    )
    opt_out_disables: bool = Field(default=False, description="an opt-out disables the profile")
    opt_in_enables: bool = Field(default=False, description="an opt-in enables the profile")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("client_id and client_secret belong together")
        if (self.token is None) == (self.client_id is None):
            raise ValueError("give either token, or client_id and client_secret")
        return self


class B2coreIdentifiers(VendorIdentifiers):
    """A subject's `vendors.b2core`."""

    profile_id: Identifier | None = None
    uuid: Identifier | None = None


class B2coreOptions(VendorOptions):
    """B2CORE has no options."""
