"""The user at the command line."""

import os
import pwd


def who() -> str:
    """The operating system's user in the ledger's form: `cli:<name>`."""
    # With a prefix, because the ledger itself lifts holds made by "worker".
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container's user often has no name
        return f"cli:{os.getuid()}"
