"""Whether this program knows the ledger's tables."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

from ledger.failures import LedgerError
from ledger.troubles import MIGRATE

MIGRATIONS = Path(__file__).parent / "migrations"
FITS_FROM = "0046"
"""The oldest revision whose program can work on the newest tables. Updates are made while the older program runs, so a
migration only adds. One that cannot must raise this, and then older processes are stopped first."""


def newest() -> str:
    """The revision of this program."""
    (head,) = _known().keys() - _known().values()
    return head


def is_migrated(connection: Connection) -> bool:
    """Whether the ledger's tables have this program's revision."""
    return revision_of(connection) == newest()


def is_of_this_program(connection: Connection) -> bool:
    """Whether the ledger's tables are this program's, older ones that it can migrate, or not there yet."""
    found = revision_of(connection)
    return found is None or found in _known()


def check_schema(connection: Connection) -> None:
    """Raises LedgerError unless this program can work on the ledger's tables: its own revision, or a newer one that is
    noted to fit. A program must not change tables that it does not know."""
    found = revision_of(connection)
    if found is None:
        raise LedgerError(f"it has no tables of ours: {MIGRATE}", word=f"not migrated: {MIGRATE}")
    if found == newest() or _is_newer_and_fits(connection, found):
        return
    if found in _known():
        raise LedgerError(f"its tables are older than this program: {MIGRATE}", word=f"not migrated: {MIGRATE}")
    raise LedgerError(
        "this program does not know its tables: they are of a newer one, so update this one, or of something else",
        word="not migrated by a program that this one knows",
    )


def revision_of(connection: Connection) -> str | None:
    """The last migration; None where there was none."""
    if connection.execute(_HAS_TABLE).scalar_one() is None:
        return None
    found: str | None = connection.execute(_REVISION).scalar()
    return found


def _is_newer_and_fits(connection: Connection, revision: str) -> bool:
    """Whether the program of this newer revision has noted that ours can work on its tables."""
    noted = _NOTE.fullmatch(connection.execute(_NOTED).scalar_one() or "")
    return noted is not None and noted["revision"] == revision and noted["from"] in _known()


def note_fit(connection: Connection) -> None:
    """Record in a comment on the tables which programs can work on them. Older programs read it."""
    note = f"revision {newest()}, for programs from {FITS_FROM} on"
    if connection.execute(_NOTED).scalar_one() != note:
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{note}'"))


@cache
def _known() -> dict[str, str | None]:
    """The revisions of this program, each with its predecessor. Read from the files, because Alembic takes a third of a
    second, and memory that only `consent migrate` needs."""
    texts = (file.read_text() for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return {_REVISION_IN.findall(text)[0]: (_BEFORE_IN.findall(text) or [None])[0] for text in texts}


_REVISION_IN = re.compile(r'^revision = "([^"]+)"', re.MULTILINE)
_BEFORE_IN = re.compile(r'^down_revision = "([^"]+)"', re.MULTILINE)
_NOTE = re.compile(r"revision (?P<revision>[0-9]{4}), for programs from (?P<from>[0-9]{4}) on")
_HAS_TABLE = text("SELECT to_regclass('alembic_version')")
_REVISION = text("SELECT version_num FROM alembic_version")
_NOTED = text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
