"""The lines of a file do not depend on the blocks in which they are read."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.files import lines

PIECES = st.lists(
    st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"{}", b"\xef\xbb\xbf", b"\xc3\xa9", b" ", b"x" * 11, b"x" * 40])
).map(b"".join)


@given(PIECES, st.integers(1, 20))
def test_every_line_is_given_once_with_its_number(data: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block)
        patch.setattr(lines, "LONGEST_LINE", 10)
        found = [line for one in lines.blocks_of(io.BytesIO(data)) for line in one.lines()]

    expected = list(enumerate(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")), start=1))
    assert [number for number, _ in found] == [number for number, _ in expected]
    for (_, line), (_, whole) in zip(found, expected, strict=True):
        assert line == whole if len(whole) <= 10 else len(line) > 10 and whole.startswith(line)


@given(PIECES, st.integers(1, 20))
def test_a_block_is_never_much_larger_than_a_line_may_be(data: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block)
        patch.setattr(lines, "LONGEST_LINE", 10)
        assert all(len(one.text) <= 11 + block for one in lines.blocks_of(io.BytesIO(data)))
