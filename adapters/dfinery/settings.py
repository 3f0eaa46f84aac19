"""Dfinery's settings, the options of a request, and the identifiers of a person."""

from math import isfinite
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
)

from adapters.contract import HeaderSecret, VendorOptions, VendorSettings

DayFlag = Literal["info_flag", "mkt_flag", "mkt_push_flag", "mkt_sms_flag", "mkt_kakao_flag"]
NightFlag = Literal["night_flag", "night_push_flag", "night_sms_flag", "night_kakao_flag"]
DAY_FLAGS: tuple[DayFlag, ...] = get_args(DayFlag)
EVERY_FLAG: tuple[str, ...] = (*DAY_FLAGS, *get_args(NightFlag))
CiName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]


def _refuse_nothing(value: object) -> object:
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not isfinite(value)):
        raise ValueError("must be text, a number, true or false: the vendor takes no null")
    return value


def _refuse_names_of_ours(values: "Overwrites") -> "Overwrites":
    taken = values.keys() & {"user_id", *EVERY_FLAG}
    if taken:
        raise ValueError("may not name user_id or a flag")
    return values


PropertyName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=128)]
Overwrites = dict[
    PropertyName, Annotated[StrictStr | StrictBool | StrictInt | StrictFloat, BeforeValidator(_refuse_nothing)]
]
Overwrite = Annotated[Overwrites, AfterValidator(_refuse_names_of_ours)]
"""A value for each property that an erasure overwrites: text, number or boolean, whichever the property has."""


class DfinerySettings(VendorSettings):
    """CONSENT_DFINERY__…"""

    base_url: str = "https://openapi.dfinery.io/api/v1"
    api_token: HeaderSecret
    requests_per_minute: int = Field(default=10_000, ge=1, description="the vendor's limit, over all of its calls")
    concurrency: int = Field(default=32, ge=1, le=1000)
    ci: tuple[CiName, ...] = Field(
        default=("kakao_id", "phone_number"), min_length=1, description="which CI an erasure deletes"
    )
    opt_in_flags: tuple[DayFlag, ...] = Field(
        default=DAY_FLAGS, min_length=1, description="what an opt-in that names no flags subscribes to"
    )
    overwrite: Overwrite = Field(
        default={"user_name": "erased", "age": "0", "gender": "unknown"},
        description="properties that an erasure overwrites, and with what: the vendor lets none be emptied",
    )


class DfineryOptions(VendorOptions):
    """`flags`: what an opt-in subscribes to; night flags only if named here, because Korean law asks for that consent
    separately. `ci`: which CI an erasure deletes. `overwrite`: which properties it overwrites, and with what."""

    flags: tuple[DayFlag | NightFlag, ...] | None = Field(default=None, min_length=1)
    ci: tuple[CiName, ...] | None = Field(default=None, min_length=1)
    overwrite: Overwrite | None = None
