"""Encryption of what the ledger keeps of people."""

from base64 import urlsafe_b64encode
from hashlib import blake2b
from itertools import cycle
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.key_texts import KEY_BYTES
from ledger.sealing import (
    KEY_ID_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    Fingerprinter,
    MasterKeys,
    SealingKey,
    UnsealError,
    generate_master_key,
    passing_fingerprinter,
)
from tests.table_rows import each_row

PLAIN = b'{"user_id":"jane-4711"}'
KEY = SealingKey.generate()


@given(plain=st.binary(max_size=300), context=st.binary(max_size=40))
def test_what_was_sealed_can_be_opened(plain: bytes, context: bytes) -> None:
    assert KEY.open(KEY.seal(plain, context), context) == plain


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    sealed = {KEY.seal(PLAIN, b"here") for _ in range(100)}
    assert len(sealed) == 100
    assert len({one[:NONCE_BYTES] for one in sealed}) == 100
    assert not any(b"jane" in one for one in sealed)


@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=20)), max_size=6))
def test_many_are_sealed_as_one_is_each_for_its_own_place(pairs: list[tuple[bytes, bytes]]) -> None:
    plains, contexts = [plain for plain, _ in pairs], [context for _, context in pairs]
    sealed = KEY.seal_all(plains, contexts)
    assert [KEY.open(one, context) for one, context in zip(sealed, contexts, strict=True)] == plains
    assert KEY.open_all(sealed, contexts) == plains
    assert len({one[:NONCE_BYTES] for one in sealed}) == len(pairs), "a nonce is used twice"


@pytest.mark.parametrize("contexts", [[b"1"], [b"1", b"2", b"3"]])
def test_many_need_a_place_each(contexts: list[bytes]) -> None:
    with pytest.raises(ValueError, match="argument"):
        KEY.seal_all([PLAIN, PLAIN], contexts)
    with pytest.raises(UnsealError, match=r"^cannot be opened with these keys$"):
        KEY.open_all(KEY.seal_all([PLAIN, PLAIN], [b"1", b"2"]), contexts)


def test_one_that_cannot_be_opened_is_told_without_what_it_is() -> None:
    with pytest.raises(UnsealError, match=r"^cannot be opened with these keys$") as told:
        KEY.open_all([KEY.seal(PLAIN, b"1"), KEY.seal(PLAIN, b"2")], [b"1", b"1"])
    assert told.value.__suppress_context__


def test_it_opens_in_its_own_place_only() -> None:
    with pytest.raises(UnsealError):
        KEY.open(KEY.seal(PLAIN, b"subject:1:1"), b"subject:1:2")


def test_it_opens_with_its_own_key_only() -> None:
    with pytest.raises(UnsealError):
        SealingKey.generate().open(KEY.seal(PLAIN, b""), b"")


@given(data=st.data())
def test_every_bit_counts(data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(PLAIN, b"here"))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(UnsealError):
        KEY.open(bytes(sealed), b"here")


@given(st.binary(max_size=60))
def test_what_was_never_sealed_is_refused(junk: bytes) -> None:
    with pytest.raises(UnsealError):
        KEY.open(junk, b"")
    with pytest.raises(UnsealError):
        MasterKeys([KEY.raw]).open(junk, b"")


@given(data=st.data())
def test_every_bit_of_what_a_master_key_sealed_counts(data: st.DataObject) -> None:
    masters = MasterKeys([KEY.raw])
    sealed = bytearray(masters.seal(PLAIN, b"here"))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(UnsealError):
        masters.open(bytes(sealed), b"here")


def test_a_master_key_seals_each_value_under_a_key_of_its_own() -> None:
    """So the same nonce twice tells nothing, and no number of values is too many."""
    masters = MasterKeys([KEY.raw])
    with patch(
        "os.urandom",
        side_effect=cycle([b"\1" * SALT_BYTES, b"\0" * NONCE_BYTES, b"\2" * SALT_BYTES, b"\0" * NONCE_BYTES]),
    ):
        one, other = masters.seal(PLAIN, b"here"), masters.seal(PLAIN, b"here")
    assert one[KEY_ID_BYTES + SALT_BYTES :][:NONCE_BYTES] == other[KEY_ID_BYTES + SALT_BYTES :][:NONCE_BYTES]
    assert one[-len(PLAIN) - 16 :] != other[-len(PLAIN) - 16 :]
    assert masters.open(one, b"here") == masters.open(other, b"here") == PLAIN


def test_what_a_master_key_sealed_needs_that_key_and_not_its_id_alone() -> None:
    sealed = MasterKeys([KEY.raw]).seal(PLAIN, b"here")
    another = MasterKeys([SealingKey.generate().raw])
    with pytest.raises(UnsealError):
        another.open(another.ids[0] + sealed[KEY_ID_BYTES:], b"here")


def test_a_master_key_can_be_changed_without_a_stop() -> None:
    old, new = generate_master_key(), generate_master_key()
    before = MasterKeys.parse(old)
    sealed = before.seal(PLAIN, b"here")
    both = MasterKeys.parse(f"{new}, {old}")
    assert both.open(sealed, b"here") == PLAIN
    renewed = both.seal(PLAIN, b"here")
    assert renewed[:KEY_ID_BYTES] != sealed[:KEY_ID_BYTES]
    assert MasterKeys.parse(new).open(renewed, b"here") == PLAIN
    missing = "^the master key that sealed this is not among those given$"
    with pytest.raises(UnsealError, match=missing):
        before.open(renewed, b"here")
    with pytest.raises(UnsealError, match=missing):
        MasterKeys.parse(new).open(sealed, b"here")


def test_what_earlier_versions_have_sealed_and_printed_is_still_known() -> None:
    raw = bytes(range(KEY_BYTES))
    assert MasterKeys([raw]).seal(PLAIN, b"")[:KEY_ID_BYTES].hex() == "2c2bfcbc596c46a9"
    under_the_key_itself = bytes.fromhex(
        "2c2bfcbc596c46a9a149e08ef77cadee3fd5e041af67942874fd12a3d7a583bbb5f4d1301f272350c71799e57d918e597a3ead65ca39435f0c499c"
    )
    under_a_subkey = bytes.fromhex(
        "2c2bfcbc596c46a9" + "00" * (SALT_BYTES + NONCE_BYTES) + "609a71bb3666315f3c93fc20c8fbbc5d"
        "86e660ed891f1b7dc63987695e5ba50df2309401014a9d"
    )
    for sealed in (under_the_key_itself, under_a_subkey):
        assert MasterKeys([raw]).open(sealed, b"subject:1:2") == PLAIN
    assert Fingerprinter(raw).print_of(b"email", b"a@example.org").hex() == "eb4a105b3ba1c00660b436a472931f18"


def test_a_master_key_binds_to_a_place_too() -> None:
    masters = MasterKeys.parse(generate_master_key())
    with pytest.raises(UnsealError):
        masters.open(masters.seal(PLAIN, b"data-key:1"), b"data-key:2")


GOOD = urlsafe_b64encode(bytes(range(KEY_BYTES))).decode()  # always the same: it is in the names of tests


@each_row(
    ("text", "position"),
    [
        ("", 1),
        (",", 1),
        ("topsecret", 1),
        (f"{GOOD},topsecret", 2),
        (f"{GOOD},", 2),
        (f"{GOOD},{GOOD}topsecret", 2),
        (f"{GOOD}{GOOD}", 1),
        (f"{GOOD} {GOOD}", 1),
        (f"{GOOD[:-4]}", 1),
        ("töpsecret" * 5, 1),
        ("topsecret!" * 5, 1),
        (f"{GOOD},{GOOD},topsecret", 3),
    ],
)
def test_a_key_that_cannot_be_read_is_told_by_its_position_and_never_quoted(text: str, position: int) -> None:
    with pytest.raises(
        ValueError, match=f"^master key {position} is not {KEY_BYTES} bytes in base64 or hexadecimal$"
    ) as told:
        MasterKeys.parse(text)
    assert told.value.__suppress_context__ or told.value.__context__ is None


def test_no_keys_at_all() -> None:
    with pytest.raises(ValueError, match=r"^at least one master key is needed$"):
        MasterKeys([])


def test_no_repr_shows_a_key() -> None:
    raw = b"secret--" * 4
    text = urlsafe_b64encode(raw).decode()
    masters = MasterKeys.parse(text)
    shown = f"{masters!r} {SealingKey(raw)!r} {Fingerprinter(raw)!r} {masters}"
    assert "secret" not in shown
    assert text[:8] not in shown
    assert raw.hex()[:8] not in shown


def test_prints_are_equal_for_equals_only() -> None:
    prints = Fingerprinter(b"k" * 32)
    assert prints.print_of(b"email", b"a@example.org") == prints.print_of(b"email", b"a@example.org")
    others = {
        prints.print_of(b"email", b"b@example.org"),
        prints.print_of(b"user_id", b"a@example.org"),
        Fingerprinter(b"l" * 32).print_of(b"email", b"a@example.org"),
        prints.print_of(b"email", b"a@example.org"),
    }
    assert len(others) == 4
    assert {len(one) for one in others} == {16}


def test_a_passing_fingerprinter_has_a_key_that_nobody_knows() -> None:
    prints = [passing_fingerprinter().print_of(b"email", b"a@example.org") for _ in range(2)]
    assert len({*prints, blake2b(b"a@example.org", digest_size=16, person=b"email").digest()}) == 3
    assert len(passing_fingerprinter().key) == KEY_BYTES


def test_the_key_is_hashed_once_for_each_kind() -> None:
    prints = Fingerprinter(b"k" * 32)
    assert prints.printer(b"email") is prints.printer(b"email")
