"""All pages of the console."""

from web.console import assets, attention, new_request, overview, request, request_deeds, requests, sign_in, vendors

ROUTERS = (
    assets.router,
    sign_in.router,
    overview.router,
    requests.router,
    request.router,
    request_deeds.router,
    attention.router,
    vendors.router,
    new_request.router,
)
"""In the order in which they are tried for a path."""
