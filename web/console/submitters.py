"""Who may have done something, as addresses of pages name them: never by name, for names may be people's addresses."""

from hashlib import sha256

from ledger.accounts import access
from ledger.session import Connection

SHAPE = "^(me|[0-9a-f]{12})?$"


def principals(connection: Connection) -> dict[str, str]:
    """By a short digest, every key and user that there is."""
    names = {f"key:{one.name}" for one in access.all_keys(connection)}
    names |= {f"user:{one.name}" for one in access.all_users(connection)}
    return {sha256(name.encode()).hexdigest()[:12]: name for name in sorted(names)}
