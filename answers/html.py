"""An answer as a page to print: one file without script, and without a request to anywhere."""

from base64 import b64encode
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from answers.document import Document

STYLE = "answer.css"


@cache
def _environment() -> Environment:
    loader = PackageLoader("answers")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _style() -> str:
    source, _, _ = PackageLoader("answers").get_source(_environment(), STYLE)
    return source


@cache
def _template() -> Template:
    return _environment().get_template("answer.html")


def as_html(document: Document) -> str:
    """The page; the same document makes the same bytes."""
    return _template().render(document=document, style=_style()) + "\n"


@cache
def policy() -> str:
    """The Content-Security-Policy of the page: its own style sheet, and nothing else."""
    digest = b64encode(sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
