"""Whence an HTTP request comes, as the audit log keeps it."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

from ledger.accounts.audit import Origin


def host_of(request: HTTPConnection) -> str:
    """The address of whoever asks: of the connection, or as a proxy tells it that uvicorn is told to believe
    (`FORWARDED_ALLOW_IPS`). Empty where there is none."""
    return request.client.host if request.client else ""


def origin_of(scope: Scope) -> Origin:
    """The address, and the API key that was shown where we know it."""
    client, state = scope.get("client"), scope.get("state", {})
    principal = state.get("principal")
    return Origin(client[0] if client else None, principal.key if principal is not None else state.get("key_prefix"))
