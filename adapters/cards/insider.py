"""What Insider can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from domain.effects import Effect, Remainder
from domain.kinds import Kind
from domain.outcomes import Reason

_READ = date(2026, 11, 22)
_LATER = date(2026, 11, 29)
_DOCS = "academy.insiderone.com/docs"
_LARGE = "for the one identifier we addressed; whether the person has other profiles was not looked up"
_MADE = "where this identifier found no profile, the first call made one"
_NAMED = "the attributes that the request or the settings name"
_EVENTS = "its events, and attributes not named"
_OTHERS = "other profiles of the person"
_FLAGS = "email_optin, sms_optin, whatsapp_optin and gdpr_optin"

_REMAINS_OF_ONE = (
    Remainder.OTHER_PROFILES,
    Remainder.PROFILE,
    Remainder.ACTIVITY,
    Remainder.OTHER_DETAILS,
    Remainder.EMPTY_PROFILE,
)

CARD: Final = Card(
    title="Insider user profiles",
    recipient="Insider",
    pages=(
        Page("Delete User Attribute", _READ),
        Page("Upsert User Data", _READ, f"{_DOCS}/upsert-user-data-api"),
        Page("Get User Profiles", _LATER, f"{_DOCS}/get-user-profiles-api"),
        Page("Delete User Profile", _LATER, f"{_DOCS}/delete-user-profile-api"),
        Page("Delete User's PII Data", _LATER, f"{_DOCS}/delete-users-pii-data"),
    ),
    known_by="each of uuid (= `user_id`), e-mail, phone number and `vendors.insider` in small erasures and opt-outs; "
    "else the strongest of them (`CONSENT_INSIDER__IDENTIFIERS`)",
    found_by=(
        "user_id",
        "email",
        "phone_number",
        "vendors.insider.insider_id",
        "vendors.insider.identifiers.uuid",
        "vendors.insider.identifiers.email",
        "vendors.insider.identifiers.phone_number",
        "vendors.insider.identifiers.custom",
    ),
    give="user_id, email or phone_number",
    credentials=(Credential(("partner_name", "request_token"), "sent as X-PARTNER-NAME and X-REQUEST-TOKEN"),),
    limits=(
        CallLimit("upsert and attribute delete together", people=1_000, body_bytes=5_000_000, source=Source.PUBLIC),
        CallLimit("profile, in units of its quota", 1, Source.PUBLIC, setting="profile_units_per_minute"),
        CallLimit("delete profile", 1, Source.PUBLIC, setting="deletions_per_minute"),
        CallLimit("delete PII", 1, Source.PUBLIC, setting="anonymizations_per_minute"),
    ),
    work=Work(calls=2 / 1000, changes=2, calls_alone=2),  # consent, attributes; looking up has a limit of its own
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="large requests: `gdpr_optin` false, then the named attributes deleted",
                    done=f"`gdpr_optin` was set to false, and {_NAMED} were deleted, {_LARGE}.",
                    reaches="`gdpr_optin`, and the attributes named, of the profile that this identifier finds",
                    leaves=f"{_OTHERS}, the profile itself, {_EVENTS}; {_MADE}",
                    effects=(Effect.CONSENT_WITHDRAWN, Effect.DETAILS_DELETED),
                    remains=_REMAINS_OF_ONE,
                ),
                Operation(
                    way=Reason.LOOKED_UP,
                    summary="small requests: every profile looked up; `gdpr_optin` false, then the named attributes "
                    "deleted",
                    done=f"Every profile found by the identifiers we were given was treated, and none was made: "
                    f"`gdpr_optin` was set to false, and {_NAMED} were deleted.",
                    reaches="`gdpr_optin`, and the attributes named, of every profile that the person's identifiers "
                    "find",
                    leaves=f"the profiles themselves with the identifier that found each, {_EVENTS}",
                    read_back="every profile that the identifiers still find has `gdpr_optin` false and none of the "
                    "attributes named",
                    effects=(Effect.CONSENT_WITHDRAWN, Effect.DETAILS_DELETED),
                    remains=(Remainder.PROFILE, Remainder.ACTIVITY, Remainder.OTHER_DETAILS),
                ),
                Operation(
                    way=Reason.NOT_LOOKED_UP,
                    summary="small requests where looking up would take too long: as large ones",
                    done=f"`gdpr_optin` was set to false, and {_NAMED} were deleted, {_LARGE}: it would have taken too "
                    "long.",
                    reaches="`gdpr_optin`, and the attributes named, of the profile that this identifier finds",
                    leaves=f"{_OTHERS}, the profile itself, {_EVENTS}; {_MADE}",
                    effects=(Effect.CONSENT_WITHDRAWN, Effect.DETAILS_DELETED),
                    remains=_REMAINS_OF_ONE,
                ),
                Operation(
                    way=Reason.PROFILES_DELETED,
                    setting="erasure=profile",
                    summary="small requests: every profile looked up, and deleted as a whole",
                    done="Every profile found by the identifiers we were given was deleted.",
                    reaches="every profile that the person's identifiers find, with its events",
                    leaves="what Insider keeps outside profiles",
                    read_back="none of the identifiers finds a profile any more",
                    effects=(Effect.PROFILES_DELETED,),
                    remains=(Remainder.OTHER_SYSTEMS,),
                ),
                Operation(
                    way=Reason.PROFILE_DELETED,
                    setting="erasure=profile",
                    summary="large requests: one profile deleted as a whole",
                    done=f"The profile was deleted, {_LARGE}.",
                    reaches="the profile that this identifier finds, with its events",
                    leaves=_OTHERS,
                    effects=(Effect.PROFILE_DELETED,),
                    remains=(Remainder.OTHER_PROFILES,),
                ),
                Operation(
                    way=Reason.PROFILES_ANONYMIZED,
                    setting="erasure=anonymize",
                    summary="small requests: every profile looked up; `gdpr_optin` false, then its PII deleted",
                    done="Of every profile found by the identifiers we were given, `gdpr_optin` was set to false and "
                    "identifiers and PII were deleted.",
                    reaches="`gdpr_optin`, the identifiers and the PII of every profile that they find",
                    leaves="the profiles themselves, anonymous, with their events and other attributes",
                    read_back="none of the identifiers finds a profile with PII any more",
                    effects=(Effect.CONSENT_WITHDRAWN, Effect.IDENTITY_REMOVED),
                    remains=(Remainder.PROFILE, Remainder.ACTIVITY, Remainder.OTHER_DETAILS),
                ),
                Operation(
                    way=Reason.PROFILE_ANONYMIZED,
                    setting="erasure=anonymize",
                    summary="large requests: `gdpr_optin` false, then the PII of one profile deleted",
                    done=f"`gdpr_optin` was set to false, and identifiers and PII were deleted, {_LARGE}.",
                    reaches="`gdpr_optin`, the identifiers and the PII of the profile that this identifier finds",
                    leaves=f"{_OTHERS}, and the profile itself, anonymous, with its events and other attributes",
                    effects=(Effect.CONSENT_WITHDRAWN, Effect.IDENTITY_REMOVED),
                    remains=(Remainder.OTHER_PROFILES, Remainder.PROFILE, Remainder.ACTIVITY, Remainder.OTHER_DETAILS),
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="large requests: the opt-in flags false; list ids removed where configured",
                    done=f"{_FLAGS} were set to false, and configured lists were left, {_LARGE}.",
                    reaches="the opt-in flags of the profile that this identifier finds",
                    leaves=f"{_OTHERS}, and all attributes; {_MADE}",
                    effects=(Effect.MESSAGES_OFF, Effect.CONSENT_WITHDRAWN),
                    remains=(Remainder.OTHER_PROFILES, Remainder.OTHER_DETAILS, Remainder.EMPTY_PROFILE),
                ),
                Operation(
                    way=Reason.LOOKED_UP,
                    summary="small requests: every profile looked up; the opt-in flags false, list ids removed where "
                    "configured",
                    done="Every profile found by the identifiers we were given was treated, and none was made: "
                    f"{_FLAGS} were set to false, and configured lists were left.",
                    reaches="the opt-in flags of every profile that the person's identifiers find",
                    leaves="all attributes",
                    read_back="every profile that the identifiers find has none of the flags on and `gdpr_optin` "
                    "false, and is on none of the configured lists",
                    effects=(Effect.MESSAGES_OFF, Effect.CONSENT_WITHDRAWN),
                    remains=(Remainder.OTHER_DETAILS,),
                ),
                Operation(
                    way=Reason.NOT_LOOKED_UP,
                    summary="small requests where looking up would take too long: as large ones",
                    done=f"{_FLAGS} were set to false, and configured lists were left, {_LARGE}: it would have taken "
                    "too long.",
                    reaches="the opt-in flags of the profile that this identifier finds",
                    leaves=f"{_OTHERS}, and all attributes; {_MADE}",
                    effects=(Effect.MESSAGES_OFF, Effect.CONSENT_WITHDRAWN),
                    remains=(Remainder.OTHER_PROFILES, Remainder.OTHER_DETAILS, Remainder.EMPTY_PROFILE),
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="the flags asked for, else the configured ones",
                    done="The opt-in flags that the request names, or else the configured ones, were set to true.",
                    reaches="those flags of the profile that this identifier finds",
                    leaves="the flags not named",
                    effects=(Effect.MESSAGES_ON,),
                    remains=(Remainder.OTHER_PERMISSIONS,),
                ),
            ),
        }
    ),
    cannot=(
        "What was done without looking up cannot be read back.",
        "A profile that none of the given identifiers finds is not found.",
        "An identifier that a profile was found by is not deleted with its attributes, only with the profile or its "
        "PII.",
    ),
    quirks=(
        "`gdpr_optin` is never deleted: an empty one means consent. The other flags may be.",
        "An upsert creates a profile where there is none; a profile that was looked up is named by Insider's own id, "
        "so that none is made.",
        "One identifier a record is sent: several in one record can merge the profiles of different people.",
        "Identifiers that the partner's identity resolution does not have are ignored: name those that it has.",
        "Looking up takes a permission of its own; without it small requests wait until it is given, or until "
        "`CONSENT_INSIDER__LOOK_FIRST_UP_TO` is 0.",
        "An e-mail address that a family shares finds the profile of each of them: all are treated.",
        "A profile call costs units of a quota, and the answer tells how many.",
    ),
)
