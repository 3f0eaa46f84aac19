"""Insider's settings, a subject's block, and the options of a request."""

from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)

from adapters.contract import HeaderSecret, VendorIdentifiers, VendorOptions, VendorSettings
from domain.requests import Email, Identifier, Phone, Text

Flag = Literal["gdpr_optin", "email_optin", "sms_optin", "whatsapp_optin"]
FLAGS: tuple[Flag, ...] = get_args(Flag)
CONSENT: Flag = "gdpr_optin"
"""The one flag that means consent where it is empty. It is never deleted."""
EVERY_ATTRIBUTE = (
    *("name", "surname", "birthday", "gender", "age", "language", "country", "city", "list_id"),
    *("email", "phone_number"),
    *("email_optin", "sms_optin", "whatsapp_optin"),
)
"""The attributes of the vendor's page except `gdpr_optin`, and WhatsApp's flag. Of email and phone_number, the one that
names the record is left out: the vendor would not delete it."""
NAME = r"[A-Za-z0-9_.-]{1,128}"


def _refuse_consent(name: str) -> str:
    if name.casefold() == CONSENT:
        raise ValueError("gdpr_optin is never deleted: Insider reads an empty one as consent; it is set to false")
    return name


Attribute = Annotated[str, StringConstraints(strict=True, pattern=rf"^{NAME}$"), AfterValidator(_refuse_consent)]
Value = Text | StrictInt | StrictFloat | StrictBool
Whole = Annotated[tuple[Attribute, ...], Field(min_length=1)]
Partial = dict[Attribute, Annotated[tuple[Value, ...], Field(min_length=1)]]
Sort = Annotated[str, StringConstraints(strict=True, pattern=rf"^(uuid|email|phone_number|custom|custom\.{NAME})$")]


class CustomAttributes(BaseModel):
    """Which of the partner's own attributes an erasure deletes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    whole: tuple[Attribute, ...] = ()
    partial: Partial = {}


class InsiderSettings(VendorSettings):
    """CONSENT_INSIDER__…"""

    base_url: str = "https://unification.useinsider.com"
    partner_name: Annotated[
        str,
        StringConstraints(strict=True, strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    ] = Field(description="sent in lower case, as the vendor's page demands")
    request_token: HeaderSecret
    requests_per_minute: int = Field(default=25_000, ge=1, description="shared by upsert and attribute delete")
    profile_units_per_minute: int = Field(
        default=1_000, ge=1, description="the quota of the profile call, in units of the vendor's"
    )
    profile_call_units: float = Field(
        default=2.5, gt=0, description="units a profile call costs, until its answers tell"
    )
    deletions_per_minute: int = Field(default=10_000, ge=1, description="calls that delete a whole profile")
    anonymizations_per_minute: int = Field(default=500, ge=1, description="calls that delete a profile's PII")
    concurrency: int = Field(default=32, ge=1, le=1000)
    identifiers: tuple[Sort, ...] = Field(
        default=("uuid", "custom", "email", "phone_number"),
        min_length=1,
        description="those that the partner's identity resolution has, the strongest first; `custom.NAME` for one",
    )
    erasure: Literal["attributes", "profile", "anonymize"] = Field(
        default="attributes", description="what an erasure deletes: attributes, the whole profile, or its PII"
    )
    look_first_up_to: int = Field(
        default=1_000,
        ge=0,
        description="erasures and opt-outs of up to so many people look first which profiles there are; 0: none does",
    )
    look_first_wait_s: float = Field(
        default=600.0, ge=0, description="where looking would take longer than this, it is left out"
    )
    whole: Whole = Field(default=EVERY_ATTRIBUTE, description="attributes an erasure deletes")
    partial: Partial = Field(default={}, description="values an erasure takes out of array attributes")
    custom: CustomAttributes = Field(
        default=CustomAttributes(), description="the same for the partner's own attributes"
    )
    opt_out_list_ids: tuple[int, ...] = Field(default=(), description="contact lists an opt-out takes the person off")
    opt_in_flags: tuple[Flag, ...] = Field(
        default=("email_optin", "sms_optin", "gdpr_optin"),
        min_length=1,
        description="what an opt-in that names no flags sets",
    )

    @model_validator(mode="after")
    def _leave_room_for_calls(self) -> Self:
        if self.profile_call_units * LEAST_CALLS > self.profile_units_per_minute:
            raise ValueError(f"PROFILE_UNITS_PER_MINUTE must have room for {LEAST_CALLS} calls or more")
        return self


LEAST_CALLS = 2


class Unifiers(BaseModel):
    """The vendor's `identifiers`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    email: Email | None = None
    phone_number: Phone | None = None
    uuid: Identifier | None = None
    custom: dict[Annotated[str, StringConstraints(strict=True, pattern=rf"^{NAME}$")], Identifier] = {}


class InsiderIdentifiers(VendorIdentifiers):
    """A subject's `vendors.insider`: Insider's own id, or identifiers."""

    insider_id: Identifier | None = None
    identifiers: Unifiers | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.insider_id is not None and self.identifiers is not None:
            raise ValueError("give insider_id or identifiers, not both")
        if self.identifiers is not None and not any(dict(self.identifiers).values()):
            raise ValueError("identifiers names nobody")
        return self


class InsiderOptions(VendorOptions):
    """`whole`, `partial` and `custom`: what an erasure deletes instead of the settings' attributes (`partial` also for
    an opt-out). `flags`: what an opt-in sets."""

    whole: Whole | None = None
    partial: Partial | None = None
    custom: CustomAttributes | None = None
    flags: tuple[Flag, ...] | None = Field(default=None, min_length=1)
