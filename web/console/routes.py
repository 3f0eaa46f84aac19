"""All pages of the console."""

from web.console import (
    accounts,
    answers,
    assets,
    attention,
    audit,
    drafts,
    new_file,
    new_request,
    overview,
    person,
    report,
    request,
    request_deeds,
    requests,
    session_end,
    settings,
    sign_in,
    vendors,
)

ROUTERS = (
    assets.router,
    sign_in.router,
    session_end.router,
    overview.router,
    requests.router,
    request.router,
    request_deeds.router,
    answers.router,
    attention.router,
    vendors.router,
    new_request.router,
    new_file.router,
    drafts.router,
    person.router,
    settings.router,
    accounts.router,
    audit.router,
    report.router,
)
"""In the order in which they are tried for a path."""
