"""`consent keys` and `consent user`, against a real PostgreSQL."""

import json

from sqlalchemy import Engine, text

from cli.os_user import who
from intake.access.passwords import is_password
from intake.access.tokens import prefix_of
from tests.ledger.cli.test_commands import stack
from tests.ledger.command_line import consent

__all__ = ["stack"]

PASSWORD = "correct horse battery"


def audited(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(text("SELECT by, deed, target FROM audit_entries ORDER BY id"))
        ]


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(stack: Engine) -> None:
    made = consent("keys", "create", "shop", "--role", "submitter")
    secret = made.stdout.strip()
    prefix = prefix_of(secret)
    assert prefix is not None
    assert "keep it now" in made.stderr
    forever = json.loads(consent("keys", "create", "shop", "--role", "reader", "--days", "0", "--json").stdout)
    listed = consent("keys", "list", "--json").stdout
    assert secret not in listed
    assert forever["key"] not in listed
    keys = {key["prefix"]: key for key in json.loads(listed)["keys"]}
    assert (keys[prefix]["role"], keys[prefix]["expires_at"] is None) == ("submitter", False)
    assert keys[forever["prefix"]]["expires_at"] is None
    assert consent("keys", "revoke", prefix).exit_code == 0
    assert consent("keys", "revoke", prefix).exit_code == 2
    assert prefix in consent("keys", "list").stdout
    assert audited(stack) == [
        (who(), "keys create", f"shop {prefix}"),
        (who(), "keys create", f"shop {forever['prefix']}"),
        (who(), "keys revoke", prefix),
    ]


def test_what_is_no_role_or_name_is_refused(stack: Engine) -> None:
    for arguments, told in (
        (("keys", "create", "shop", "--role", "king"), "'--role': it is one of submitter"),
        (("keys", "create", "jane@private.example", "--role", "reader"), "NAME is"),
        (("user", "add", "ann", "--role", "reader"), "12 to 256 characters"),
        (("user", "add", "Ann@shop.example", "--role", "reader"), "or an e-mail address in them"),
        (("user", "add", "ann@", "--role", "reader"), "or an e-mail address in them"),
        (("user", "disable", "nobody"), "no user of this name"),
        (("keys", "create", "shop", "--role", "reader", "--days", "inf"), "--days"),
        (("keys", "create", "shop", "--role", "reader", "--days", "1e12"), "--days"),
    ):
        refused = consent(*arguments, stdin="short\n")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert told in refused.stderr
    assert audited(stack) == []


def test_a_user_may_be_named_by_an_address_that_a_provider_vouches_for(stack: Engine) -> None:
    assert consent("user", "add", "ann.b+c@shop.example", "--role", "reader", stdin=f"{PASSWORD}\n").exit_code == 0
    assert audited(stack) == [(who(), "user add", "ann.b+c@shop.example")]


def test_a_user_is_added_listed_given_a_password_disabled_and_enabled(stack: Engine) -> None:
    assert consent("user", "add", "ann", "--role", "operator", stdin=f"{PASSWORD}\n").exit_code == 0
    assert consent("user", "add", "ann", "--role", "reader", stdin=f"{PASSWORD}\n").exit_code == 2
    assert consent("user", "password", "ann", stdin=f"{PASSWORD} staple\n").exit_code == 0
    with stack.connect() as connection:
        kept = connection.execute(text("SELECT password_hash FROM users")).scalar_one()
    assert kept.startswith("$argon2id$")
    assert is_password(f"{PASSWORD} staple", kept)
    assert consent("user", "disable", "ann").stdout == "ann is disabled\n"
    (user,) = json.loads(consent("user", "list", "--json").stdout)["users"]
    assert (user["name"], user["role"], user["disabled_at"] is None) == ("ann", "operator", False)
    assert "password" not in consent("user", "list").stdout
    assert consent("user", "enable", "ann").stdout == "ann is enabled\n"
    assert [deed for _, deed, _ in audited(stack)] == ["user add", "user password", "user disable", "user enable"]
