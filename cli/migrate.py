"""`consent migrate`: bring the ledger's tables up to date."""

import typer

from cli.os_user import who
from intake.exit_codes import Ending
from intake.stack import surroundings
from ledger import session
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.schema import is_migrated


def migrate() -> Ending:
    """Bring the ledger's tables up to date. Raises CommandError."""
    with surroundings(needed=("database_url",)) as here:
        with here.engine.connect() as connection:
            is_news = not is_migrated(connection)
        session.migrate(here.engine)
        if is_news:
            with here.engine.begin() as connection:
                audit.add(connection, [Entry(who(), "migrate", allowed=True)])
        typer.echo(f"the ledger at {here.postgres} is up to date")
    return Ending.DONE
