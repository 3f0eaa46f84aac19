"""Certificates of requests, and proofs for one of their lines: how they are written, and when they hold."""

from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import rfc8785
from pydantic_core import from_json

from evidence import dsse
from evidence.canonical import canonical
from evidence.checkpoint import Checkpoint
from evidence.dsse import EnvelopeError
from evidence.keys import PublicKey, SigningKey
from evidence.merkle import HASH_BYTES, ProofError, leaf_hash, root_by_path
from evidence.proof import FIRST_LINE, Proof

PAYLOAD_TYPE = "application/vnd.consent-worker.certificate+json"


class EvidenceError(ValueError):
    """A certificate or proof does not hold. The message says what is wrong with it."""


class Certificate(NamedTuple):
    """A certificate that holds."""

    body: Mapping[str, Any]
    checkpoint: Checkpoint


class LineProof(NamedTuple):
    """A proof for one line that holds: what became of it, in which request, as the log of this checkpoint has it."""

    request: str
    leaf: Mapping[str, Any]
    checkpoint: Checkpoint


def seal(body: Mapping[str, Any], key: SigningKey) -> bytes:
    """A certificate as a file."""
    return dsse.seal(PAYLOAD_TYPE, rfc8785.dumps(dict(body)), key)


def write_line(entry: bytes, leaf: bytes, path: Sequence[bytes], proof: Proof) -> str:
    """A proof for one line as a file: that of the entry which has the root over all lines, and besides, unsigned, the
    entry, the line and the path from it to that root."""
    extra = {"entry": from_json(entry), "leaf": from_json(leaf), "path": [b64encode(one).decode() for one in path]}
    return Proof(proof.index, proof.path, proof.checkpoint, canonical(extra)).text()


def check(raw: bytes, keys: Collection[PublicKey]) -> Certificate | LineProof:
    """What a file proves, to anyone who believes one of these keys. Raises EvidenceError."""
    try:
        return check_line(raw, keys) if raw.startswith(FIRST_LINE.encode()) else check_certificate(raw, keys)
    except (EnvelopeError, ProofError) as error:
        raise EvidenceError(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, EvidenceError):
            raise
        raise EvidenceError("it has not the form of a certificate or proof") from None


def check_certificate(raw: bytes, keys: Collection[PublicKey]) -> Certificate:
    """Raises EvidenceError, and what errors of form there are, as `check` knows them."""
    body = from_json(dsse.open_envelope(raw, PAYLOAD_TYPE, keys))
    logged = body["log"]
    proof = Proof.parse(logged["proof"])
    checkpoint = proof.check(rfc8785.dumps(logged["entry"]), keys)
    entry = logged["entry"]
    if (entry["type"], entry["request"]) != ("outcomes", body["request"]["id"]):
        raise EvidenceError("the log's entry is of another request")
    if (entry["root"], entry["size"]) != (body["tree"]["root"], body["tree"]["size"]):
        raise EvidenceError("the root over its deliveries is not the one in the log")
    if entry["vendors"] != {one["vendor"]: counts_of(one) for one in body["vendors"] if one["outcomes"]}:
        raise EvidenceError("its outcomes are not those in the log")
    return Certificate(body, checkpoint)


def counts_of(vendor: Mapping[str, Any]) -> dict[str, int]:
    """A vendor's outcomes as the log has them."""
    return {name_of(one["outcome"], one.get("reason")): one["deliveries"] for one in vendor["outcomes"]}


def name_of(outcome: str, reason: str | None) -> str:
    """How the log names an outcome with its reason."""
    return f"{outcome}:{reason}" if reason else outcome


def check_line(raw: bytes, keys: Collection[PublicKey]) -> LineProof:
    """Raises EvidenceError, and what errors of form there are, as `check` knows them."""
    text = raw.decode()
    proof = Proof.parse(text)
    extra = from_json(proof.extra or b"")
    if proof.text() != text or rfc8785.dumps(extra) != proof.extra or set(extra) != {"entry", "leaf", "path"}:
        raise EvidenceError("it is not written as proofs are")
    entry, leaf = extra["entry"], extra["leaf"]
    checkpoint = proof.check(rfc8785.dumps(entry), keys)
    if entry["type"] != "outcomes":
        raise EvidenceError("the log's entry has no outcomes")
    path = [b64decode(one, validate=True) for one in extra["path"]]
    if [b64encode(one).decode() for one in path] != extra["path"] or {len(one) for one in path} - {HASH_BYTES}:
        raise EvidenceError("its path has no hashes")
    root = root_by_path(leaf_hash(rfc8785.dumps(leaf)), leaf["line"] - 1, entry["size"], path)
    if b64encode(root).decode() != entry["root"]:
        raise EvidenceError("the line is not among those in the log")
    return LineProof(entry["request"], leaf, checkpoint)
