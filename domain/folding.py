"""The form in which identifiers are compared: two spellings of one identifier are one person.

Only compared so, in fingerprints. What is sent to a vendor is what was given.
"""

from unicodedata import normalize

import idna


def fold(kind: str, value: str) -> str:
    """The form of an identifier in which it is compared. `kind` is its field: `user_id`, `email`, `phone_number`, or a
    vendor's own, such as `insider_id`."""
    return fold_email(value) if kind == "email" else fold_identifier(value)


def fold_identifier(text: str) -> str:
    """In Unicode's NFC: `é` is one letter, whether it was written as one character or as two. Capitals stay, for
    systems tell them apart."""
    return text if text.isascii() else normalize("NFC", text)


def fold_email(email: str) -> str:
    """In NFC and lower case, the domain as IDNA writes it (`exämple.org` is `xn--exmple-cua.org`).

    Not case folded: that makes ss of ß, and one person of two.
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
    except idna.IDNAError:  # no domain: intake refuses it, but records of earlier rules and vendors may have it
        return domain
