"""Akinon's settings, the options of a request, and the session of a person."""

from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from adapters.contract import VendorIdentifiers, VendorOptions, VendorSettings
from domain.requests import Email, Number, Secret, Session

Flag = Literal["email_allowed", "sms_allowed", "whatsapp_allowed", "call_allowed"]
FLAGS: tuple[Flag, ...] = get_args(Flag)

Clearable = Literal["avatar", "date_of_birth", "gender"]
CLEARABLE: tuple[Clearable, ...] = get_args(Clearable)
"""The fields that may be null by the vendor's page, except `phone`, which would send the person a code."""

CookieName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class AkinonSettings(VendorSettings):
    """CONSENT_AKINON__…"""

    session_cookie: CookieName = Field(default="sessionid", description="the session cookie's name")
    csrf_cookie: CookieName = Field(default="csrftoken", description="the CSRF cookie's name")
    loyalty: bool = Field(default=False, description="the site runs loyalty: use profile-with-loyalty")
    opt_in_flags: tuple[Flag, ...] = Field(
        default=FLAGS, min_length=1, description="what an opt-in that names no flags allows"
    )
    clear: tuple[Clearable, ...] = Field(
        default=CLEARABLE, description="which fields of the profile an erasure empties, where they hold something"
    )


class AkinonIdentifiers(VendorIdentifiers):
    """A subject's `vendors.akinon`: the person's own session, and identifiers of its owner."""

    session_id: Session | None = None
    csrf_token: Secret | None = None
    code: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z]{1,16}$")] | None = None
    id: Number | None = None
    email: Email | None = None


class AkinonOptions(VendorOptions):
    """`flags`: what an opt-in allows."""

    flags: tuple[Flag, ...] | None = Field(default=None, min_length=1)
