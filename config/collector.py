"""Python's garbage collector in a serving process: what exists after the start is not scanned again."""

import gc


def freeze_what_exists() -> None:
    """Call this after importing and building everything. Scanning it took a third of a worker's time
    (docs/performance.md)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
