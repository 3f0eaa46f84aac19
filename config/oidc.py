"""The settings of logging in to the console with an OpenID Connect provider; off unless an issuer is set."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.addresses import check_address

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
    """Whom we ask who somebody is, and as whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Annotated[str, AfterValidator(_plain)] | None = Field(
        default=None, description="the provider's issuer address, exactly as it names itself; unset: passwords only"
    )
    client_id: str | None = Field(default=None, description="what we are registered as at the provider")
    client_secret: SecretStr | None = None
    redirect_url: Annotated[str, AfterValidator(_callback)] | None = Field(
        default=None, description=f"where the provider sends people back to: the console's address and {CALLBACK}"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "REDIRECT_URL": self.redirect_url,
        }
        missing = [name for name, value in needed.items() if value is None]
        if self.issuer is not None and missing:
            raise ValueError(f"with an ISSUER, {', '.join(missing)} must be set too")
        return self
