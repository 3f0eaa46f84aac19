"""The closed set of outcomes, and which may follow which."""

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.outcomes import ATTENTION, DONE, RETRIABLE, Outcome, Reason
from tests.transitions import TRANSITIONS, may_follow

FINAL = {Outcome.VERIFIED, Outcome.ABSENT, Outcome.NOT_APPLICABLE, Outcome.CANCELLED}


def test_the_outcomes_are_those_of_the_design() -> None:
    assert {outcome.value for outcome in Outcome} == {
        "accepted",
        "verified",
        "absent",
        "not_applicable",
        "unreachable",
        "withheld",
        "superseded",
        "refused",
        "needs_action",
        "exhausted",
        "cancelled",
    }


def test_a_pending_delivery_may_end_in_any_way() -> None:
    assert all(may_follow(None, outcome) for outcome in Outcome)


@pytest.mark.parametrize("final", sorted(FINAL))
def test_nothing_follows_a_final_outcome(final: Outcome) -> None:
    assert not any(may_follow(final, after) for after in Outcome)


@pytest.mark.parametrize("before", sorted(RETRIABLE | {Outcome.UNREACHABLE, Outcome.WITHHELD}))
def test_what_can_be_sent_again_may_end_in_any_way(before: Outcome) -> None:
    assert all(may_follow(before, after) for after in Outcome)


def test_a_yes_may_only_be_seen_or_doubted() -> None:
    assert {after for after in Outcome if may_follow(Outcome.ACCEPTED, after)} == {
        Outcome.VERIFIED,
        Outcome.NEEDS_ACTION,
        Outcome.WITHHELD,
    }


def test_every_outcome_is_final_or_listed() -> None:
    assert set(TRANSITIONS) == {None, *Outcome} - FINAL


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=8))
def test_no_way_leads_out_of_a_final_outcome(way: list[Outcome]) -> None:
    stood: Outcome | None = None
    reached: list[Outcome] = []
    for after in way:
        if may_follow(stood, after):
            stood = after
            reached.append(after)
    assert all(one not in FINAL for one in reached[:-1])


def test_the_sets_do_not_overlap() -> None:
    assert not DONE & ATTENTION
    assert RETRIABLE < ATTENTION


def test_what_needs_attention_is_never_done() -> None:
    for outcome, after in product(ATTENTION, Outcome):
        assert outcome not in DONE
        closed_by_hand = after is Outcome.CANCELLED
        sent_again = outcome in RETRIABLE or outcome is Outcome.UNREACHABLE  # with an identifier provided
        assert may_follow(outcome, after) == (sent_again or closed_by_hand)


def test_the_tables_know_the_same_outcomes() -> None:
    migrations = sorted((Path(__file__).parents[3] / "ledger/migrations/versions").glob("0*.py"))
    text = "".join(migration.read_text() for migration in migrations)
    listed = re.search(r"CREATE TYPE outcome AS ENUM \(([^)]*)\)", text)
    assert listed is not None
    values = re.findall(r"'(\w+)'", listed[1])
    for value, before in re.findall(r"ALTER TYPE outcome ADD VALUE '(\w+)' AFTER '(\w+)'", text):
        values.insert(values.index(before) + 1, value)
    assert values == ["pending", *(outcome.value for outcome in Outcome)]


def test_a_reason_is_one_word_of_ours() -> None:
    assert all(re.fullmatch(r"[a-z_]{4,30}", reason.value) for reason in Reason)
