"""What a sandbox vendor holds, compared with the ledger."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.requests import Kind
from ledger.desk.reports import Row
from local.compare import disagreements, is_in_effect, made_by_us
from sandbox.vendors.insider import Insider
from tests.table_rows import each_row

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SILENT = {"gdpr_optin": False, "email_optin": False, "sms_optin": False, "whatsapp_optin": False}


def insider(attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    fact = {"vendor": "insider", "user_id": "u-1", "attributes": attributes}
    fact["may_interact"] = attributes.get("gdpr_optin") is not False
    return {**fact, "in_effect": {kind: Insider.is_in_effect(kind, fact) for kind in ("erasure", "opt_out")}, **more}


@each_row(
    ("kind", "attributes", "in_effect"),
    [
        (Kind.ERASURE, {"gdpr_optin": False}, True),
        (Kind.ERASURE, SILENT, True),
        (Kind.ERASURE, {**SILENT, "name": "Sample"}, False),
        (Kind.ERASURE, {}, False),  # an empty flag is a yes
        (Kind.OPT_OUT, SILENT, True),
        (Kind.OPT_OUT, {**SILENT, "name": "Sample"}, True),
        (Kind.OPT_OUT, {**SILENT, "whatsapp_optin": True}, False),
        (Kind.OPT_OUT, {**SILENT, "gdpr_optin": True}, False),
    ],
)
def test_what_counts_as_in_effect_at_insider(kind: Kind, attributes: dict[str, Any], in_effect: bool) -> None:
    assert is_in_effect(kind, insider(attributes)) is in_effect


@pytest.mark.parametrize(
    ("profiles", "disagree"),
    [
        ([], False),  # nothing there, nothing to undo
        ([SILENT], False),
        ([SILENT, SILENT], False),
        ([SILENT, {**SILENT, "email_optin": True}], True),
        ([{}, SILENT], True),
    ],
)
def test_whoever_has_two_profiles_is_done_where_both_are(profiles: list[dict[str, Any]], disagree: bool) -> None:
    rows = [Row(1, None, "insider", "accepted", None, 1, NOW)]
    told = disagreements(Kind.OPT_OUT, rows, ["u-1"], [insider(profile) for profile in profiles])
    assert bool(told) is disagree


def test_profiles_that_were_made_are_counted() -> None:
    facts = [insider(SILENT), insider(SILENT, created=True, user_id=None), {"vendor": "akinon", "user_id": "u-1"}]
    assert made_by_us(facts) == 1


@pytest.mark.parametrize(
    ("facts", "disagree"),
    [
        ([], False),  # whether the vendor holds anything of them is not known to us
        ([insider({"name": "Sample"})], False),  # nothing was done there, and nothing is said to be
        ([insider(SILENT)], True),  # something was done to somebody of whom that is denied
    ],
)
def test_who_was_unreachable_was_not_touched(facts: list[dict[str, Any]], disagree: bool) -> None:
    rows = [Row(1, None, "insider", "unreachable", "no_identifier", 0, NOW)]
    assert bool(disagreements(Kind.ERASURE, rows, ["u-1"], facts)) is disagree
