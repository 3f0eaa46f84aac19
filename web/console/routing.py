"""What marks a route as one of the console: its problems are told as pages."""

from fastapi import APIRouter
from fastapi.routing import APIRoute


class PageRoute(APIRoute):
    """A route that answers with a page."""


def page_router() -> APIRouter:
    """A router of pages. They are not part of the API's document."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)
