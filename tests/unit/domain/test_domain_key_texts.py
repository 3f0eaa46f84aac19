"""Secrets as texts: which are read as what, and which are refused without being quoted."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from domain.key_texts import KEY_BYTES, read_keys, read_signing_secret, refuse_pasted
from tests.table_rows import each_row

RAW = bytes([0xFB, 0xFF, 0xBE]) * 22  # every character differs between the two alphabets
KEY = RAW[:KEY_BYTES]
STANDARD, URL_SAFE = b64encode(KEY).decode(), urlsafe_b64encode(KEY).decode()


def wrapped(raw: bytes, at: int) -> str:
    text = b64encode(raw).decode()
    return "\n".join(text[place : place + at] for place in range(0, len(text), at))


@each_row(
    "text",
    [
        *(STANDARD, URL_SAFE, STANDARD.rstrip("="), URL_SAFE.rstrip("="), KEY.hex(), KEY.hex().upper()),
        *(f" {STANDARD}\r\n", f'"{STANDARD}"', f"' {STANDARD} '", f"\ufeff{STANDARD}\u00a0"),
    ],
)
def test_a_key_is_read_in_every_form(text: str) -> None:
    assert read_keys(text, "key") == [KEY]
    assert read_keys(f"{text}, {KEY.hex()}", "key") == [KEY, KEY]


@each_row(
    "text",
    [
        *("", '"', "'", f'"{STANDARD}', f"\"{STANDARD}'", KEY.hex()[:-1], KEY.hex() + "00", f"0x{KEY.hex()}"),
        *(STANDARD[:-1] + "==", STANDARD + "=", f"={STANDARD}", STANDARD[:-3], f"{STANDARD[:20]} {STANDARD[20:]}"),
        *("é" * 43, STANDARD[:-2] + "!="),
    ],
)
def test_what_is_no_key_is_told_by_its_name_and_position(text: str) -> None:
    with pytest.raises(ValueError, match=r"^other key 2 is not 32 bytes in base64 or hexadecimal$"):
        read_keys(f"{KEY.hex()},{text}", "other key")


@each_row("size", [24, 25, 26, 32, 48, 49, 63, 64])
def test_a_signing_secret_is_its_bytes_in_any_base64(size: int) -> None:
    raw = RAW[:size]
    for text in (
        b64encode(raw).decode(),
        urlsafe_b64encode(raw).decode().rstrip("="),
        wrapped(raw, 64),
        wrapped(raw, 76),
    ):
        assert read_signing_secret(f" whsec_{text}\n") == raw
        assert read_signing_secret(f'"whsec_{text}"') == raw


def secret(raw: bytes) -> str:
    return f"whsec_{b64encode(raw).decode()}"


@each_row(
    "text",
    [
        *("", "whsec_", STANDARD, "topsecret", f"whsec_{RAW[:49].hex()}", f"whsec_{RAW[:64].hex()}"),
        *(secret(RAW[:1]), secret(RAW[:23]), secret(RAW[:65]), f"x{secret(KEY)}", secret(RAW[:24]) * 2),
        *("\n".join([secret(RAW[:24])] * 2), secret(RAW[:24]) + " " + b64encode(RAW[:24]).decode()),
        f"whsec_{wrapped(RAW[:48], 32)}",  # no program breaks lines there: these are two
        f"whsec_{wrapped(RAW[:64], 4)}",
    ],
)
def test_what_is_no_signing_secret_is_refused_and_not_quoted(text: str) -> None:
    told = r"^a secret is whsec_ and 24 to 64 random bytes in base64, standard or URL-safe$"
    with pytest.raises(ValueError, match=told):
        read_signing_secret(text)


def test_a_secret_made_by_somebody_else_may_be_any_text() -> None:
    for text in ("topsecret", "two words", "it's", 'a"b', "=", "'"):
        assert refuse_pasted(text) == text


@each_row("text", ["", " topsecret", "topsecret\n", '"topsecret"', "'topsecret'", "\ufefftopsecret", "''"])
def test_what_was_pasted_along_is_told(text: str) -> None:
    told = r"^must be given as it was handed out, without blanks, line breaks or quotation marks around it$"
    with pytest.raises(ValueError, match=told):
        refuse_pasted(text)
