"""Python's garbage collector in a process that serves: what stands after the start is not looked at again and again."""

import gc


def spare_what_stands() -> None:
    """Call this when all is imported and made. Walking through it took a third of a worker's time
    (docs/performance.md)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
