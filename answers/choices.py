"""What somebody who asks for an answer chooses. It loads nothing, for command lines and pages offer the choices."""

from enum import StrEnum


class Language(StrEnum):
    """A language in which answers are made; there is a catalogue of this name."""

    ENGLISH = "en"
    GERMAN = "de"
    TURKISH = "tr"
    KOREAN = "ko"


class Reader(StrEnum):
    """Whom an answer is for."""

    PERSON = "person"  # Art. 12 and 19 GDPR: plain words, and nothing of anybody else
    REGULATOR = "regulator"  # counts, dates, deeds and exceptions


class Form(StrEnum):
    """The forms of an answer."""

    HTML = "html"
    PDF = "pdf"
    JSON = "json"
