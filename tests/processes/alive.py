"""Whether a process lives that a test has only the number of."""

import psutil


def is_alive(pid: int) -> bool:
    """Not so of one that has ended and that nobody has waited for."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
