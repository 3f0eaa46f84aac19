"""What Akinon can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source
from domain.requests import Kind

_KEPT = "the profile with its names, e-mail, phone, birthday, gender and attributes; orders, addresses and baskets"

CARD: Final = Card(
    title="Akinon profile permissions",
    pages=(Page("Profile", date(2026, 11, 22)),),
    known_by="the person's own shop session, `vendors.akinon.session_id`",
    credentials=(
        Credential(("base_url",), "the shop's address is all: each call is made with the person's own session"),
    ),
    limits=(CallLimit("reading and writing one profile", people=1, source=Source.OURS),),
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="four flags false",
                    done="The four permission flags (e-mail, SMS, WhatsApp, call) were set to false.",
                    reaches="whether the shop may write to or call the person",
                    leaves=_KEPT,
                    read_back="the four flags, in the vendor's answer to the write; nothing else was looked at",
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="four flags false",
                    done="The four permission flags (e-mail, SMS, WhatsApp, call) were set to false.",
                    reaches="whether the shop may write to or call the person",
                    leaves=_KEPT,
                    read_back="the four flags, in the vendor's answer to the write",
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="the flags asked for, else all four",
                    done="The permission flags that the request names, or else the configured ones, were set to true.",
                    reaches="whether the shop may write to or call the person that way",
                    leaves="the flags not named",
                    read_back="those flags, in the vendor's answer to the write",
                ),
            ),
        }
    ),
    cannot=(
        "It reaches nobody without a session of that person's own.",
        "No profile, order or address can be deleted through this API.",
    ),
    quirks=(
        "A session is sealed apart from its person and deleted as soon as it has been used.",
        "With loyalty a write may send the person a code (202): nothing has changed then, and it is never sent again "
        "by "
        "itself.",
        "`call_allowed` may be null where a shop has no such channel; null allows nobody to call.",
    ),
)
