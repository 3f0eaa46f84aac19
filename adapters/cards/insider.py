"""What Insider can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source
from domain.requests import Kind

CARD: Final = Card(
    title="Insider attribute delete and user upsert",
    pages=(
        Page("Delete User Attribute", date(2026, 11, 22)),
        Page("Upsert User Data", date(2026, 11, 22), "academy.insiderone.com/docs"),
    ),
    known_by="the strongest of uuid (= `user_id`), e-mail, phone number; or `vendors.insider`",
    credentials=(Credential(("partner_name", "request_token"), "sent as X-PARTNER-NAME and X-REQUEST-TOKEN"),),
    limits=(
        CallLimit("upsert and attribute delete together", people=1_000, body_bytes=5_000_000, source=Source.PUBLIC),
    ),
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="`gdpr_optin` false, then the named attributes deleted",
                    done="`gdpr_optin` was set to false, and the attributes that the request or the settings name were "
                    "deleted, for the one identifier we addressed.",
                    reaches="`gdpr_optin`, and the attributes named, of the profile that this identifier finds",
                    leaves="other profiles of the person, the profile itself with its identifiers, its events, and "
                    "attributes not named; where no profile existed, the first call made one",
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="the opt-in flags false; list ids removed where configured",
                    done="The opt-in flags were set to false for the one identifier we addressed; configured lists "
                    "were "
                    "left.",
                    reaches="the opt-in flags of the profile that this identifier finds",
                    leaves="other profiles of the person, and all attributes",
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="the flags asked for, else the configured ones",
                    done="The opt-in flags that the request names, or else the configured ones, were set to true.",
                    reaches="those flags of the profile that this identifier finds",
                    leaves="the flags not named",
                ),
            ),
        }
    ),
    cannot=("What was done cannot be read back through these calls.",),
    quirks=(
        "`gdpr_optin` is never deleted: an empty one means consent.",
        "An upsert creates a profile where there is none.",
        "One identifier a person is sent: several in one record can merge the profiles of different people.",
    ),
)
