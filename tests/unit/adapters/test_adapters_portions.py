"""How much of a vendor's work is handed out at once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import VendorSettings
from adapters.portions import CHUNK_S, EXPRESS, OUT_S, chunk_people, most_out, window
from tests.stubs import StubAdapter
from tests.table_rows import each_row


def vendor(per_minute: int, *, batch: int = 1, chunk: int = 100, **more: float) -> StubAdapter:
    settings = VendorSettings(base_url="https://vendor.example", requests_per_minute=per_minute, **more)
    return replace(StubAdapter(), batch=batch, chunk_people=chunk, settings=settings)


@each_row(
    ("adapter", "people", "chunks"),
    [
        (vendor(6_000), 100, 3),
        (vendor(1_000_000), 100, 8),
        (vendor(60), 1, 3),
        (vendor(1), 1, 2),
        (vendor(6_000, reserved=0.5), 50, 3),
        (vendor(25_000, batch=1_000, chunk=2_000), 2_000, 8),
        (vendor(10_000, batch=20, chunk=500), 500, 8),
    ],
)
def test_a_few_seconds_of_the_pace_are_out(adapter: StubAdapter, people: int, chunks: int) -> None:
    assert (chunk_people(adapter), window(adapter)) == (people, chunks)


@given(per_minute=st.integers(1, 10_000_000), batch=st.integers(1, 1_000), chunk=st.integers(1, 2_000))
def test_whatever_the_vendor_no_more_than_that(per_minute: int, batch: int, chunk: int) -> None:
    adapter = vendor(per_minute, batch=batch, chunk=chunk)
    a_second = per_minute / 60 * batch
    assert batch <= chunk_people(adapter) <= max(batch, a_second * CHUNK_S)
    size = chunk_people(adapter)
    assert size * window(adapter) <= max(2 * size, a_second * OUT_S + size)
    assert window(adapter) + EXPRESS <= most_out(adapter)
