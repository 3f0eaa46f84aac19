"""The audit log, page by page. Its filters stand in the address, and no identifier of anybody among them."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from ledger.accounts import audit
from ledger.accounts.audit import Wanted, Written
from web.access.gate import Principal
from web.console.forms import day_of
from web.console.pages import page
from web.console.routing import page_router
from web.console.submitters import SHAPE, principals
from web.context import Context
from web.dependencies import Reader, TheContext

router = page_router()
ON_A_PAGE = 50
LAST = 2**63 - 1
ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "submit": "Submit",
        "retry": "Deliver again",
        "close": "Close by hand",
        "accept": "Accept as unreachable",
        "confirm": "Let run",
        "cancel": "Cancel",
        "extend": "Put off",
        "forget": "Forget",
        "provide": "Provide",
        "people": "Show identifiers",
        "person": "Look a person up (console)",
        "lookup": "Look a person up",
        "vendor": "Vendors",
        "keys": "API keys",
        "user": "Users",
        "webhook": "Receivers",
        "sign-in": "Sign in (console)",
        "session": "Sign in (API)",
    }
)
"""What may be asked for: free words might be somebody's name, and would stand in the address."""
Action = Annotated[str, Query(pattern=f"^({'|'.join(ACTIONS)})?$")]
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")]
Allowed = Literal["", "yes", "no"]
RequestId = Annotated[str, Query(pattern="^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$")]


class Filters(NamedTuple):
    """What somebody looks for; empty texts do not matter."""

    by: str = ""
    action: str = ""
    allowed: str = ""
    since: str = ""
    until: str = ""
    request: str = ""

    def address(self, **more: str) -> str:
        """The page with these filters."""
        given = {name: value for name, value in {**self._asdict(), **more}.items() if value}
        return "/settings/audit" + (f"?{urlencode(given)}" if given else "")

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return any(self)


class Found(NamedTuple):
    """One page of the log."""

    entries: list[Written]
    next: str
    principals: dict[str, str]


@router.get("/settings/audit")
async def show(
    request: Request,
    context: TheContext,
    principal: Reader,
    *,
    by: Annotated[str, Query(pattern=SHAPE)] = "",
    action: Action = "",
    allowed: Allowed = "",
    since: Day = "",
    until: Day = "",
    request_id: Annotated[RequestId, Query(alias="request")] = "",
    after: Annotated[int, Query(ge=1, le=LAST)] = LAST,
) -> Response:
    """Every denial, and every change or look-up, the newest first."""
    filters = Filters(by, action, allowed, since, until, request_id)
    found = await context.reads.run(lambda: _find(context, principal, filters, after))
    return page(
        request,
        "settings_audit.html",
        found=found,
        filters=filters,
        is_older=after != LAST,
        actions=ACTIONS,
        by_options=[("me", "Me"), *found.principals.items()],
    )


def _find(context: Context, principal: Principal, filters: Filters, after: int) -> Found:
    until = day_of(filters.until)
    with context.engine.connect() as connection:
        known = principals(connection)
        named = principal.name if filters.by == "me" else known.get(filters.by, "")
        wanted = Wanted(
            named if filters.by else None,
            filters.action or None,
            UUID(filters.request) if filters.request else None,
            day_of(filters.since),
            until + timedelta(days=1) if until else None,
            allowed=filters.allowed == "yes" if filters.allowed else None,
            before=after,
        )
        entries = audit.entries(connection, wanted, ON_A_PAGE + 1)
    shown = entries[:ON_A_PAGE]
    return Found(shown, str(shown[-1].id) if len(entries) > ON_A_PAGE else "", known)
