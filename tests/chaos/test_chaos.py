"""A short run of the chaos, with one seed. A long one: make chaos ARGS="--seed 7 --seconds 40 --people 1500"."""

from itertools import islice
from pathlib import Path

import pytest

from tests.chaos.plan import COSTS_AN_ANSWER, DECK, Kind, draw
from tests.chaos.trial import Terms, run

SEED = 9
PEOPLE = 110


@pytest.mark.timeout(420)
def test_nothing_is_lost_whatever_dies(tmp_path: Path) -> None:
    report = run(Terms(SEED, seconds=9.0, people=PEOPLE, settle_s=180.0), tmp_path)
    assert report.findings.deliveries > PEOPLE * 5


def test_a_seed_always_draws_the_same_faults() -> None:
    first, second = (list(islice(draw(7, 5.0), 60)) for _ in range(2))
    assert first == second != list(islice(draw(8, 5.0), 60))


def test_two_vendors_fall_out_early_and_every_other_kind_comes_by() -> None:
    for seed in range(50):
        faults = list(islice(draw(seed, 5.0), len(DECK) + 2))
        out = [fault for fault in faults[:4] if fault.kind is Kind.VENDOR_OUT]
        assert len({fault.vendor for fault in out}) == 2
        assert all(6 <= fault.seconds <= 10 for fault in out)
        assert {fault.kind for fault in faults} == set(Kind) >= COSTS_AN_ANSWER
