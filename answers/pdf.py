"""An answer as a PDF to send or to print: PDF/A-2a and PDF/UA-1, the same bytes for the same document. It needs the
extra `pdf`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from answers.document import Document, each_text
from answers.printable import printable

if TYPE_CHECKING:
    from typst import Fonts

HOW_TO_INSTALL = 'PDF needs an extra: pip install "consent-worker[pdf]"'


class NoPdfError(Exception):
    """The extra `pdf` is not installed. The message says how to."""

    def __init__(self) -> None:
        super().__init__(HOW_TO_INSTALL)


def can_make_pdf() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("typst", "pylopdf_fonts_ko", "segno"))


def as_pdf(document: Document) -> bytes:
    """The PDF. Raises NoPdfError."""
    if not can_make_pdf():
        raise NoPdfError
    from segno import make_qr
    from typst import compile as typeset

    return typeset(
        _template(),
        format="pdf",
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={
            "document": json.dumps(asdict(each_text(document, printable))),
            "code": make_qr(document.proof, error="m").svg_inline(border=1) if document.proof else "",
        },
        pdf_standards=["a-2a", "ua-1"],
        timestamp=datetime.fromisoformat(document.date).replace(tzinfo=UTC),
    )


@cache
def _template() -> bytes:
    return (resources.files("answers") / "templates" / "answer.typ").read_bytes()


@cache
def _fonts() -> "Fonts":
    from pylopdf_fonts_ko import serif_path
    from typst import Fonts

    folder: Path = serif_path().parent
    return Fonts(include_system_fonts=False, font_paths=[str(folder)])
