"""The kinds of requests."""

from enum import StrEnum


class Kind(StrEnum):
    """The operation that every vendor performs for a person."""

    ERASURE = "erasure"  # delete the person's data, and stop
    OPT_OUT = "opt_out"  # withdrawal of consent: stop contacting and profiling
    OPT_IN = "opt_in"  # consent given
