"""Plain words for what the ledger calls by name, as pages say it."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from adapters.answer_counts import NO_ANSWER, NO_CONNECTION
from domain.outcomes import ATTENTION, Outcome, Reason
from domain.regulations import Regulation
from domain.requests import Kind
from intake.advice import what_to_do
from ledger.delivery.vendors import Vendor


class Word(NamedTuple):
    """A word, and the tone it is shown in: good, busy, care, bad or quiet."""

    text: str
    tone: str


KINDS: Mapping[str, str] = MappingProxyType(
    {Kind.ERASURE.value: "Erasure", Kind.OPT_OUT.value: "Opt-out", Kind.OPT_IN.value: "Opt-in"}
)
STATUSES: Mapping[str, Word] = MappingProxyType(
    {
        "loading": Word("Being read in", "busy"),
        "unconfirmed": Word("Waits for a second person", "care"),
        "running": Word("Running", "busy"),
        "completed": Word("Completed", "good"),
        "completed_with_exceptions": Word("Completed, with exceptions", "bad"),
        "cancelled": Word("Cancelled", "quiet"),
    }
)
OUTCOMES: Mapping[str, Word] = MappingProxyType(
    {
        "pending": Word("Pending", "busy"),
        Outcome.ACCEPTED.value: Word("Accepted by the vendor", "good"),
        Outcome.VERIFIED.value: Word("Done and read back", "good"),
        Outcome.ABSENT.value: Word("Vendor holds nothing", "good"),
        Outcome.NOT_APPLICABLE.value: Word("Nothing to do there", "quiet"),
        Outcome.UNREACHABLE.value: Word("Cannot be found there", "bad"),
        Outcome.WITHHELD.value: Word("Kept: a legal hold", "care"),
        Outcome.SUPERSEDED.value: Word("Gave way to a newer wish", "quiet"),
        Outcome.REFUSED.value: Word("Refused by the vendor", "bad"),
        Outcome.NEEDS_ACTION.value: Word("Somebody must act first", "bad"),
        Outcome.EXHAUSTED.value: Word("Still failing, given up", "bad"),
        Outcome.CANCELLED.value: Word("Cancelled", "quiet"),
    }
)
WAITING = frozenset(outcome.value for outcome in ATTENTION)
"""Outcomes that need a person."""


HOLD_REASONS_SAID: Mapping[str, str] = MappingProxyType(
    {
        Reason.LITIGATION.value: "Legal claims",
        Reason.LEGAL_OBLIGATION.value: "A law or a public task demands it",
        Reason.PUBLIC_INTEREST.value: "Public health, archives, research, statistics",
        Reason.EXPRESSION.value: "Freedom of expression and information",
    }
)
"""Why a legal hold keeps data of a person."""
REASONS: Mapping[str, str] = MappingProxyType(
    {"by_hand": "by hand", "manual": "asked by hand", "restored": "restored from a backup"}
)


def say_reason(reason: str | None) -> str:
    """A reason of the fixed vocabulary, to be read by people."""
    return REASONS.get(reason, reason.replace("_", " ")) if reason else ""


LAWS: Mapping[str, str] = MappingProxyType(
    {
        Regulation.GDPR.value: "GDPR (European Union)",
        Regulation.UK_GDPR.value: "UK GDPR",
        Regulation.CCPA.value: "CCPA (California)",
        Regulation.KVKK.value: "KVKK (Türkiye)",
        Regulation.PIPA.value: "PIPA (Korea)",
        Regulation.LGPD.value: "LGPD (Brazil)",
    }
)


def say_law(regulation: str) -> str:
    """The law that a request is made under."""
    return LAWS.get(regulation, regulation)


def say_kind(kind: str) -> str:
    """What a request asks for."""
    return KINDS.get(kind, kind)


def say_status(status: str) -> Word:
    """How a request stands."""
    return STATUSES.get(status, Word(status, "quiet"))


def say_outcome(outcome: str) -> Word:
    """How a delivery ended."""
    return OUTCOMES.get(outcome, Word(outcome, "quiet"))


AT_THE_COMMAND_LINE = re.compile(r" with (--reason [a-z_]+|`consent (provide|accept)`)")
BY_HAND = "Take the list of people to the recipient, and note here when it has done what it was asked for."


def say_advice(vendor: str, reason: str | None) -> str:
    """What to do about deliveries of one reason at a vendor, without options that only the command line has."""
    return BY_HAND if reason == Reason.MANUAL else AT_THE_COMMAND_LINE.sub("", what_to_do(vendor, reason))


ANSWERS: Mapping[str, Word] = MappingProxyType(
    {
        "2xx": Word("Taken (2xx)", "good"),
        "3xx": Word("Sent elsewhere (3xx)", "bad"),
        "4xx": Word("Refused or not found (4xx)", "care"),
        "429": Word("Asked to slow down (429)", "care"),
        "5xx": Word("Failed (5xx)", "bad"),
        NO_CONNECTION: Word("No connection", "bad"),
        NO_ANSWER: Word("No answer in time", "bad"),
    }
)


def say_answer(answer: str) -> Word:
    """A class of a vendor's answers."""
    return ANSWERS.get(answer, Word(answer, "quiet"))


def say_vendor(vendor: Vendor) -> Word:
    """How a vendor does."""
    if vendor.retired_at is not None:
        return Word("Retired", "quiet")
    if not vendor.enabled:
        return Word("Switched off", "quiet")
    if vendor.held_at is not None:
        return Word(f"Held: {say_reason(vendor.held_reason)}", "bad")
    if not vendor.served:
        return Word("No worker serves it", "bad")
    if vendor.steps:
        return Word(f"Held in part: {', '.join(sorted({step.step for step in vendor.steps}))}", "care")
    if vendor.failing:
        return Word(f"Failing: {vendor.failing.replace('_', ' ')}", "care")
    return Word("Well", "good")
