"""One page says where everything is, all links lead somewhere, and no page mentions what its readers do not have."""

import re
from pathlib import Path

from ledger.rights import TABLES
from tests.table_rows import each_row

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
OF_TICKETS = re.compile(r"\b(?:issue #?\d|goal \d|ticket \d|(?:the|an|this) issue\b|(?:DESIGN|LAYOUT|STYLE)\.md)")
GENERATED = re.compile(r"<!-- begin .*?<!-- end \w+ -->\n", re.DOTALL)
SCREEN = 55
"""Lines."""


def links(page: Path) -> list[tuple[Path, str]]:
    """The file and the heading that each link of a page leads to; no heading is empty."""
    found = LINK.findall(page.read_text("utf-8"))
    return [((page.parent / target).resolve() if target else page, heading) for target, heading in found]


def linked(page: Path) -> set[Path]:
    return {target for target, _ in links(page)}


def headings(page: Path) -> set[str]:
    """As GitHub names them in addresses."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(page.read_text("utf-8")))
    return {title.strip().replace(" ", "-") for title in titles} | {""}


def test_one_page_says_where_everything_is() -> None:
    pages = {page.resolve() for page in DOCS.glob("*.md")} - {DOCS / "README.md"}
    folders = {folder.resolve() for folder in DOCS.iterdir() if folder.is_dir()} - {DOCS / "performance"}
    assert pages | folders <= linked(DOCS / "README.md")
    assert (DOCS / "README.md") in linked(ROOT / "README.md")


@each_row("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    nowhere = [
        f"{target.relative_to(ROOT)}#{heading}"
        for target, heading in links(page)
        if not target.exists() or (target.suffix == ".md" and heading not in headings(target))
    ]
    assert nowhere == []


def test_it_is_said_of_every_table_what_is_in_it_and_until_when() -> None:
    told = (DOCS / "security.md").read_text("utf-8").partition("## Table by table")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in told.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row[1])) == sorted(TABLES)
    assert all(text.strip() for row in rows for text in row[1:4])


def test_nobody_reads_of_tickets() -> None:
    code = [*(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    sources = [path for path in code if path != Path(__file__)]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in (*PAGES, *sources)
        for match in OF_TICKETS.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_the_readme_is_one_screen_and_a_half() -> None:
    by_hand = GENERATED.sub("", (ROOT / "README.md").read_text("utf-8"))
    assert len(by_hand.splitlines()) <= 1.5 * SCREEN
