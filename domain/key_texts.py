"""Secrets in the forms that users have them: random bytes in base64 or hexadecimal, or a text handed out by a
vendor."""

import re
from base64 import b64decode
from binascii import Error as Base64Error

KEY_BYTES = 32
PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""The prefix of a secret that signs webhooks. https://www.standardwebhooks.com, read 2026-11."""
WRAPPED_AT = (64, 76)
"""`openssl` and `base64` break their output into lines of these lengths. A line this long is no complete secret that
another one could follow within 64 bytes."""
_HEX = re.compile(r"[0-9A-Fa-f]+")
_BLANKS = " \t\r\n\v\f\u00a0\ufeff"
_QUOTES = "'\""
_STANDARD = str.maketrans("-_", "+/")


def read_keys(text: str, name: str) -> list[bytes]:
    """Read keys of 32 bytes, separated by commas: each in base64, standard or URL-safe, padded or not, or in
    hexadecimal.

    Raises ValueError, which gives `name` and the position of an unreadable key, never the key.
    """
    keys = []
    for position, item in enumerate(_bare(text).split(","), start=1):
        bare = _bare(item)
        # 64 hexadecimal digits would be 48 bytes in base64, so no key can be read in two ways.
        raw = bytes.fromhex(bare) if len(bare) == 2 * KEY_BYTES and _HEX.fullmatch(bare) else _from_base64(bare)
        if len(raw) != KEY_BYTES:
            raise ValueError(f"{name} {position} is not {KEY_BYTES} bytes in base64 or hexadecimal")
        keys.append(raw)
    return keys


def read_signing_secret(text: str) -> bytes:
    """Read the bytes of a `whsec_…` secret, in any base64. Hexadecimal is not accepted: much of it is base64 of other
    bytes.

    Raises ValueError, which never quotes the secret.
    """
    bare = _bare(text)
    # Two secrets without a separator could be read as one, because `_` is a character of base64.
    one = bare.startswith(PREFIX) and bare.count(PREFIX) == 1
    raw = _from_base64(bare.removeprefix(PREFIX)) if one else b""
    if len(raw) not in SECRET_BYTES:
        raise ValueError(f"a secret is {PREFIX} and 24 to 64 random bytes in base64, standard or URL-safe")
    return raw


def refuse_pasted(text: str) -> str:
    """Return a secret made by somebody else, which may be any text. Raises ValueError, which never quotes it, where
    blanks or quotation marks were pasted along with it."""
    if not text or _bare(text) != text:
        raise ValueError("must be given as it was handed out, without blanks, line breaks or quotation marks around it")
    return text


def _bare(text: str) -> str:
    """Strip blanks, and quotation marks that a settings file should have removed."""
    text = text.strip(_BLANKS)
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1].strip(_BLANKS) if quoted else text


def _from_base64(text: str) -> bytes:
    """Decode base64; nothing where any character is not base64. Two secrets without a comma between them must not be
    read as one."""
    *lines, last = text.split() or [""]
    if lines and not (len(lines[0]) in WRAPPED_AT and {len(line) for line in lines} == {len(lines[0])}):
        return b""
    given = "".join([*lines, last])
    bare = given.rstrip("=")
    padding = "=" * (-len(bare) % 4)
    if given not in {bare, bare + padding}:
        return b""
    try:
        return b64decode(bare.translate(_STANDARD) + padding, validate=True)
    except (Base64Error, ValueError):
        return b""
