"""What is looked for on every page: findings of axe-core, what does not fit, personal data; and pictures of it."""

import re
from base64 import b64decode
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import CDPSession, Page

AXE = (Path(__file__).parent / "vendored" / "axe.min.js").read_text()
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that a dark page can have of its own."""
SCHEMES: list[tuple[Literal["light", "dark"], dict[str, Any]]] = [("light", RULES), ("dark", COLOURS)]
SHOTS = Path(__file__).parents[2] / "test-results" / "console"
WIDTHS = (1280, 390)
NARROWEST = 320
"""A window of 1,280 at 400 %."""
PERSONAL = re.compile(r"jane|@|\+?8210|private\.example")
DOES_NOT_FIT = """() => [
    ...[...document.querySelectorAll('.card, .tiles a')].filter(one => one.scrollWidth > one.clientWidth + 4),
    ...document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')].filter(
        one => one.getBoundingClientRect().right > innerWidth + 1 && !one.parentElement.closest('.scroll, nav')),
].map(one => one.outerHTML.slice(0, 120))"""
"""What is wider than its card, by more than borders that lie on each other, and what is wider than the window."""


def look_at(page: Page, name: str) -> None:
    """Look at the page that is open, at every width and in both schemes; kept as pictures."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.evaluate(AXE)
    camera = page.context.new_cdp_session(page)
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme, rules in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            (SHOTS / f"{name}-{width}-{scheme}.png").write_bytes(_picture(camera, page))
            found += [f"{width} {scheme}: {one}" for one in findings(page, rules)]
        found += [f"{width}: does not fit: {one}" for one in page.evaluate(DOES_NOT_FIT)]
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    found += [f"{NARROWEST}: does not fit: {one}" for one in page.evaluate(DOES_NOT_FIT)]
    assert not found, f"{name}:\n" + "\n".join(found)
    assert not PERSONAL.search(page.title()), "a title names a person"
    assert not PERSONAL.search(page.url), "an address names a person"


def _picture(camera: CDPSession, page: Page) -> bytes:
    """All of the page. Playwright's own compresses it well, which takes a third of what a picture takes."""
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    how = {"format": "png", "optimizeForSpeed": True, "captureBeyondViewport": True, "clip": clip}
    return b64decode(camera.send("Page.captureScreenshot", how)["data"])


IMPACTS = {"moderate", "serious", "critical"}
"""All that axe-core knows but minor."""


def findings(page: Page, rules: dict[str, Any]) -> list[str]:
    """What axe-core finds on this page that is worse than minor."""
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations'], preload: false, selectors: false})",
        rules,
    )
    return [
        f"{one['id']}: {one['help']} ({node['html'][:200]}) {node['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in IMPACTS
        for node in one["nodes"][:5]
    ]
