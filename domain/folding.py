"""The form in which identifiers are compared, so that two spellings of one identifier are one person.

Used in fingerprints only. A vendor is sent the identifier as given.
"""

from unicodedata import normalize

import idna


def fold(kind: str, value: str) -> str:
    """Normalise an identifier for comparison. `kind` is its field: `user_id`, `email`, `phone_number`, or a vendor's
    own, such as `insider_id`."""
    return fold_email(value) if kind == "email" else fold_identifier(value)


def fold_identifier(text: str) -> str:
    """Normalise to Unicode NFC, so that `é` is one letter whether it was written as one character or two. Case is kept,
    because some systems distinguish it."""
    return text if text.isascii() else normalize("NFC", text)


def fold_email(email: str) -> str:
    """Normalise to NFC and lower case, with the domain in IDNA (`exämple.org` is `xn--exmple-cua.org`).

    Case folding would turn ß into ss, and so one person into another.
    """
    email = email.strip().lower()
    if email.isascii():
        return email
    local, at, domain = normalize("NFC", email).rpartition("@")
    return f"{local}{at}{_fold_domain(domain)}"


def _fold_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:  # not a domain: intake refuses it, but records from earlier rules and vendors may contain it
        return domain
