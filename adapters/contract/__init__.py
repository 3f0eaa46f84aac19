"""The contract between a vendor's adapter and the rest: an adapter builds requests and reads answers, and does no input
or output. `adapter` is what every vendor has; `abilities` and `tokens` are what only some have."""

from adapters.contract.abilities import (
    GroupsByCarry,
    KnowsWithoutSession,
    LooksFirst,
    Meters,
    Probes,
    ReadsAnything,
    ReadsBack,
    SendsOnce,
)
from adapters.contract.adapter import Adapter, Plain
from adapters.contract.answers import Answer, NotNowError, UnreadableError, Verdict
from adapters.contract.orders import Addressed, Call, Limits, LookUps, Order, Person, Rate
from adapters.contract.settings import (
    VISIBLE,
    ClientSecret,
    HeaderSecret,
    VendorIdentifiers,
    VendorOptions,
    VendorSettings,
)
from adapters.contract.tokens import Authenticates, Renews, Signs, Token

__all__ = [
    "VISIBLE",
    "Adapter",
    "Addressed",
    "Answer",
    "Authenticates",
    "Call",
    "ClientSecret",
    "GroupsByCarry",
    "HeaderSecret",
    "KnowsWithoutSession",
    "Limits",
    "LookUps",
    "LooksFirst",
    "Meters",
    "NotNowError",
    "Order",
    "Person",
    "Plain",
    "Probes",
    "Rate",
    "ReadsAnything",
    "ReadsBack",
    "Renews",
    "SendsOnce",
    "Signs",
    "Token",
    "UnreadableError",
    "VendorIdentifiers",
    "VendorOptions",
    "VendorSettings",
    "Verdict",
]
