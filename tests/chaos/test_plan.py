"""The faults of the chaos are drawn from a seed.

A short run of it is in `tests/flows/test_a_sixth_vendor.py`, with all our vendors and one more. A long one:
make chaos ARGS="--seed 7 --seconds 40 --people 1500".
"""

from itertools import islice

from tests.chaos.plan import COSTS_AN_ANSWER, DECK, Kind, draw


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
