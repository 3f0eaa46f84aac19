"""An answer from facts: for this reader, in this language."""

from answers.catalogue import catalogue
from answers.choices import Language, Reader
from answers.document import Document
from answers.facts import Facts
from answers.for_person import write_for_person
from answers.for_regulator import write_for_regulator


def write(facts: Facts, reader: Reader, language: Language, sender: str = "") -> Document:
    """The document. `sender`: who answers, as CONSENT_ANSWER_SENDER names them."""
    writer = write_for_person if reader is Reader.PERSON else write_for_regulator
    return writer(catalogue(language), facts, sender)
