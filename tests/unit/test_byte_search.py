"""The search for what must not be written finds whatever was planted, in every form."""

from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.byte_search import Found, Search

WORD = "zqx7f3kwmail"
PLANTED = {
    "plain": WORD.encode(),
    "in capitals": WORD.upper().encode(),
    "UTF-16": WORD.encode("utf-16"),
    "UTF-16, the other end first": WORD.encode("utf-16-be"),
    "hexadecimal": WORD.encode().hex().encode(),
    "hexadecimal in capitals": WORD.encode().hex().upper().encode(),
    "a bytea": b"\\x" + WORD.encode().hex().encode(),
    "every character percent-encoded": "".join(f"%{byte:02X}" for byte in WORD.encode()).encode(),
    "backwards": WORD[::-1].encode(),
    "in an address": quote(f"https://shop.example/?who={WORD}@shop.example").encode(),
    **{f"base64 after {n} bytes": b64encode(b"a" * n + WORD.encode() + b"b" * 5) for n in range(7)},
    **{f"base64 for addresses after {n} bytes": urlsafe_b64encode(b"\xff" * n + WORD.encode()) for n in range(3)},
    "base64 of capitals": b64encode(b"?" + WORD.upper().encode()),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_word_is_found(planted: bytes) -> None:
    content = bytes(1_000) + b"some" + planted + b"more\xff"
    assert list(Search((WORD,)).within(content))
    assert not list(Search((f"another{WORD}",), (f"another{WORD}",)).within(content))


def test_files_and_their_names_are_searched_but_for_those_that_are_excepted(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.log").write_bytes(bytes(100) + WORD.encode())
    (tmp_path / "answer.html").write_text(WORD)
    (tmp_path / f"{WORD}.csv").write_text("")
    found = Search(("nothing like it", WORD)).below(tmp_path, excepted=["answer.html"])
    assert found == [Found("inner/a.log", 1, "plain"), Found("the name of ./…", 1, "plain")]


def test_a_word_across_two_pieces_of_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.byte_search.AT_ONCE", 2_048)
    (tmp_path / "large").write_bytes(b"x" * 2_043 + WORD.encode() + b"x" * 5_000)
    assert Search((WORD,)).below(tmp_path)


SECRET = "Xy7-kQ_2Lm+w/9Zt=tail"


@pytest.mark.parametrize(
    "planted",
    [SECRET.encode(), SECRET.encode().hex().encode(), *(b64encode(b"a" * n + SECRET.encode()) for n in range(3))],
)
def test_a_planted_secret_is_found(planted: bytes) -> None:
    assert [one.number for one in Search((WORD,), (SECRET,)).within(b"key=" + planted + b";")] == [1]
