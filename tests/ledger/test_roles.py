"""The roles of a ledger: what the programs may, what nobody but the owner may, and how they come about."""

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from domain.outcomes import Reason
from domain.requests import Kind
from evidence.keys import generate_signing_key, read_signing_keys
from intake.certify import certify
from ledger import filter_building, forgetting, rights, volumes
from ledger.delivery import switching
from ledger.delivery.vendors import announce
from ledger.desk.deeds import add_note
from ledger.evidence import outcome_trees
from ledger.evidence.checking import check_log
from ledger.fitness import check_fitness
from ledger.retention import RECORD, set_days
from ledger.rights_held import why_not_separated
from ledger.role_gaps import GAPS
from ledger.role_login import keep_login
from ledger.role_names import place_of, roles_of
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tasks.legal_holds import Keeper, end_over
from tasks.log import LogKeeper, keep_log
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.ledger.databases import address, database, execute
from tests.ledger.evidence.test_outcome_trees import BLOCK, narrow_blocks

NAME, USER = "Sep-Roles", "sep_user"
OWNER, APP, READER = roles_of(NAME)


class Ledger(NamedTuple):
    """One with separated roles."""

    owner: Engine
    app: Engine
    masters: MasterKeys


@pytest.fixture(scope="module")
def ledger(ruled_url: str) -> Iterator[Ledger]:
    """The user of the programs has no right but by the role."""
    with database(ruled_url, NAME, user=USER) as url:
        owner, app = connect(address(ruled_url, database=NAME), pool_size=2), connect(url, pool_size=4)
        assert migrate(owner) is None
        execute(address(ruled_url, database=NAME), f'GRANT "{APP}" TO {USER}')
        with app.begin() as connection:
            announce(connection, {"insider": 10})
        yield Ledger(owner, app, MasterKeys.parse(generate_master_key()))
        owner.dispose()
        app.dispose()


@pytest.fixture
def desk(ledger: Ledger, _loop: asyncio.AbstractEventLoop) -> Desk:
    return Desk(ledger.app, ledger.masters, _loop)


def of(engine: Engine, statement: str) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text(statement)).scalars())


def test_every_table_and_function_is_in_one_list(ledger: Ledger) -> None:
    lists = (rights.APPENDED, rights.OF_THE_OWNER, rights.ENDED, rights.CHANGED)
    assert of(
        ledger.owner,
        """SELECT relname FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace)
        AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition""",
    ) == set().union(*lists), "give it a place in ledger/rights.py"
    assert sum(map(len, lists)) == len(rights.TABLES)
    called = (rights.CALLED, rights.INNER, rights.OPEN)
    of_functions = "SELECT proname FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace)"
    assert of(ledger.owner, of_functions) == set().union(*called), "give it a place in ledger/rights.py"
    assert sum(map(len, called)) == len(rights.FUNCTIONS)
    assert of(ledger.owner, f"{of_functions} AND prosecdef") <= rights.CALLED | rights.INNER


def test_functions_with_the_owner_s_rights_use_no_table_of_others(ledger: Ledger) -> None:
    assert (
        of(
            ledger.owner,
            """SELECT proname FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace) AND prosecdef
            AND NOT COALESCE(array_to_string(proconfig, ';'), '') ~ 'search_path=public, pg_temp'""",
        )
        == set()
    )


def test_the_owner_owns_everything_and_nobody_logs_in_as_a_role(ledger: Ledger) -> None:
    assert of(
        ledger.owner,
        """SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace)
        UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace)
        UNION SELECT pg_get_userbyid(typowner) FROM pg_type WHERE typnamespace = CAST('public' AS regnamespace)""",
    ) == {OWNER}
    assert of(
        ledger.owner,
        f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{NAME}%' AND NOT rolcanlogin",  # noqa: S608 - our own name
    ) == {OWNER, APP, READER}


def test_a_second_migration_finds_nothing_to_do(ledger: Ledger) -> None:
    migrate(ledger.owner)
    with ledger.owner.connect() as connection:
        place = place_of(connection)
        assert [statement.as_string() for gap in GAPS for statement in gap(connection, place)] == []


FORBIDDEN = [
    *(
        f"{what} {table}"
        for table in sorted(rights.PROTECTED)
        for what in ("DELETE FROM", "TRUNCATE", "DROP TABLE", "ALTER TABLE IF EXISTS x RENAME TO y; TRUNCATE")
    ),
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in sorted(rights.PROTECTED)),
    *(f"ALTER TABLE {table} ADD COLUMN more text" for table in sorted(rights.PROTECTED)),
    "DELETE FROM legal_holds",
    "DELETE FROM restores",
    "UPDATE outcomes SET outcome = 'verified'",
    "UPDATE outcomes_1 SET outcome = 'verified'",
    "DELETE FROM outcomes_1",
    "TRUNCATE outcomes_1",
    "DROP TABLE outcomes_1",
    "ALTER TABLE outcomes DETACH PARTITION outcomes_1",
    "UPDATE notes SET reason = 'another'",
    "UPDATE audit_entries SET by = 'nobody'",
    "UPDATE log_entries SET entry = ''",
    "UPDATE log_head SET size = 0",
    "UPDATE log_pending SET facts = '{}'",
    "UPDATE log_tiles SET root = ''",
    "UPDATE log_checkpoints SET signed = ''",
    "UPDATE signing_keys SET name = ''",
    "UPDATE outcome_trees SET size = 0",
    "UPDATE outcome_tiles SET people = ''",
    "UPDATE successions SET by_line = 1",
    "UPDATE alembic_version SET version_num = '9999'",
    "UPDATE volumes SET ended_at = now() - interval '9 years'",
    "UPDATE volumes SET dropped_at = now()",
    "INSERT INTO volumes (id, first_request, past_request) VALUES (99, 1, 2)",
    "INSERT INTO log_pending (type, facts) VALUES ('deed', '{}')",
    "INSERT INTO log_entries (index, type, entry) VALUES (0, 'deed', '')",
    "INSERT INTO log_checkpoints (size, signed) VALUES (0, '')",
    "SET session_replication_role = replica",
    "CREATE TABLE more (n integer)",
    "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP TRIGGER outcomes_append_only ON outcomes",
    "ALTER TYPE outcome ADD VALUE 'more'",
    "SELECT setval('requests_id_seq', 1)",
    "SELECT open_volume(CAST(9 AS smallint), 1, 2)",
    "SELECT keep_volume_ahead()",
    f'SET ROLE "{OWNER}"',
    # A table of one's own with a trigger of the log would write entries about things that never happened.
    """CREATE TEMPORARY TABLE made_up (purpose text, wrapped bytea);
       CREATE TRIGGER forge AFTER INSERT ON made_up FOR EACH ROW EXECUTE FUNCTION log_wrapped_key()""",
]


def test_the_programs_change_no_evidence_and_no_table(ledger: Ledger) -> None:
    allowed = []
    for statement in FORBIDDEN:
        try:
            with ledger.app.begin() as connection:
                connection.execute(text(statement.replace(":", "\\:")))
        except DBAPIError as refused:
            assert isinstance(refused.orig, psycopg.errors.InsufficientPrivilege), (statement, refused.orig)  # noqa: PT017 - a table of statements
        else:
            allowed.append(statement)
    assert allowed == []


def test_the_functions_of_the_owner_keep_what_is_young(ledger: Ledger, desk: Desk) -> None:
    desk.submit(people(1))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    with ledger.app.begin() as connection:
        number = volumes.turn_over(connection, most_bytes=0)
    assert number is not None
    ended = number - 1
    # What the programs may write is no way around it.
    desk.execute("UPDATE requests SET closed_at = closed_at - interval '9 years'")
    for statement in (
        f"SELECT drop_volume(CAST({ended} AS smallint), 1)",
        f"SELECT drop_volume(CAST({ended} AS smallint), 0)",
        f"SELECT drop_volume(CAST({ended} AS smallint), -9)",
        f"SELECT drop_volume(CAST({ended} AS smallint), NULL)",
        f"SELECT drop_volume(CAST({number} AS smallint), 1)",
        "SELECT drop_volume(CAST(99 AS smallint), 1)",
        f"SELECT drop_volume_part(CAST({ended} AS smallint), 'outcomes')",
        f"SELECT drop_volume_part(CAST({ended} AS smallint), 'chunks')",
    ):
        with pytest.raises(DBAPIError, match="is kept"):
            desk.execute(statement)
    assert desk.one("SELECT count(*) FROM outcomes") >= 1


@pytest.mark.parametrize("period", [30.0, None])
def test_a_volume_is_kept_for_the_ledger_s_own_period(ledger: Ledger, desk: Desk, period: float | None) -> None:
    with ledger.owner.begin() as connection:
        number = connection.execute(
            text("""
                INSERT INTO volumes (id, first_request, past_request, ended_at)
                SELECT max(id) + 10, CAST(1 AS bigint) << 60, (CAST(1 AS bigint) << 60) + 1, now() - interval '29 days'
                FROM volumes
                RETURNING id"""),
        ).scalar_one()
        set_days(connection, {RECORD: period}, "test")
    try:
        with pytest.raises(DBAPIError, match="keeps its record longer"):
            desk.execute("SELECT drop_volume(CAST(:id AS smallint), 7)", id=number)
        with ledger.owner.begin() as connection:
            set_days(connection, {RECORD: 7}, "test")
        desk.execute("SELECT drop_volume(CAST(:id AS smallint), 7)", id=number)
        assert desk.one("SELECT dropped_at IS NOT NULL FROM volumes WHERE id = :id", id=number)
    finally:
        with ledger.owner.begin() as connection:
            connection.execute(text("DELETE FROM volumes WHERE id = :id"), {"id": number})
            connection.execute(text("DELETE FROM retention_periods"))


@pytest.mark.parametrize(("period", "dropped"), [(None, 0), (30.0, 0), (7.0, 1)])
def test_an_audit_entry_is_kept_for_the_ledger_s_own_period(
    ledger: Ledger, desk: Desk, period: float | None, dropped: int
) -> None:
    with ledger.owner.begin() as connection:  # the oldest go first
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM audit_entries"))
    desk.execute("INSERT INTO audit_entries (by, deed, allowed, at) VALUES ('x', 'y', true, now() - interval '9 days')")
    with ledger.owner.begin() as connection:
        set_days(connection, {RECORD: period}, "test")
    try:
        assert desk.one("SELECT drop_audit_entries(100)") == dropped
        assert desk.one("SELECT count(*) FROM audit_entries") == 1 - dropped
    finally:
        with ledger.owner.begin() as connection:
            connection.execute(text("DELETE FROM retention_periods"))


def test_a_tree_whose_tiles_come_before_it_needs_no_more_rights(
    ledger: Ledger, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow_blocks(monkeypatch)
    receipt = desk.submit(people(2 * BLOCK))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    with ledger.app.begin() as connection:
        made = outcome_trees.bring_up_to_date(connection, receipt.recorded.public_id, ledger.masters)
    assert made is not None
    assert made.tree is not None
    assert made.tree.size == 2 * BLOCK


FORGERIES: dict[str, Callable[[str], str]] = {
    "a further field": lambda entry: entry[:-1] + ',"z":1}',
    "a further vendor": lambda entry: entry[:-1] + ',"vendor":"dfinery"}',
    "further vendors": lambda entry: entry[:-1] + ',"vendors":["dfinery"]}',
    "a field less": lambda entry: re.sub(r'"[a-z_]+":[^,]+,', "", entry, count=1),
    "another vendor": lambda entry: entry.replace("insider", "dfinery"),
    "another value": lambda entry: re.sub(r"\d(?=[^\d]*$)", "x", entry),
    "a field twice, for who reads the first": lambda entry: '{"type":"deed",' + entry[1:],
    "a number otherwise": lambda entry: re.sub(r":(\d+)([,}])", r":\g<1>.0\2", entry, count=1),
    "a space": lambda entry: entry.replace(":", ": ", 1),
    "no fields": lambda entry: "{}",
    "no JSON": lambda entry: "not json",
}


def test_only_what_was_logged_becomes_an_entry_and_exactly_as_it_was(ledger: Ledger, desk: Desk) -> None:
    """By whoever has SQL and the rights of the programs, for an entry of each type that a request has."""
    keep_log(LogKeeper(ledger.app, ledger.masters, lambda: None))
    receipt = desk.submit(people(1))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    with ledger.app.begin() as connection:
        request_id = connection.execute(text("SELECT max(id) FROM requests")).scalar_one()
        add_note(connection, request_id, "cli:anna", "accept", because="by phone", vendor_id=1)
        outcome_trees.bring_up_to_date(connection, receipt.recorded.public_id, ledger.masters)
        assert switching.switch_off(connection, "insider", "cli:anna")
        assert switching.switch_on(connection, "insider", "cli:anna")
    passed = []
    pending = desk.rows("SELECT id, type FROM log_pending ORDER BY id")
    assert {kind for _, kind in pending} >= {"request.received", "request.status", "deed", "outcomes", "vendor"}
    for number, kind in pending:
        entry = _entry_of(desk, number)
        forged = {name: forge(entry) for name, forge in FORGERIES.items()}
        assert len({entry, *forged.values()}) > len(FORGERIES) - 3, "most of them differ"
        passed += [(kind, name) for name, other in forged.items() if other != entry and _appends(desk, number, other)]
    assert passed == []
    ids = [number for number, _ in pending]
    for wrong in ([*ids, ids[0]], [*ids, 0], [None], [*ids, None]):
        with pytest.raises(DBAPIError):
            desk.execute("SELECT append_log(CAST(:ids AS bigint[]))", ids=wrong)
    with pytest.raises(DBAPIError, match="not what was logged"):
        desk.execute("SELECT append_log(ARRAY[CAST(:id AS bigint)], CAST(ARRAY[] AS bytea[]))", id=ids[0])
    with pytest.raises(DBAPIError, match="whole log"):
        desk.execute("SELECT keep_checkpoint_at(1000000, 'forged', 'forged')")
    assert desk.rows("SELECT id, type FROM log_pending ORDER BY id") == pending
    assert _appends(desk, ids[0], _entry_of(desk, ids[0])), "as a program from before does, which makes the same"


def _entry_of(desk: Desk, pending: int) -> str:
    """What becomes of it, which is undone."""
    with desk.engine.connect() as connection, connection.begin() as transaction:
        made = connection.execute(text("SELECT append_log(ARRAY[CAST(:id AS bigint)])"), {"id": pending}).scalar_one()
        transaction.rollback()
    return bytes(made).decode()


def _appends(desk: Desk, pending: int, entry: str) -> bool:
    """Whether it may become this entry, which is undone."""
    given = {"id": pending, "entry": entry}
    with desk.engine.connect() as connection, connection.begin() as transaction:
        try:
            connection.execute(_APPEND, given)
        except DBAPIError:
            return False
        transaction.rollback()
    return True


_APPEND = text("SELECT append_log(ARRAY[CAST(:id AS bigint)], ARRAY[convert_to(:entry, 'UTF8')])")


def test_a_request_lives_and_its_volume_goes_with_the_programs_rights_alone(ledger: Ledger, desk: Desk) -> None:
    key = read_signing_keys(generate_signing_key())[0]
    keeper = LogKeeper(ledger.app, ledger.masters, lambda: key)
    check_fitness(ledger.app, ledger.masters)
    receipt = desk.submit(people(12), idempotency_key="once", reference="ticket")
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    keep_log(keeper)
    assert certify(keeper, receipt.recorded.public_id)
    gone = desk.submit(people(3), kind=Kind.OPT_OUT)
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    with ledger.app.begin() as connection:
        request_id = connection.execute(text("SELECT max(id) FROM requests")).scalar_one()
        forgetting.forget(connection, [request_id])
    for _ in range(5):
        with ledger.app.begin() as connection:
            forgetting.delete_prints(connection)
    with ledger.app.begin() as connection:
        number = volumes.turn_over(connection, most_bytes=0)
    assert number is not None
    with ledger.owner.begin() as connection:  # as if a month had passed
        connection.execute(text("UPDATE volumes SET ended_at = now() - interval '31 days' WHERE ended_at IS NOT NULL"))
        connection.execute(
            text("UPDATE requests SET closed_at = now() - interval '31 days' WHERE closed_at IS NOT NULL")
        )
        connection.execute(text("UPDATE chunks SET state = 'closed', lease = NULL"))
        connection.execute(text("UPDATE requests SET closed_at = now() - interval '31 days', status = 'completed'"))
    assert number - 1 in filter_building.build_filters(ledger.app, ended_for_s=0)
    assert number - 1 in {one.id for one in volumes.drop_expired(ledger.app, 30)}
    assert desk.one("SELECT to_regclass('outcomes_' || :id)", id=number - 1) is None
    keep_log(keeper)
    with ledger.app.connect() as connection:
        assert check_log(connection, [key.public]).faults == []
    assert gone.recorded.people == 3


def test_the_programs_end_what_may_only_end(ledger: Ledger) -> None:
    with ledger.app.connect() as connection:
        held = {
            (table, privilege)
            for table in rights.ENDED
            for privilege in ("INSERT", "UPDATE", "DELETE")
            if connection.execute(text("SELECT has_table_privilege(:t, :p)"), {"t": table, "p": privilege}).scalar_one()
        }
    assert held == {(table, privilege) for table in rights.ENDED for privilege in ("INSERT", "UPDATE")}
    end_over(ledger.app)


def test_a_legal_hold_begins_withholds_and_ends_with_the_programs_rights_alone(ledger: Ledger, desk: Desk) -> None:
    keeper = Keeper(ledger.app, ledger.masters, "cli:ann", desk.woken.extend)
    (kept,) = people(1)
    hold = keeper.add(kept, Reason.LITIGATION, "case 12")
    desk.submit([kept])
    tools = desk.tools_for(everybody(APPLIED))
    newest = "SELECT CAST(outcome AS text) FROM outcomes ORDER BY request_id DESC, round DESC LIMIT 1"
    desk.work_off(tools)
    assert desk.one(newest) == "withheld"
    keeper.release(hold)
    desk.work_off(tools)
    assert desk.one(newest) == "accepted"


def test_the_readers_read_what_opens_nothing(ledger: Ledger) -> None:
    with ledger.owner.begin() as connection:
        connection.execute(text(f'SET LOCAL ROLE "{READER}"'))
        for table in sorted(rights.TABLES - rights.HIDDEN):
            connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1"))  # noqa: S608 - our own names
    for statement in ("SELECT * FROM keys", "SELECT * FROM users", "INSERT INTO turns DEFAULT VALUES"):
        with ledger.owner.begin() as connection:
            connection.execute(text(f'SET LOCAL ROLE "{READER}"'))
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text(statement))


def test_who_is_separated_and_why_not(ledger: Ledger, ruled_url: str) -> None:
    owner = address(ruled_url, database=NAME)
    with ledger.app.connect() as connection:
        assert why_not_separated(connection) is None
    with ledger.owner.connect() as connection:
        assert why_not_separated(connection) == "its user is a superuser, or may make roles"
    for grant, undo, why in (
        (f'GRANT "{OWNER}" TO {USER}', f'REVOKE "{OWNER}" FROM {USER}', "its user owns the tables"),
        (f"GRANT DELETE ON notes TO {USER}", f"REVOKE DELETE ON notes FROM {USER}", "delete what is in notes"),
        (
            f"GRANT CREATE ON SCHEMA public TO {USER}",
            f"REVOKE CREATE ON SCHEMA public FROM {USER}",
            "its user may create tables",
        ),
    ):
        execute(owner, grant)
        with ledger.app.connect() as connection:
            assert why in (why_not_separated(connection) or "")
        execute(owner, undo)


def test_the_login_of_the_programs_is_made_and_mended(ledger: Ledger, ruled_url: str) -> None:
    for word in ("first", "sec'ond"):
        url = make_url(ruled_url).set(database=NAME, username="sep-made", password=word)
        keep_login(ledger.owner, url.render_as_string(hide_password=False))
        made = connect(url.render_as_string(hide_password=False), pool_size=1)
        check_fitness(made)
        with made.connect() as connection:
            assert why_not_separated(connection) is None
        made.dispose()
    execute(ruled_url, 'DROP ROLE "sep-made"')


def test_who_may_make_no_roles_migrates_and_is_told_what_an_administrator_runs(ruled_url: str) -> None:
    name, user = "no-roles", "no_roles_user"
    here = address(ruled_url, database=name)
    with database(ruled_url, name, user=user) as url:
        execute(here, f"GRANT CREATE, USAGE ON SCHEMA public TO {user}")
        engine = connect(url, pool_size=2)
        told = migrate(engine)
        check_fitness(engine)
        assert told is not None
        execute(here, *told.split("; "))
        assert migrate(engine) is None
        check_fitness(engine)
        engine.dispose()
        execute(here, f'DROP OWNED BY "{name}_owner" CASCADE')


def test_users_with_rights_of_their_own_get_the_role_at_an_update(ruled_url: str) -> None:
    name, user = "upgraded", "upgraded_user"
    here = address(ruled_url, database=name)
    with database(ruled_url, name, user=user) as url:
        owner, program = connect(here, pool_size=2), connect(url, pool_size=1)
        migrate(owner, "0035")
        execute(
            here,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}",
            f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {user}",
        )
        migrate(owner)
        check_fitness(program)
        with program.connect() as connection:
            assert "may change or delete" in (why_not_separated(connection) or "")
        owner.dispose()
        program.dispose()
