"""Every vendor's settings, and the options of one request."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.addresses import check_base_url
from domain.key_texts import refuse_pasted


def _as_handed_out(secret: SecretStr) -> SecretStr:
    refuse_pasted(secret.get_secret_value())
    return secret


ClientSecret = Annotated[SecretStr, AfterValidator(_as_handed_out)]
"""A secret that may be any text. Blanks that were pasted with it would be taken for a part of it."""


def _fits_a_header(secret: SecretStr) -> SecretStr:
    if not VISIBLE.fullmatch(secret.get_secret_value()):
        raise ValueError("must be visible ASCII characters, without spaces or line breaks")
    return _as_handed_out(secret)


VISIBLE = re.compile(r"[\x21-\x7e]+")
HeaderSecret = Annotated[SecretStr, AfterValidator(_fits_a_header)]
"""A secret that is sent in a header. A line break pasted with it must not get there."""


class VendorSettings(BaseModel):
    """Every vendor's settings. Environment: CONSENT_<VENDOR>__<FIELD>."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(description="where the paths of the vendor's pages begin; https, or http to loopback")
    requests_per_minute: int = Field(default=6_000, ge=1, description="the vendor's limit, shared by all workers")
    reserved: float = Field(
        default=0.0,
        ge=0,
        description="kept free for others who use the account: requests a minute, or below 1 a share of the limit",
    )
    concurrency: int = Field(
        default=128, ge=1, le=1000, description="most requests in flight at once, per worker process"
    )
    timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=300,
        description="total time for one request, 2 s less than LEASE_S at most; unset: 30 s, or half of LEASE_S",
    )
    max_attempts: int = Field(default=15, ge=1, description="failed attempts before a delivery is exhausted")
    max_age_s: float = Field(default=259_200.0, gt=0, description="age of the first attempt at which it is exhausted")
    max_wait_s: float = Field(
        default=604_800.0, gt=0, description="how long the vendor may take over what it took for later (202)"
    )
    chunks_in_flight: int = Field(default=8, ge=1, le=64, description="chunks queued or under way, over all workers")

    @field_validator("reserved")
    @classmethod
    def _leave_something(cls, reserved: float, info: ValidationInfo) -> float:
        limit = info.data.get("requests_per_minute")
        if limit is not None and _kept_free(reserved, limit) > limit - 1:
            raise ValueError("must leave at least one request a minute of REQUESTS_PER_MINUTE")
        return reserved

    @property
    def allowance(self) -> float:
        """How many requests a minute we may send."""
        return self.requests_per_minute - _kept_free(self.reserved, self.requests_per_minute)

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, address: str) -> str:
        return check_base_url(address)


def _kept_free(reserved: float, limit: int) -> float:
    return reserved if reserved >= 1 else reserved * limit


class VendorIdentifiers(BaseModel):
    """A subject's block of one vendor: the base class of each adapter's own model."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class VendorOptions(BaseModel):
    """One request's options at a vendor: the base class of each adapter's own model."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
