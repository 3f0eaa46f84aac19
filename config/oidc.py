"""The settings of logging in to the console with an OpenID Connect provider; off unless all four are set."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.addresses import check_address
from adapters.contract import ClientSecret

CALLBACK = "/v1/session/oidc/callback"


def _plain(url: str) -> str:
    parts = urlsplit(check_address(url))
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an address without query, fragment and user")
    return url


def _callback(url: str) -> str:
    if not urlsplit(_plain(url)).path.endswith(CALLBACK):
        raise ValueError(f"must end in {CALLBACK}")
    return url


class OidcSettings(BaseModel):
    """The identity provider, and our registration there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Annotated[str, AfterValidator(_plain)] = Field(
        description="the provider's issuer address, exactly as it names itself"
    )
    client_id: str = Field(description="what we are registered as at the provider")
    client_secret: ClientSecret
    redirect_url: Annotated[str, AfterValidator(_callback)] = Field(
        description=f"where the provider sends people back to: the console's address and {CALLBACK}"
    )
