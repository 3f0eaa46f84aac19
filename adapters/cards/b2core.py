"""What B2CORE IB can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from domain.effects import Effect, Remainder
from domain.kinds import Kind
from domain.outcomes import Reason

_PUBLIC = "docs.ib.b2core.b2broker.com/en/api-guide"
_ALL = "the whole profile with its names and contacts, and every other object of the client"

CARD: Final = Card(
    title="B2CORE IB profiles",
    recipient="B2CORE",
    pages=(
        Page("Profiles", date(2026, 11, 22)),
        Page("Basic access authentication", date(2026, 11, 29), f"{_PUBLIC}/api-reference-basic-auth.html"),
        Page("Overview", date(2026, 11, 29), f"{_PUBLIC}/api-reference-overview.html"),
    ),
    known_by="`vendors.b2core.profile_id`, else found by `vendors.b2core.uuid`, else by uuid = `user_id`",
    found_by=("user_id", "vendors.b2core.profile_id", "vendors.b2core.uuid"),
    give="user_id",
    credentials=(
        Credential(("token",), "a token that does not expire, or instead of it"),
        Credential(("client_id", "client_secret"), "with which tokens are asked for (How to access the API)"),
    ),
    limits=(CallLimit("every call about profiles and contacts", people=1, source=Source.OURS),),
    # Find, contacts, one contact, a look that there are no more, profile, and read back. Two contacts are deleted of
    # a person who has an e-mail address and a telephone.
    work=Work(calls=6, changes=3),
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="contacts deleted, then the profile",
                    done="The contacts of the profile were deleted one by one, and then the profile.",
                    reaches="the contacts (e-mail addresses, telephone numbers), the names, country and tags",
                    leaves="trading accounts, rewards, transactions and other objects of the client, which have calls "
                    "of "
                    "their own, and copies on the trading platforms",
                    read_back="the profile is no longer there",
                    effects=(Effect.CONTACTS_DELETED, Effect.PROFILE_DELETED),
                    remains=(Remainder.ACCOUNTS, Remainder.OTHER_SYSTEMS),
                ),
                Operation(
                    summary="`enabled: false` instead",
                    done="The profile was disabled; nothing was deleted.",
                    reaches="whether the profile is enabled",
                    leaves=_ALL,
                    read_back="`enabled` is false",
                    setting="erasure=disable",
                    way=Reason.DISABLED,
                    effects=(Effect.PROFILE_DISABLED,),
                    remains=(Remainder.EVERYTHING,),
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="`enabled: false`",
                    done="The profile was disabled.",
                    reaches="whether the profile is enabled: the API has no field for consent",
                    leaves=_ALL,
                    read_back="`enabled` is false",
                    setting="opt_out_disables",
                    effects=(Effect.PROFILE_DISABLED,),
                    remains=(Remainder.EVERYTHING,),
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="`enabled: true`",
                    done="The profile was enabled.",
                    reaches="whether the profile is enabled: the API has no field for consent",
                    leaves="",
                    read_back="`enabled` is true",
                    setting="opt_in_enables",
                    effects=(Effect.PROFILE_ENABLED,),
                ),
            ),
        }
    ),
    cannot=(
        "It has no field for consent, so an opt-out can only disable the whole profile.",
        "Contacts cannot be deleted together, and their list cannot be read once the profile is gone.",
    ),
    quirks=(
        "A deletion may be taken and done later (202): it is looked at again, for days if need be, and never sent "
        "again.",
        "Contacts are listed in pages of unknown size, so they are listed again until none is left, before the "
        "profile.",
        "`expires_in` of a token is in milliseconds on the public page, whose example (600) can only be seconds: "
        "below a "
        "second it is read as seconds.",
        "A filter that the vendor ignores lists everybody, so a profile found by uuid must bear that very uuid.",
        "One heading of the page says `/profile/{profileId}`; the plural is used throughout.",
    ),
)
