"""`consent certificate verify`: a file checked with a public key, without a stack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from domain.counted import counted_people
from evidence.certificate import Certificate, EvidenceError, LineProof, check
from evidence.keys import KeyTextError, PublicKey, read_public_keys
from intake.exit_codes import CommandError, Ending


def verify(file: Path, key: Path, *, as_json: bool) -> Ending:
    """Print whether a file holds, and what it proves. Raises CommandError."""
    keys = read_key_file(key)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", Ending.UNUSABLE) from None
    try:
        found = check(raw, keys)
    except EvidenceError as error:
        if as_json:
            typer.echo(json.dumps({"holds": False, "fault": str(error)}))
        else:
            typer.echo(f"does not hold: {error}")
        return Ending.EXCEPTIONS
    if as_json:
        typer.echo(json.dumps({"holds": True, **_as_json(found)}))
    else:
        typer.echo("\n".join(["holds", *(_of_certificate if isinstance(found, Certificate) else _of_line)(found)]))
    return Ending.DONE


def read_key_file(file: Path) -> list[PublicKey]:
    """The public keys in a file, PEM or NAME+ID+KEY. Raises CommandError."""
    try:
        return read_public_keys(file.read_text())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", Ending.UNUSABLE) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: no public key: it is not text", Ending.UNUSABLE) from None
    except KeyTextError as error:
        raise CommandError(f"{file}: no public key: {error}", Ending.UNUSABLE) from None


def _as_json(found: Certificate | LineProof) -> dict[str, Any]:
    log = {"origin": found.checkpoint.origin, "entries": found.checkpoint.size}
    if isinstance(found, Certificate):
        return {"certificate": found.body, "log": log}
    return {"request": found.request, "line": found.leaf, "log": log}


def _of_certificate(found: Any) -> Iterator[str]:
    request = found.body["request"]
    whom = counted_people(request["people"])
    yield f"request {request['id']}: {request['kind']} of {whom}, {request['status']}"
    yield f"received {request['received_at']} by {request['submitted_by']}, due {request['due_at']}"
    if "closed_at" in request:
        yield f"closed {request['closed_at']}"
    for vendor in found.body["vendors"]:
        for ended in vendor["outcomes"]:
            why = f" ({ended['reason']})" if "reason" in ended else ""
            says = f". {ended['says']}" if "says" in ended else ""
            yield f"{vendor['title']}: {ended['deliveries']:,} {ended['outcome']}{why}{says}"
    yield f"in the log {found.checkpoint.origin}, which had {found.checkpoint.size:,} entries"


def _of_line(found: Any) -> Iterator[str]:
    yield f"request {found.request}, line {found.leaf['line']:,}"
    for ended in found.leaf.get("deliveries", ()):
        why = f" ({ended['reason']})" if "reason" in ended else ""
        yield f"{ended['vendor']}: {ended['outcome']}{why}, {ended['at']}"
    yield f"in the log {found.checkpoint.origin}, which had {found.checkpoint.size:,} entries"
