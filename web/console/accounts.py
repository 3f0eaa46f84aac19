"""API keys and users: listed, made, changed. What is secret is shown on the answer that makes it, and never again."""

from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from typing import Annotated, NamedTuple, TypeVar

from fastapi import Path, Request
from starlette.responses import Response

from intake.access import accounts
from intake.access.accounts import AccountError, Doer, NewKey, NewUser
from intake.access.roles import Role
from ledger.accounts import access
from ledger.accounts.access import ListedKey, ListedUser
from ledger.session import Connection
from web.access.gate import Principal
from web.access.password_login import unlock
from web.console.forms import read_form
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Manager, TheContext
from web.origin import origin_of
from web.problems import Problem

T = TypeVar("T")
router = page_router()
KEYS, USERS = "/settings/keys", "/settings/users"
Prefix = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]
DAYS = {"30": "30 days", "90": "90 days", "365": "A year", "0": "Never"}
KEY_FIELDS = ("name", "role", "days", "owner")
USER_FIELDS = ("name", "role", "password", "by_provider")


class Made(NamedTuple):
    """A secret that was just made, to be shown once."""

    name: str
    secret: str
    what: str

    def __repr__(self) -> str:
        return "Made()"


@router.get(KEYS)
async def show_keys(request: Request, context: TheContext, _: Manager) -> Response:
    """Every API key, without its secret."""
    return await _keys_page(request, context)


@router.post(KEYS)
async def create_key(request: Request, context: TheContext, principal: Manager) -> Response:
    """Make a key, and show its secret once."""
    given, by = await read_form(request, *KEY_FIELDS), _doer(request, principal)

    def make(connection: Connection) -> Made:
        if given["days"] not in DAYS:
            raise AccountError("days", "choose for how long it opens")
        key = NewKey(
            given["name"], accounts.role_of(given["role"]), float(given["days"]) or None, given["owner"] or None
        )
        minted = accounts.create_key(connection, key, by)
        return Made(f"{given['name']} {minted.prefix}", minted.secret, "key")

    try:
        made = await _do(request, context, make)
    except AccountError as error:
        return await _keys_page(request, context, given=given, wrong=error)
    return await _keys_page(request, context, made=made)


@router.post(KEYS + "/{prefix}/revoke")
async def revoke_key(request: Request, prefix: Prefix, context: TheContext, principal: Manager) -> Response:
    """Revoke a key."""
    await read_form(request)
    by = _doer(request, principal)
    await _do_or_refuse(request, context, lambda one: accounts.revoke_key(one, prefix, by))
    return go_to(request, KEYS, f"The key {prefix} is revoked: it opens nothing any more within seconds.")


async def _keys_page(
    request: Request,
    context: Context,
    *,
    given: Mapping[str, str] | None = None,
    wrong: AccountError | None = None,
    made: Made | None = None,
) -> Response:
    def find() -> tuple[list[ListedKey], list[ListedUser]]:
        with context.engine.connect() as connection:
            return access.all_keys(connection), access.all_users(connection)

    keys, users = await context.reads.run(find)
    return page(
        request,
        "settings_keys.html",
        status=422 if wrong else 200,
        keys=sorted(keys, key=lambda key: (key.revoked_at is not None, key.name)),
        people=[user.name for user in users if user.disabled_at is None],
        roles=list(Role),
        days=DAYS,
        given=given or {"name": "", "role": "", "days": "365", "owner": ""},
        wrong=wrong,
        made=made,
    )


@router.get(USERS)
async def show_users(request: Request, context: TheContext, _: Manager) -> Response:
    """Every console user."""
    return await _users_page(request, context)


@router.post(USERS)
async def add_user(request: Request, context: TheContext, principal: Manager) -> Response:
    """Add a user. Where no password was typed one is made, and shown once."""
    given, by = await read_form(request, *USER_FIELDS), _doer(request, principal)
    password = None if given["by_provider"] else given["password"] or token_urlsafe(15)

    def add(connection: Connection) -> None:
        user = NewUser(given["name"], accounts.role_of(given["role"]), password)
        accounts.add_user(connection, user, by)

    try:
        await _do(request, context, add)
    except AccountError as error:
        return await _users_page(request, context, given=given, wrong=error)
    made = None if given["by_provider"] or given["password"] else Made(given["name"], password or "", "password")
    return await _users_page(request, context, made=made, added=given["name"])


@router.post(USERS + "/change")
async def change_user(request: Request, context: TheContext, principal: Manager) -> Response:
    """What is done to one user. Their name comes in the body: it may be an address."""
    given, by = await read_form(request, "name", "deed", "role"), _doer(request, principal)
    name = given["name"]
    if given["deed"] == "password":
        password = token_urlsafe(15)
        await _do_or_refuse(request, context, lambda one: accounts.set_password(one, name, password, by))
        return await _users_page(request, context, made=Made(name, password, "password"))
    deeds: dict[str, tuple[Callable[[Connection], None], str]] = {
        "role": (
            lambda one: accounts.set_role(one, name, accounts.role_of(given["role"]), by),
            f"The user is {given['role']} from now on.",
        ),
        "disable": (
            lambda one: accounts.set_disabled(one, name, by, disabled=True),
            "The user is disabled, and signed out within seconds.",
        ),
        "enable": (
            lambda one: accounts.set_disabled(one, name, by, disabled=False),
            "The user may sign in again.",
        ),
        "sign-out": (
            lambda one: accounts.sign_out_everywhere(one, name, by),
            "The user is signed out everywhere within seconds.",
        ),
        "unlock": (lambda one: _unlock(context, one, name, by), "The user may try again at once."),
    }
    if given["deed"] not in deeds:
        raise Problem.unusable("this is nothing that can be done to a user; nothing was done")
    deed, said = deeds[given["deed"]]
    await _do_or_refuse(request, context, deed)
    return go_to(request, USERS, said)


def _unlock(context: Context, connection: Connection, name: str, by: Doer) -> None:
    accounts.check_user(connection, name)
    unlock(connection, context.known().prints, name)
    accounts.note(connection, by, "user unlock", name)


async def _users_page(
    request: Request,
    context: Context,
    *,
    given: Mapping[str, str] | None = None,
    wrong: AccountError | None = None,
    made: Made | None = None,
    added: str = "",
) -> Response:
    def find() -> list[ListedUser]:
        with context.engine.connect() as connection:
            return access.all_users(connection)

    return page(
        request,
        "settings_users.html",
        status=422 if wrong else 200,
        users=await context.reads.run(find),
        roles=list(Role),
        by_provider=context.settings.oidc is not None,
        given=given or dict.fromkeys(USER_FIELDS, ""),
        wrong=wrong,
        made=made,
        added=added,
    )


def _doer(request: Request, principal: Principal) -> Doer:
    return Doer(principal.name, origin_of(request.scope))


async def _do(request: Request, context: Context, deed: Callable[[Connection], T]) -> T:
    """Do it in one transaction with its entry of the audit log. Raises AccountError."""

    def work() -> T:
        with context.engine.begin() as connection:
            return deed(connection)

    done = await context.intake.run(work)
    request.state.audited = True
    return done


async def _do_or_refuse(request: Request, context: Context, deed: Callable[[Connection], None]) -> None:
    try:
        await _do(request, context, deed)
    except AccountError as error:
        raise Problem(409, "not-done", f"{error}; nothing was done") from None
