"""The fonts of the PDF have what it calls printable. It takes over a second: all 17,000 characters are set."""

from answers.pdf import as_pdf
from answers.printable import KEPT, LATIN, is_printable
from tests.unit.answers.test_forms import of_texts


def test_the_fonts_have_each_character_that_is_called_printable() -> None:
    every = [chr(code) for code in range(0x20, 0xFFE0) if is_printable(chr(code))]
    assert len(every) > 17_000
    assert {chr(code) for code in LATIN} | KEPT <= {*every, "\n"}
    assert as_pdf(of_texts(*("".join(every[first : first + 80]) for first in range(0, len(every), 80))))
