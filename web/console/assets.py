"""What pages load beside their HTML: styles, scripts and icons, all of them ours to serve."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from web.problems import Problem

HERE = files("web.console")
SERVED: Mapping[str, Traversable] = MappingProxyType(
    {
        "open-props.css": HERE / "vendored" / "open-props.min.css",
        "console.css": HERE / "static" / "console.css",
        "uplot.css": HERE / "vendored" / "uplot.min.css",
        "uplot.js": HERE / "vendored" / "uplot.min.js",
        "charts.js": HERE / "static" / "charts.js",
        "swagger-ui.css": HERE / "vendored" / "swagger-ui.css",
        "swagger-ui.js": HERE / "vendored" / "swagger-ui.js",
        "docs.css": HERE / "static" / "docs.css",
        "docs.js": HERE / "static" / "docs.js",
        "htmx.js": HERE / "vendored" / "htmx.min.js",
        "console.js": HERE / "static" / "console.js",
        "live.js": HERE / "static" / "live.js",
        "session.js": HERE / "static" / "session.js",
        "once.js": HERE / "static" / "once.js",
        "mark.svg": HERE / "static" / "mark.svg",
    }
)
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
)
FOR_A_YEAR = "public, max-age=31536000, immutable"
"""They are not personal, and their address changes with their content."""

router = APIRouter(include_in_schema=False)


@cache
def _content(name: str) -> tuple[str, bytes]:
    body = SERVED[name].read_bytes()
    return sha256(body).hexdigest()[:16], body


def address_of(name: str) -> str:
    """Where a page finds this asset; another content has another address."""
    return f"/assets/{_content(name)[0]}/{name}"


@cache
def icon(name: str) -> Markup:
    """An icon of the set, to stand in a page as it is; it says nothing to anyone who cannot see it."""
    drawn = (HERE / "vendored" / "lucide" / f"{name}.svg").read_text()
    inner = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")].strip()
    return Markup(  # noqa: S704 - a file of ours
        '<svg class="icon" viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor" '
        'stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        f"{inner}</svg>"
    )


@router.get("/assets/{digest}/{name}")
async def asset(digest: str, name: str) -> Response:
    """An asset, open to everybody: it tells nothing of anybody."""
    if name not in SERVED or digest != _content(name)[0]:
        raise Problem(404, "not-found", "there is nothing of this name here")
    media_type = MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(_content(name)[1], media_type=media_type, headers={"Cache-Control": FOR_A_YEAR})
