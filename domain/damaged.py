"""Identifiers damaged by a spreadsheet, or by a program that read them as numbers or dates.

The original is lost or hidden, so what is left does not find the person. Hardly any system gives its customers
identifiers of these forms. A real one can be submitted by allowing it (`domain.allowances`).
"""

import re

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"

FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        # Only with a plus sign or a decimal separator, as programs write it: `12E3` may be a hexadecimal id.
        "was made a number in scientific notation (such as 1.2E+11) by a spreadsheet: its last digits are lost",
        re.compile(r"[+-]?(\d+[.,]\d+e[+-]?\d{1,4}|\d+e[+-]\d{1,4})", re.IGNORECASE),
    ),
    ("was made a decimal number by a program: it ends in .0", re.compile(r"[+-]?\d+[.,]0+")),
    ("was made a number with separators by a spreadsheet", re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")),
    (
        "was made a date by a spreadsheet",
        re.compile(
            # Mar-26 with a capital letter, as spreadsheets write it: jan-12 may be a user name.
            rf"\d{{1,2}}[-/ ](?i:{_MONTH})([-/ ]\d{{2,4}})?|{_MONTH}-\d{{2}}"
            r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{4}[-/]\d{2}[-/]\d{2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?)?"
        ),
    ),
    ("begins with = as a spreadsheet's formula does", re.compile(r"=.*")),
    (
        # In Spanish with an inverted exclamation mark in front too. "Not available" has no mark behind it in many
        # languages.
        "is a spreadsheet's error",
        re.compile(
            r"#[\u00a1\u00bf]?[^\W_][\w/ ]*[!?]|#+|err:\d{3}"
            r"|#(n/[abd]|nv|i/t|\u043d/\u0434|hi\u00e1nyzik|getting_data)",
            re.IGNORECASE,
        ),
    ),
    (
        "has a quotation mark in front that a spreadsheet set",
        re.compile(r"""['\u2018\u2019\u00b4`][-+.,/ 0-9]*[1-9][-+.,/ 0-9]*"""),
    ),
    (
        "has quotation marks around it",
        re.compile(
            r"""(["'\u2018\u2019\u201c-\u201f\u00ab\u00bb])[\w.@-]{4,}(["'\u2018\u2019\u201c-\u201f\u00ab\u00bb])"""
        ),
    ),
)
"""The kinds of damage, each with the pattern that recognises it."""


def damage_of(text: str) -> str | None:
    """What damaged an identifier; None where it looks undamaged."""
    text = text.strip()
    if text.isascii() and not _MAY_BE_DAMAGED.fullmatch(text):  # nearly all: one pattern instead of one for each form
        return None
    return next((what for what, form in FORMS if form.fullmatch(text)), None)


MAY_BE_DAMAGED = (
    rf"[^0-9A-Za-z].*|[0-9]++(?:[-+.,:/ ][-+.,:/ 0-9TZ]*|(?:[.,][0-9]++)?[eE].*|[-/ ](?i:{_MONTH}).*)"
    rf"|{_MONTH}-.*|(?i:err):.*"
)
"""A pattern that matches every ASCII text that `damage_of` finds damaged, and few others. It checks many at once."""
_MAY_BE_DAMAGED = re.compile(MAY_BE_DAMAGED)
