"""The settings of us as an OpenDSR processor."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

LOCAL_DOMAIN = "localhost"


class OpenDsrSettings(BaseModel):
    """Our identity as an OpenDSR processor."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    processor_domain: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
        description="the domain that controllers reach us under and the certificate is issued for; unset: localhost",
    )
    private_key_file: Path | None = Field(
        default=None, description="the RSA key, in PEM, that signs; unset: a self-signed pair of the data folder"
    )
    certificate_file: Path | None = Field(default=None, description="its certificate in PEM, with its chain")

    @property
    def domain(self) -> str:
        """The domain in headers, and the key of extensions for us."""
        return self.processor_domain or LOCAL_DOMAIN
