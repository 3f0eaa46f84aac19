"""`consent migrate`: bring the ledger's tables and roles up to date."""

from urllib.parse import urlsplit

import typer

from cli.os_user import who
from config.settings import Settings
from intake.exit_codes import CommandError, Ending
from intake.stack import LEDGER, surroundings
from ledger import session
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.role_login import keep_login
from ledger.schema import is_migrated


def migrate(*, login: bool = False) -> Ending:
    """Bring the ledger's tables and roles up to date, as their owner. `login`: have the user of the programs log in
    with the password in CONSENT_DATABASE_URL. Raises CommandError."""
    with surroundings(needed=LEDGER, as_owner=True) as here:
        if login:
            _check_login(here.settings)
        with here.engine.connect() as connection:
            is_news = not is_migrated(connection)
        for_administrator = session.migrate(here.engine)
        if is_news:
            with here.engine.begin() as connection:
                audit.add(connection, [Entry(who(), "migrate", allowed=True)])
        if login and for_administrator is None:
            keep_login(here.engine, here.settings.database_url or "")
        typer.echo(f"the ledger at {here.postgres} is up to date")
        if for_administrator is not None:
            typer.echo(
                "roles not separated: this user may make no roles. To separate them, have an administrator run this, "
                f"and migrate again: {for_administrator}"
            )
    return Ending.DONE


def _check_login(settings: Settings) -> None:
    given, owner = (urlsplit(url or "") for url in (settings.database_url, settings.database_owner_url))
    if not given.username or not given.password or given.username == owner.username or not owner.username:
        raise CommandError(
            "--login needs CONSENT_DATABASE_OWNER_URL, and another user with a password in CONSENT_DATABASE_URL",
            Ending.UNUSABLE,
        )
