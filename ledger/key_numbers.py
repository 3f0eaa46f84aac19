"""Expressions: which fingerprint keys there are, and which one a person is fingerprinted by."""

FINGERPRINTS = "fingerprints"
"""The purpose, in `keys`, of the key that fingerprints people. A key that it has replaced has its number behind."""
CHANGES = f"(SELECT changes FROM keys WHERE purpose = '{FINGERPRINTS}')"
"""An expression: `Fingerprinter.changes` as they are now."""


def key_of(person: str) -> str:
    """An expression: the number of the key by which a person (a row with `request_id` and `line`) is fingerprinted."""
    where = f"({person}.request_id, {person}.line)"
    return f"""COALESCE((
        SELECT number FROM keys
        WHERE state = 'reprinting' AND {person}.request_id <= to_request AND {where} > (at_request, at_line)),
        (SELECT number FROM keys WHERE purpose = '{FINGERPRINTS}'), 1)"""
