"""The syntax of e-mail addresses: plain ones by a pattern, all others by email-validator."""

import re

LONGEST = 320
PLAIN = r"[A-Za-z0-9_+-][A-Za-z0-9_+'-]*(?:\.[A-Za-z0-9_+'-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
"""Addresses as nearly all are, in ASCII. email-validator takes every one of up to PLAIN_LONGEST characters."""
PLAIN_LONGEST = 64  # so neither side of the @, nor a part of the domain, can be too long
SHAPE = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
"""What looks like an address; many such are none."""
_PLAIN = re.compile(PLAIN)

_WRAPPED = (
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
"""What is often wrong with an address, and what to do."""
NO_EMAIL = "is not an e-mail address: give one such as a@example.org, or leave it out"


def email_fault(text: str) -> str | None:
    """What is wrong with an e-mail address, and what to do; None where nothing is."""
    if len(text) <= PLAIN_LONGEST and _PLAIN.fullmatch(text):
        return None
    if SHAPE.fullmatch(text) and not _lone_quote(text) and _is_valid(text):
        return None
    return next((problem for form, problem in _WRAPPED if form.fullmatch(text)), NO_EMAIL)


def _lone_quote(text: str) -> bool:
    """`'a@example.org` is an address with a spreadsheet's sign for text in front; `'o''b'@example.org` is one."""
    local = text.partition("@")[0]
    return local.startswith("'") and local.count("'") % 2 == 1


def _is_valid(text: str) -> bool:
    # Loaded when it is needed: plain addresses are nearly all, and commands should start at once.
    from email_validator import EmailSyntaxError, validate_email  # noqa: PLC0415

    try:
        # An address that is only for inside a company (.local) is one; nothing is asked of any name server.
        found = validate_email(text, allow_quoted_local=True, check_deliverability=False, globally_deliverable=False)
    except EmailSyntaxError:
        return False
    return found.ascii_domain.rpartition(".")[2][-1:].isalpha()
