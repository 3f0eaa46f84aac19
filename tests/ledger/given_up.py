"""What a ledger looks like of which a master key was given up."""

from collections.abc import Callable


def give_up_master_key(do: Callable[[str], object]) -> None:
    """Everything that was submitted so far is wrapped by a master key that nobody has."""
    do("UPDATE data_keys SET wrapped = decode(repeat('00', length(wrapped)), 'hex')")
