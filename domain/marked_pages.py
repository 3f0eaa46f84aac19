"""Pages of docs/ with generated blocks, each between two markers."""

from collections.abc import Mapping


class MarkerError(Exception):
    """A page lacks the markers of a block. Put the two markers that the message names where the block belongs."""


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """A page with each block between its two markers. Raises MarkerError."""
    for name, block in blocks.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, begun, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not (begun and ended):
            raise MarkerError(f"a page has no place for {name}: it wants {begin.strip()} and {end}")
        page = before + begin + block + end + after
    return page
