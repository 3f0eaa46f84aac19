"""Who is at the command line."""

import os
import pwd


def who() -> str:
    """The operating system's user, as the ledger keeps it: `cli:<name>`."""
    # Prefixed, for the ledger lifts by itself what "worker" holds.
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container's user often has no name
        return f"cli:{os.getuid()}"
