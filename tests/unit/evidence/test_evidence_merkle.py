"""Trees: the published test vectors, the words of RFC 9162 as a definition, and implementations of others."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle.proof import verify_inclusion

from evidence.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    check_consistency,
    complete_in,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_by_path,
    root_of,
)

# The leaves and roots of the reference implementation of Certificate Transparency (merkle/testonly/constants.go).
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
BORDERS = [1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 511, 512, 513, 700]


def as_the_rfc_says(hashes: Sequence[bytes]) -> bytes:
    """MTH of section 2.1.1, word for word."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\x01" + as_the_rfc_says(hashes[:k]) + as_the_rfc_says(hashes[k:])).digest()


def some(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_roots_are_those_of_the_reference_implementation(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert root_of(hashes).hex() == ROOTS[size]
    grown = Frontier()
    grown.extend(hashes)
    assert (grown.size, grown.root().hex()) == (size, ROOTS[size])


@pytest.mark.parametrize("size", [0, *BORDERS])
def test_roots_are_what_the_rfc_defines(size: int) -> None:
    grown = Frontier()
    grown.extend(some(size))
    assert root_of(some(size)) == grown.root() == as_the_rfc_says(some(size))


@pytest.mark.parametrize("size", BORDERS)
def test_each_leaf_has_a_path_to_the_root(size: int) -> None:
    hashes = some(size)
    complete, root = complete_in(hashes), root_of(hashes)
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        path = inclusion_path(index, size, complete)
        assert root_by_path(hashes[index], index, size, path) == root
        for other in {0, size - 1} - {index}:
            assert_leads_elsewhere(hashes[index], other, size, path, root)


def assert_leads_elsewhere(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    with suppress(ProofError):
        assert root_by_path(leaf, index, size, path) != root


@pytest.mark.parametrize("size", [1, 2, 3, 8, 255, 256, 257, 513])
def test_another_implementation_agrees(size: int) -> None:
    tree = InmemoryTree(algorithm="sha256")
    entries = [b"entry %d" % number for number in range(size)]
    for entry in entries:
        tree.append_entry(entry)
    hashes = [leaf_hash(entry) for entry in entries]
    assert tree.get_root() == root_of(hashes)
    for index in {0, size // 2, size - 1}:
        theirs = tree.prove_inclusion(index + 1)
        assert [bytes(one) for one in theirs.path][1:] == inclusion_path(index, size, complete_in(hashes))
        verify_inclusion(hashes[index], root_of(hashes), theirs)


@given(st.integers(1, 70), st.integers(1, 70))
def test_a_tree_begins_with_each_earlier_one(one: int, other: int) -> None:
    before, size = sorted((one, other))
    hashes = some(size)
    path = consistency_path(before, size, complete_in(hashes))
    check_consistency(before, size, root_of(hashes[:before]), root_of(hashes), path)
    forged = root_of([leaf_hash(b"forged"), *hashes[1:before]])
    with pytest.raises(ProofError):
        check_consistency(before, size, forged, root_of(hashes), path)


@given(st.integers(2, 60), st.data())
def test_a_path_that_was_changed_leads_nowhere(size: int, data: st.DataObject) -> None:
    hashes = some(size)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, complete_in(hashes))
    place = data.draw(st.integers(0, len(path) - 1))
    change: Any = data.draw(st.sampled_from(["flip", "drop", "twice", "swap"]))
    changed = list(path)
    if change == "flip":
        changed[place] = bytes([changed[place][0] ^ 1]) + changed[place][1:]
    elif change == "drop":
        del changed[place]
    elif change == "twice":
        changed.insert(place, changed[place])
    else:
        changed.reverse()
    if changed != path:
        assert_leads_elsewhere(hashes[index], index, size, changed, root_of(hashes))


def test_every_tree_begins_with_the_empty_one() -> None:
    check_consistency(0, 3, EMPTY_ROOT, root_of(some(3)), [])
    for before, path in ((0, [EMPTY_ROOT]), (3, [EMPTY_ROOT]), (4, [])):
        with pytest.raises(ProofError):
            check_consistency(before, 3, root_of(some(3)), root_of(some(3)), path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_who_is_not_in_a_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_path(index, size, complete_in(some(size)))
    with pytest.raises(ProofError):
        root_by_path(leaf_hash(b""), index, size, [])


if sys.version_info >= (3, 12):  # which this one needs
    from aics_tlog import MerkleTree

    @pytest.mark.parametrize("size", BORDERS)
    def test_a_third_implementation_agrees(size: int) -> None:
        entries = [b"entry %d" % number for number in range(size)]
        theirs, hashes = MerkleTree(entries), [leaf_hash(entry) for entry in entries]
        assert theirs.root() == root_of(hashes)
        for index in {0, size // 2, size - 1}:
            assert theirs.inclusion_proof(index) == inclusion_path(index, size, complete_in(hashes))
        for before in {1, size // 2 or 1, size}:
            assert theirs.consistency_proof(before, size) == consistency_path(before, size, complete_in(hashes))
