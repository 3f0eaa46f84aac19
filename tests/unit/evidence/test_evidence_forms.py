"""Notes, checkpoints, proofs, tiles, keys and envelopes: as their specifications have them, and nothing else."""

import sys
from base64 import b64decode, b64encode
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import checkpoint, dsse, note
from evidence.canonical import canonical
from evidence.checkpoint import Checkpoint
from evidence.keys import KeyTextError, PublicKey, SigningKey, read_public_keys, read_signing_keys
from evidence.merkle import ProofError, complete_in, inclusion_path, leaf_hash, root_of
from evidence.note import NoteError
from evidence.proof import Proof
from evidence.tiles import BundleError, bundle, entries_in, path_of, tiles_of
from tests.examples import examples

KEY, OTHER = SigningKey(b"k" * 32), SigningKey(b"o" * 32)
ORIGIN = "consent.example/log"
ENTRIES = [b"entry %d" % number for number in range(5)]
HASHES = [leaf_hash(entry) for entry in ENTRIES]
SIGNED = Checkpoint(ORIGIN, 5, root_of(HASHES)).signed(KEY)
PROOF = Proof(3, tuple(inclusion_path(3, 5, complete_in(HASHES))), SIGNED, b"extra")
# From the documentation of golang.org/x/mod/sumdb/note, the reference implementation.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS_NOTE = (
    PETERS_TEXT + "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_the_reference_implementation_is_verified() -> None:
    assert note.verify(PETERS_NOTE, "PeterNeumann", read_public_keys(PETER)) == PETERS_TEXT


def test_a_key_has_the_form_of_the_reference_implementation() -> None:
    (peter,) = read_public_keys(PETER)
    assert peter.vkey("PeterNeumann") == PETER
    assert read_public_keys(KEY.public.pem() + OTHER.public.pem()) == [KEY.public, OTHER.public]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER[:-4],
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n"
        "q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyTextError):
        read_public_keys(text)


def test_signing_keys_are_read_newest_first_and_never_shown() -> None:
    text = ",".join(b64encode(one.seed).decode() for one in (KEY, OTHER))
    assert read_signing_keys(text) == [KEY, OTHER]
    assert read_signing_keys(" ") == []
    assert "k" * 8 not in repr(KEY)
    with pytest.raises(ValueError, match="signing key 2"):
        read_signing_keys(text[:-3])


def test_a_checkpoint_is_believed_by_its_key_alone() -> None:
    assert checkpoint.verified(SIGNED, [OTHER.public, KEY.public], ORIGIN).size == 5
    for keys, origin in (([OTHER.public], None), ([], None), ([KEY.public], "another.example")):
        with pytest.raises(NoteError):
            checkpoint.verified(SIGNED, keys, origin)


def test_signatures_of_others_are_passed_over() -> None:
    """As of a witness, or of the log's next key."""
    also = note.sign(note.parse(SIGNED).text, "witness.example", OTHER).rpartition("\n\n")[2]
    assert checkpoint.verified(SIGNED + also, [KEY.public]).root == root_of(HASHES)
    with pytest.raises(NoteError):
        checkpoint.verified(SIGNED.rpartition("\n\n")[0] + "\n\n" + also, [KEY.public])


@pytest.mark.parametrize("text", ["", "\n1\n", "log\n01\n", "log\n-1\n", "log\n1", "log\n1\nAAAA\n", "log\n1\n\n"])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        checkpoint.read(text)


def test_a_proof_reads_as_it_was_written() -> None:
    assert Proof.parse(PROOF.text()) == PROOF
    assert PROOF.check(ENTRIES[3], [KEY.public]).size == 5
    alone = Proof(0, (), Checkpoint(ORIGIN, 1, HASHES[0]).signed(KEY))
    assert Proof.parse(alone.text()) == alone
    assert alone.check(ENTRIES[0], [KEY.public]).root == HASHES[0]


@settings(max_examples=examples(200))
@given(st.integers(0, len(PROOF.text().encode()) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_proof_is_found(place: int, by: int) -> None:
    raw = bytearray(PROOF.text().encode())
    raw[place] ^= by
    try:
        changed = Proof.parse(raw.decode())
        changed.check(ENTRIES[3], [KEY.public])
    except (ProofError, UnicodeDecodeError):
        return
    assert changed.extra != PROOF.extra  # which nothing vouches for
    assert changed.text() == raw.decode()


ENVELOPE = dsse.seal("application/test", b'{"is":"so"}', KEY)


def test_an_envelope_signs_what_the_specification_says() -> None:
    """The example of the protocol's test vectors."""
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.open_envelope(ENVELOPE, "application/test", [OTHER.public, KEY.public]) == b'{"is":"so"}'


@settings(max_examples=examples(200))
@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_an_envelope_is_found(place: int, by: int) -> None:
    raw = bytearray(ENVELOPE)
    raw[place] ^= by
    with pytest.raises(dsse.EnvelopeError):
        dsse.open_envelope(bytes(raw), "application/test", [KEY.public])


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{}", b'{"payload":1}', ENVELOPE + b" ", ENVELOPE[:-1]])
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(dsse.EnvelopeError):
        dsse.open_envelope(raw, "application/test", [KEY.public])


def test_an_envelope_of_another_type_or_key_is_refused() -> None:
    for kind, key in (("application/other", KEY), ("application/test", OTHER)):
        with pytest.raises(dsse.EnvelopeError):
            dsse.open_envelope(ENVELOPE, kind, [key.public])


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        ((0, 1234067, 256), "tile/0/x001/x234/067"),
        ((0, 0, 256), "tile/0/000"),
        (("entries", 999, 3), "tile/entries/999.p/3"),
        ((1, 1000, 256), "tile/1/x001/000"),
    ],
)
def test_paths_are_those_of_the_specification(given_: tuple[int, int, int], path: str) -> None:
    assert path_of(*given_) == path


def test_a_log_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    tiles = list(tiles_of(70_000))
    full = [sum(width == 256 for level, _, width in tiles if level == one) for one in range(3)]
    assert full == [273, 1, 0]
    assert [one for one in tiles if one[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_a_bundle_reads_as_it_was_written(entries: list[bytes]) -> None:
    raw = bundle(entries)
    assert entries_in(raw) == entries
    if raw and entries[-1]:
        with pytest.raises(BundleError):
            entries_in(raw[:-1])


def test_public_keys_do_not_sign_for_each_other() -> None:
    assert PublicKey(KEY.public.raw).has_signed(b"text", KEY.sign(b"text"))
    assert not OTHER.public.has_signed(b"text", KEY.sign(b"text"))
    assert not KEY.public.has_signed(b"text", b"short")


def test_canonical_json_is_that_of_rfc_8785() -> None:
    """The example of its section 3.2.2, without its numbers."""
    assert rfc8785.dumps({"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [None, True, False]}) == (
        b'{"literals":[null,true,false],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126)), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(60))
@given(st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126)), VALUES, max_size=4))
def test_entries_are_written_as_the_library_writes_them(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


if sys.version_info >= (3, 12):  # which this one needs
    import aics_tlog

    def test_another_implementation_reads_ours() -> None:
        theirs = aics_tlog.verify_checkpoint(
            aics_tlog.parse_note(SIGNED), aics_tlog.parse_vkey(KEY.public.vkey(ORIGIN)), [], quorum=0
        )
        assert theirs.ok
        assert aics_tlog.parse_checkpoint(note.parse(SIGNED).text).root == root_of(HASHES)
        assert aics_tlog.verify_leaf_inclusion(ENTRIES[3], 3, 5, list(PROOF.path), root_of(HASHES))
        assert b64decode(PROOF.text().split("\n")[1][6:]) == b"extra"
