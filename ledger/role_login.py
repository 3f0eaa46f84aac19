"""The login of the programs, where we look after it ourselves: on one machine, and in containers of our own."""

from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import Engine, make_url, text

from ledger.role_names import place_of
from ledger.session import driver_of


def keep_login(engine: Engine, app_url: str) -> None:
    """Have the user of this address log in with its password, as a member of the role of the programs. Done by a user
    who may make roles; the password is sent as PostgreSQL keeps it, and never in clear.

    Raises LedgerError's causes as any statement does.
    """
    address = make_url(app_url)
    user, password = address.username or "", str(address.password or "")
    with engine.begin() as connection:
        app = place_of(connection).roles.app
        verifier = driver_of(connection).pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
        found = connection.execute(_FOUND, {"user": user, "app": app}).one()
        verb = SQL("ALTER" if found.exists else "CREATE")
        login = SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, Identifier(user), Literal(verifier.decode()))
        connection.exec_driver_sql(login.as_string(driver_of(connection)))
        if not found.is_member:
            join = SQL("GRANT {} TO {}").format(Identifier(app), Identifier(user))
            connection.exec_driver_sql(join.as_string())


_FOUND = text("""
    SELECT count(*) > 0 AS exists, COALESCE(bool_or(pg_has_role(oid, CAST(:app AS name), 'MEMBER')), false) AS is_member
    FROM pg_roles WHERE rolname = :user
""")
