"""An answer as bytes to save or to send."""

import json
from typing import NamedTuple

from answers.as_json import as_json
from answers.choices import Form, Language, Reader
from answers.facts import Facts
from answers.html import as_html
from answers.pdf import as_pdf
from answers.writing import write

MEDIA_TYPES = {
    Form.HTML: "text/html; charset=utf-8",
    Form.PDF: "application/pdf",
    Form.JSON: "application/json",
}


class Style(NamedTuple):
    """For whom, in which language and in which form; `sender`: who answers."""

    reader: Reader = Reader.PERSON
    language: Language = Language.ENGLISH
    form: Form = Form.HTML
    sender: str = ""


def render(facts: Facts, style: Style) -> bytes:
    """The answer. Raises answers.pdf.NoPdfError."""
    document = write(facts, style.reader, style.language, style.sender)
    match style.form:
        case Form.HTML:
            return as_html(document).encode()
        case Form.PDF:
            return as_pdf(document)
        case Form.JSON:
            told = as_json(facts, document, style.reader)
            return json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n"


def file_name(facts: Facts, style: Style) -> str:
    """A name to save it under; it names nobody."""
    line = f"-{facts.line}" if facts.line is not None else ""
    return f"answer-{str(facts.request_id)[:8]}{line}-{style.language}.{style.form}"
