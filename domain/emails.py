"""The syntax of e-mail addresses: plain ones by a pattern, all others by email-validator."""

import re

LONGEST = 320
PLAIN = r"[A-Za-z0-9_+-][A-Za-z0-9_+'-]*(?:\.[A-Za-z0-9_+'-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
"""Most addresses, in ASCII. email-validator accepts every one of up to PLAIN_LONGEST characters."""
PLAIN_LONGEST = 64  # short enough that no part can exceed its own limit
SHAPE = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
"""Roughly the form of an address. Many texts of this form are not valid addresses."""
_PLAIN = re.compile(PLAIN)

_WRAPPED = (
    (re.compile(r"=.*", re.DOTALL), "begins with = as a spreadsheet's formula does: give the address alone"),
    (re.compile(r".*<.*|.*>.*", re.DOTALL), "has < or > in it: give the address alone, as a@example.org"),
    (re.compile(r"\s*mailto:.*", re.DOTALL | re.IGNORECASE), "begins with mailto: give the address alone"),
    (re.compile(r".*[,;]\s*[^\s@]+@.*", re.DOTALL), "holds more than one address: give each person a line"),
    (re.compile(r".*[,;:]\s*", re.DOTALL), "ends with a separator: take it out"),
    (
        re.compile(r"""\s*["'`\u2018-\u201f\u00ab].*@.*|.*@.*["'`\u2018-\u201f\u00bb]\s*""", re.DOTALL),
        "has quotation marks around it: take them out",
    ),
    (re.compile(r".*\.\..*", re.DOTALL), "has two dots in a row: take one out"),
    (re.compile(r"\..*|.*\.@.*|.*@\..*|.*\.", re.DOTALL), "has a dot at the beginning or end of a part: take it out"),
    (re.compile(r".*\s.*", re.DOTALL), "has a space in it: take it out"),
)
"""Common mistakes in an address, and what to do."""
NO_EMAIL = "is not an e-mail address: give one such as a@example.org, or leave it out"


def email_fault(text: str) -> str | None:
    """What is wrong with an e-mail address, and what to do; None where it is valid."""
    if len(text) <= PLAIN_LONGEST and _PLAIN.fullmatch(text):
        return None
    if SHAPE.fullmatch(text) and not _lone_quote(text) and _is_valid(text):
        return None
    return next((problem for form, problem in _WRAPPED if form.fullmatch(text)), NO_EMAIL)


def _lone_quote(text: str) -> bool:
    """Whether one quotation mark is in front only. `'a@example.org` is an address with a spreadsheet's mark for text;
    `'o''b'@example.org` is an address."""
    local = text.partition("@")[0]
    return local.startswith("'") and local.count("'") % 2 == 1


def _is_valid(text: str) -> bool:
    import email_validator  # noqa: PLC0415 - most addresses are plain

    # Special-use domains such as .local are valid here, since companies use them internally. The library's own way to
    # take them is to empty its list.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:  # no name server is asked
        found = email_validator.validate_email(
            text, allow_quoted_local=True, check_deliverability=False, globally_deliverable=False
        )
    except email_validator.EmailSyntaxError:
        return False
    return found.ascii_domain.rpartition(".")[2][-1:].isalpha()
