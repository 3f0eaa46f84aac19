"""The names of a database's roles."""

from ledger.role_names import LONGEST_NAME, roles_of
from tests.table_rows import each_row

DATABASES = ("consent", "Kund_DB", "privacy-prod", 'quo"ted', "pg_consent", "x" * 63, "é" * 31, "x" * 62 + "y")


def test_they_are_the_database_s() -> None:
    assert roles_of("privacy-Prod") == ("privacy-Prod_owner", "privacy-Prod_app", "privacy-Prod_reader")


@each_row("database", DATABASES)
def test_postgresql_takes_them_as_they_are(database: str) -> None:
    for role in roles_of(database):
        assert len(role.encode()) <= LONGEST_NAME
        assert not role.startswith("pg_")


def test_no_two_databases_share_one() -> None:
    names = [role for database in DATABASES for role in roles_of(database)]
    assert len(set(names)) == len(names) == 3 * len(DATABASES)
