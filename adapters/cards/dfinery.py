"""What Dfinery can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from domain.effects import Effect, Remainder
from domain.kinds import Kind

_EVENTS = "the events recorded of the user"
_KEPT = f"user_name, age, gender and custom properties, and {_EVENTS}"

CARD: Final = Card(
    title="Dfinery User Profile and User CI Profile API",
    recipient="Dfinery",
    pages=(
        Page("User Profile API", date(2026, 11, 22)),
        Page("Reference", date(2026, 11, 22), "help.dfinery.io, Open API"),
        Page("Using Open API", date(2026, 11, 22), "help.dfinery.io, Open API"),
    ),
    known_by="`user_id`, or `vendors.dfinery.user_id` where it differs",
    found_by=("user_id", "vendors.dfinery.user_id"),
    give="user_id",
    credentials=(Credential(("api_token",), "permission is given for each API apart"),),
    limits=(CallLimit("all calls together", people=20, source=Source.PUBLIC),),
    work=Work(calls=4 / 20, changes=2),  # flags, CI, and both read back
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="nine flags Unsubscribed and properties overwritten, then CI deleted",
                    done="The nine consent flags were set to Unsubscribed, and the properties that the request or the "
                    "settings name were overwritten and the CI that they name deleted.",
                    reaches="the nine consent flags; the properties named in `CONSENT_DFINERY__OVERWRITE` (user_name, "
                    "age and gender by default); the CI named in `CONSENT_DFINERY__CI` (kakao_id and phone_number by "
                    "default)",
                    leaves=f"properties that are not named, above all custom ones; {_EVENTS}",
                    read_back="the nine flags are Unsubscribed, the properties named hold what they were overwritten "
                    "with, and the CI named is empty",
                    effects=(Effect.MESSAGES_OFF, Effect.DETAILS_OVERWRITTEN, Effect.CONTACTS_DELETED),
                    remains=(Remainder.OTHER_DETAILS, Remainder.ACTIVITY),
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="nine flags Unsubscribed",
                    done="The nine consent flags were set to Unsubscribed.",
                    reaches="the nine consent flags",
                    leaves=f"CI, {_KEPT}",
                    read_back="the nine flags are Unsubscribed",
                    effects=(Effect.MESSAGES_OFF,),
                    remains=(Remainder.CONTACT_DETAILS, Remainder.OTHER_DETAILS, Remainder.ACTIVITY),
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="the flags asked for, else the day flags",
                    done="The flags that the request names, or else the configured day flags, were set to Subscribed.",
                    reaches="those flags; a night flag only where the request names it",
                    leaves="the flags not named",
                    read_back="those flags are Subscribed",
                    effects=(Effect.MESSAGES_ON,),
                    remains=(Remainder.OTHER_PERMISSIONS,),
                ),
            ),
        }
    ),
    cannot=(
        "No profile can be deleted, and no property emptied: `null` is refused, so properties are overwritten.",
        "Events that the vendor recorded of a person cannot be reached through this API.",
    ),
    quirks=(
        "A flag that was never set reads `Undefined`, which is not Unsubscribed.",
        "The example of ci/delete says `user_id`, its table and every sister call `user_ids`: a call that is refused "
        "with 4002 is sent once more with `user_id`.",
        "A value that overwrites a property must be of the property's type. Where the vendor refuses one, the flags "
        "are set and the CI is deleted all the same, and the delivery is `refused`: mend `CONSENT_DFINERY__OVERWRITE`.",
        "A property that the vendor does not know (4007) holds the vendor until the setting is mended.",
        "An update creates a user that is not there.",
        "Korean law asks for consent at night apart, so night flags are never subscribed unless named.",
    ),
)
