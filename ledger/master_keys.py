"""Which master keys are needed: what each of them wraps, and whether all of them are given."""

from collections import Counter
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.sealing import KEY_ID_BYTES, MasterKeys, UnsealError

_CANARY = b"canary"


WRONG = "these are not the keys of this ledger"


class MissingKeyError(UnsealError):
    """A master key that is still needed is not among those given. The message says which, and what to do."""

    def __init__(self, ids: list[bytes], *, all_of_them: bool) -> None:
        """`all_of_them`: none of those given has ever sealed here."""
        named = ", ".join(name_of(one) for one in ids)
        begin = (
            f"{WRONG}, which needs {named}: put it"
            if all_of_them
            else f"still needed and missing: {named}. Put it back"
        )
        super().__init__(
            f"{begin} behind the newest key, and run `consent master-key rotate` before you remove it; "
            "for one that is lost for good there is `consent master-key give-up`"
        )


def why_not_these(error: UnsealError) -> str:
    """Why a process cannot work with the master keys that it is given."""
    return str(error) if isinstance(error, MissingKeyError) else WRONG


class Wrapped(NamedTuple):
    """What one master key wraps."""

    id: bytes
    data_keys: int
    """Of requests: each opens the people of one."""
    drafts: int
    """Of files dropped in the console."""
    fingerprints: bool
    """The key by which people are found."""
    noted: bool = True
    """A start without it fails. Else it was given up: what it wraps cannot be read any more."""

    @property
    def is_needed(self) -> bool:
        """Whether anything can be opened by this key alone."""
        return bool(self.data_keys or self.drafts or self.fingerprints)


def name_of(key_id: bytes) -> str:
    """The id of a master key for display."""
    return key_id.hex()


def note_newest(connection: Connection, masters: MasterKeys) -> None:
    """Note that the newest key seals from now on. A process that is about to seal says so first."""
    newest = masters.ids[0]
    connection.execute(_NOTE, {"id": newest, "canary": masters.seal(_CANARY, _CANARY)})


# A plain look first: inserting what is there already would still take a transaction id.
_NOTE = text("""
    INSERT INTO master_keys (id, canary)
    SELECT :id, :canary WHERE NOT EXISTS (SELECT FROM master_keys WHERE id = :id) ON CONFLICT DO NOTHING
""")


def check_master_keys(connection: Connection, masters: MasterKeys) -> None:
    """Return where these keys open all that is wrapped, and note the newest of them.

    Raises MissingKeyError where one is needed besides, as also where they are another ledger's; UnsealError where the
    canary of one cannot be opened.
    """
    noted = connection.execute(text("SELECT id, canary FROM master_keys")).all()
    missing = []
    for row in noted:
        if row.id not in masters.ids:
            missing.append(row.id)
        elif row.canary is not None:
            masters.open(row.canary, _CANARY)
    needed = [one for one in missing if _is_used(connection, one)]
    if needed:
        raise MissingKeyError(needed, all_of_them=len(missing) == len(noted))
    _strike_out(connection, missing)
    note_newest(connection, masters)


def _is_used(connection: Connection, key_id: bytes) -> bool:
    return bool(connection.execute(_IS_USED, {"id": key_id}).scalar_one())


_KEY_ID = f"substring({{}} FROM 1 FOR {KEY_ID_BYTES})"
_OF_DATA_KEY, _OF_WRAPPED = _KEY_ID.format("data_key"), _KEY_ID.format("wrapped")
_IS_USED = text(f"""
    SELECT EXISTS (SELECT FROM keys WHERE {_OF_WRAPPED} = :id)
        OR EXISTS (SELECT FROM drafts WHERE {_OF_DATA_KEY} = :id)
        OR EXISTS (SELECT FROM data_keys WHERE {_OF_WRAPPED} = :id)
""")


def _strike_out(connection: Connection, ids: list[bytes]) -> None:
    if ids:
        connection.execute(text("DELETE FROM master_keys WHERE id = ANY(CAST(:ids AS bytea[]))"), {"ids": ids})


def wrapped_by_each(connection: Connection) -> list[Wrapped]:
    """What each master key wraps, those noted among them. Reads every data key: seconds for millions."""
    requests = _counts(connection, f"SELECT {_OF_WRAPPED} AS id FROM data_keys")
    drafts = _counts(connection, f"SELECT {_OF_DATA_KEY} AS id FROM drafts WHERE data_key IS NOT NULL")
    noted = set(connection.execute(text("SELECT id FROM master_keys")).scalars())
    prints = set(connection.execute(text(f"SELECT {_OF_WRAPPED} FROM keys")).scalars())
    ids = sorted(noted | prints | requests.keys() | drafts.keys())
    return [Wrapped(one, requests[one], drafts[one], one in prints, one in noted) for one in ids]


def _counts(connection: Connection, ids: str) -> Counter[bytes]:
    rows = connection.execute(text(f"SELECT id, count(*) AS number FROM ({ids}) AS each GROUP BY id"))
    return Counter({row.id: row.number for row in rows})


def strike_out_unused(connection: Connection, masters: MasterKeys) -> None:
    """Forget that older keys were needed, where nothing is wrapped by them any more."""
    unused = [one.id for one in wrapped_by_each(connection) if not one.is_needed]
    _strike_out(connection, [one for one in unused if one != masters.ids[0]])


def give_up(connection: Connection, key_id: bytes) -> bool:
    """Work without this key from now on, though it is needed; whether it was noted."""
    return connection.execute(text("DELETE FROM master_keys WHERE id = :id"), {"id": key_id}).rowcount > 0
