"""What Zendra can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from domain.effects import Effect, Remainder
from domain.requests import Kind

CARD: Final = Card(
    title="Zendra Privacy API",
    recipient="Zendra",
    pages=(Page("Zendra Privacy API", date(2026, 11, 29)),),
    known_by="`user_id`, or `vendors.zendra.user_id` where it differs",
    found_by=("user_id", "vendors.zendra.user_id"),
    give="user_id",
    credentials=(Credential(("api_key",), "of the account"),),
    limits=(CallLimit("all calls together", people=50, source=Source.PAGE),),
    work=Work(calls=2 / 50, changes=1),  # the erasure, and its read-back
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="the profile deleted, messages stopped",
                    done="The profile was deleted, and messages were stopped.",
                    reaches="the profile, and whether the person is written to",
                    leaves="what the vendor keeps outside profiles, of which its page says nothing",
                    read_back="the vendor says that the profile is erased",
                    effects=(Effect.PROFILE_DELETED, Effect.MESSAGES_OFF),
                    remains=(Remainder.OTHER_SYSTEMS,),
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="messages stopped",
                    done="Messages were stopped.",
                    reaches="whether the person is written to",
                    leaves="the profile",
                    read_back="the vendor says that messages are stopped",
                    effects=(Effect.MESSAGES_OFF,),
                    remains=(Remainder.PROFILE,),
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="messages allowed again",
                    done="Messages were allowed again.",
                    reaches="whether the person is written to",
                    leaves="what an erasure has deleted",
                    read_back="the vendor says that the person is active",
                    effects=(Effect.MESSAGES_ON,),
                ),
            ),
        }
    ),
    cannot=("Messages cannot be stopped one channel at a time.",),
    quirks=("An id that is busy is refused for a moment, and the others of the call are served.",),
)
