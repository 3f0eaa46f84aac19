"""`consent migrate`: bring the ledger's tables and roles up to date."""

import typer

from cli.os_user import who
from intake.exit_codes import Ending
from intake.stack import surroundings
from ledger import session
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.schema import is_migrated


def migrate() -> Ending:
    """Bring the ledger's tables and roles up to date, as their owner. Raises CommandError."""
    with surroundings(needed=("database_url",), as_owner=True) as here:
        with here.engine.connect() as connection:
            is_news = not is_migrated(connection)
        for_administrator = session.migrate(here.engine)
        if is_news:
            with here.engine.begin() as connection:
                audit.add(connection, [Entry(who(), "migrate", allowed=True)])
        typer.echo(f"the ledger at {here.postgres} is up to date")
        if for_administrator is not None:
            typer.echo(
                "roles not separated: this user may make no roles. To separate them, have an administrator run this, "
                f"and migrate again: {for_administrator}"
            )
    return Ending.DONE
