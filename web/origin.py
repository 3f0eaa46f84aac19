"""Where an HTTP request comes from, for the audit log."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

from ledger.accounts.audit import Origin


def host_of(request: HTTPConnection) -> str:
    """The caller's address: of the connection, or as given by a proxy that uvicorn trusts (`FORWARDED_ALLOW_IPS`).
    Empty where there is none."""
    return request.client.host if request.client else ""


def origin_of(scope: Scope) -> Origin:
    """The address, and the API key that was given, where it is known."""
    client, state = scope.get("client"), scope.get("state", {})
    principal = state.get("principal")
    return Origin(client[0] if client else None, principal.key if principal is not None else state.get("key_prefix"))
