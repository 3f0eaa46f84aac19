"""Makes the certificate of a request, and the proof for one of its lines."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from adapters.card import Card
from adapters.manual import Manual
from adapters.registry import adapter_named
from domain.by_hand import ByHand
from domain.outcomes import DONE
from domain.requests import Kind
from evidence import certificate, checkpoint
from evidence.certificate import EvidenceError
from evidence.keys import SigningKey
from evidence.outcomes import utc
from intake.card_wording import say_done
from ledger.by_hand import recipients
from ledger.desk import history
from ledger.desk.reports import status_of
from ledger.desk.status import Status
from ledger.evidence import outcome_trees, proofs
from ledger.evidence.lines import NoTreeError, Request, Tree
from ledger.evidence.proofs import Logged
from ledger.rights_held import NOT_SEPARATED, SEPARATED, why_not_separated
from ledger.session import Connection
from tasks.log import LogKeeper, order

VERSION = 1
MOST_DEEDS = 10_000
CANNOT_BE_READ_BACK = "It cannot be read back."


class CertifyError(Exception):
    """There is no certificate or proof to be had. The message says why, and what to do."""


class NoSuchLineError(CertifyError):
    """The request has no such line."""


class UnknownRequestError(CertifyError):
    """There is no such request."""


def certify(keeper: LogKeeper, public_id: UUID) -> bytes:
    """The certificate of a closed request, as a file. Raises CertifyError, ledger.sealing.UnsealError."""
    key = keeper.signing_key()
    if key is None:
        raise CertifyError("there is no key to sign it with: CONSENT_SIGNING_KEYS, or `consent signing-key new`")
    with _prepared(keeper, public_id) as (connection, _, tree, logged):
        status = status_of(connection, public_id)
        if status is None:
            raise UnknownRequestError("there is no request of this id")
        return _holding(certificate.seal(_body(connection, status, tree, logged), key), key)


def prove_line(keeper: LogKeeper, public_id: UUID, line: int) -> str:
    """The proof for one line of a closed request, as a file. Raises CertifyError, ledger.sealing.UnsealError."""
    with _prepared(keeper, public_id) as (connection, request, _, logged):
        try:
            found = proofs.find_line(connection, request, line)
        except NoTreeError as error:
            raise CertifyError(f"there is no proof for this line: {error}") from None
        except LookupError:
            raise NoSuchLineError(f"the request has no line {line:,}: it has {request.lines:,}") from None
    key, proof = keeper.signing_key(), certificate.write_line(logged.entry, found.leaf, found.path, logged.proof)
    return _holding(proof.encode(), key).decode() if key is not None else proof


def _holding(file: bytes, key: SigningKey) -> bytes:
    """The file, if it holds. Somebody who changed the log's rows must not make us give out one that does not."""
    try:
        certificate.check(file, [key.public])
    except EvidenceError as error:
        raise CertifyError(f"what is on record makes none that holds ({error}): see `consent audit verify`") from None
    return file


@contextmanager
def _prepared(keeper: LogKeeper, public_id: UUID) -> Iterator[tuple[Connection, Request, Tree, Logged]]:
    """A connection, and the request with a tree of what is on record now, in the log and signed with the key of now."""
    with keeper.engine.connect() as connection:
        ready = _find_ready(connection, keeper, public_id)
        if ready is not None:
            yield connection, *ready
            return
    made = _make_ready(keeper, public_id)
    with keeper.engine.connect() as connection:
        yield connection, *made


def _make_ready(keeper: LogKeeper, public_id: UUID) -> tuple[Request, Tree, Logged]:
    """The same, with its tree made where it must be, and the log put in order and signed."""
    with keeper.engine.begin() as connection:
        try:
            request = outcome_trees.bring_up_to_date(connection, public_id, keeper.masters)
        except NoTreeError as error:
            raise CertifyError(f"there is no certificate of this request: {error}") from None
    if request is None or request.tree is None:
        raise UnknownRequestError("there is no request of this id")
    order(keeper, wait=True)
    with keeper.engine.connect() as connection:
        logged = proofs.find_logged(connection, public_id, request.tree)
    if logged is None:
        raise CertifyError("it is not in a signed log yet: see `consent audit verify`")
    return request, request.tree, logged


def _find_ready(connection: Connection, keeper: LogKeeper, public_id: UUID) -> tuple[Request, Tree, Logged] | None:
    """The same, where nothing must be made or signed for it: it then waits for nobody."""
    key, request = keeper.signing_key(), outcome_trees.find_current(connection, public_id)
    if key is None or request is None or request.tree is None:
        return None
    logged = proofs.find_logged(connection, public_id, request.tree)
    if logged is None or not checkpoint.is_signed(logged.proof.checkpoint, [key.public]):
        return None
    return request, request.tree, logged


def _body(connection: Connection, status: Status, tree: Tree, logged: Logged) -> dict[str, Any]:
    entry = from_json(logged.entry)
    vendors = list(_vendors(status, tree.vendors, recipients(connection)))
    deeds = history.notes_of(connection, status.request_id, MOST_DEEDS)
    return {
        "version": VERSION,
        "made_at": utc(status.now),
        "request": _without_none(
            {
                "id": str(status.request_id),
                "kind": status.kind,
                "status": status.status,
                "regulation": status.regulation,
                "people": status.subjects,
                "repeats": status.duplicates,
                "asked_at": utc(status.asked_at),
                "effective_at": utc(status.effective_at),
                "received_at": utc(status.received_at),
                "due_at": utc(status.due_at),
                "closed_at": _utc(status.closed_at),
                "submitted_by": status.submitted_by,
                "confirmed_by": status.confirmed_by,
            }
        ),
        "vendors": vendors,
        "exceptions": [
            {"vendor": one["vendor"], **ended}
            for one in vendors
            for ended in one["outcomes"]
            if ended["outcome"] not in DONE
        ],
        "deeds": [
            _without_none(
                {"at": utc(one.at), "by": one.by, "deed": one.deed, "vendor": one.vendor, "because": one.because}
            )
            for one in reversed(deeds)
        ],
        "database": SEPARATED if why_not_separated(connection) is None else NOT_SEPARATED,
        "tree": {"root": entry["root"], "size": entry["size"]},
        "log": {"entry": entry, "proof": logged.proof.text()},
    }


def _utc(moment: datetime | None) -> str | None:
    return utc(moment) if moment is not None else None


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _vendors(
    status: Status, counts: Mapping[str, Mapping[str, int]], by_hand: Mapping[str, ByHand]
) -> Iterator[dict[str, Any]]:
    """Each vendor of the request: its operation in the words of its card, and how deliveries ended."""
    for vendor in sorted(status.vendors):
        card = _card_of(vendor, by_hand)
        yield {
            "vendor": vendor,
            "title": card.title if card is not None else vendor,
            "operations": [
                {
                    "summary": one.summary,
                    "done": one.done,
                    "reaches": one.reaches,
                    "leaves": one.leaves,
                    "read_back": one.read_back or CANNOT_BE_READ_BACK,
                }
                for one in (card.ways(Kind(status.kind)) if card is not None else ())
            ],
            "outcomes": [_ended(vendor, status.kind, name, number) for name, number in counts.get(vendor, {}).items()],
        }


def _card_of(vendor: str, by_hand: Mapping[str, ByHand]) -> Card | None:
    """The card of a vendor, or of a recipient without an API; None for one that this program does not know."""
    if vendor in by_hand:
        return Manual(vendor, by_hand[vendor]).card
    adapter = adapter_named(vendor)
    return adapter.card if adapter is not None else None


def _ended(vendor: str, kind: str, name: str, number: int) -> dict[str, Any]:
    outcome, _, reason = name.partition(":")
    says = say_done(vendor, kind, outcome, reason or None)
    return _without_none({"outcome": outcome, "reason": reason or None, "deliveries": number, "says": says})
