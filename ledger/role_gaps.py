"""What is missing of a ledger's roles and their rights, as the statements that put it right."""

from collections.abc import Callable, Iterator

from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Connection, text

from ledger.rights import (
    CALLED,
    COLUMNS_CHANGED,
    FUNCTIONS,
    INNER,
    OF_PROGRAMS,
    OF_READERS,
    SEQUENCES,
    TABLES,
    Right,
)
from ledger.role_names import Place

_SCHEMA = "CAST(quote_ident(current_schema()) AS regnamespace)"
_TABLES = f"pg_class WHERE relnamespace = {_SCHEMA} AND relname = ANY(CAST(:names AS text[]))"
_FUNCTIONS = f"pg_proc WHERE pronamespace = {_SCHEMA} AND proname = ANY(CAST(:names AS text[]))"


def roles(connection: Connection, place: Place) -> Iterator[Composed]:
    """Roles that do not exist."""
    known = set(connection.execute(_KNOWN, {"names": list(place.roles)}).scalars())
    for role in place.roles:
        if role not in known:
            yield SQL("CREATE ROLE {}").format(Identifier(role))


_KNOWN = text("SELECT CAST(rolname AS text) FROM pg_roles WHERE rolname = ANY(CAST(:names AS text[]))")


def membership(connection: Connection, place: Place) -> Iterator[Composed]:
    """What this user needs to give the owner our tables, and to migrate them afterwards."""
    owner, schema = Identifier(place.roles.owner), Identifier(place.schema)
    found = connection.execute(_MEMBERSHIP, {"owner": place.roles.owner, "schema": place.schema}).one()
    if not found.is_member:
        with_all = SQL("WITH INHERIT TRUE, SET TRUE" if found.version >= 160_000 else "")
        yield SQL("GRANT {} TO {} {}").format(owner, Identifier(place.user), with_all)
    if not found.may_create:
        yield SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(schema, owner)


_MEMBERSHIP = text("""
    SELECT pg_has_role(CAST(:owner AS name), 'USAGE') AS is_member,
        has_schema_privilege(CAST(:owner AS name), CAST(:schema AS text), 'CREATE') AS may_create,
        CAST(current_setting('server_version_num') AS integer) AS version
""")


def tables(connection: Connection, place: Place) -> Iterator[Composed]:
    """Tables of somebody else, with the parts of volumes, sequences, and the types of columns."""
    owner = place.roles.owner
    for what, name in connection.execute(_FOREIGN, {"names": list(TABLES | SEQUENCES), "owner": owner}):
        yield SQL("ALTER {} {} OWNER TO {}").format(SQL(what), Identifier(name), Identifier(owner))


_FOREIGN = text(f"""
    WITH ours AS (SELECT oid, relname, relkind, relowner FROM {_TABLES}),
    with_parts AS (
        SELECT * FROM ours
        UNION ALL
        SELECT part.oid, part.relname, part.relkind, part.relowner
        FROM ours JOIN pg_inherits ON inhparent = ours.oid JOIN pg_class AS part ON part.oid = inhrelid
        WHERE part.relkind IN ('r', 'p'))
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, CAST(relname AS text) FROM with_parts
    WHERE pg_get_userbyid(relowner) <> :owner
    UNION ALL
    SELECT DISTINCT 'TYPE', CAST(typname AS text)
    FROM ours JOIN pg_attribute ON attrelid = ours.oid JOIN pg_type ON pg_type.oid = atttypid
    WHERE typtype IN ('c', 'e') AND typnamespace = {_SCHEMA} AND pg_get_userbyid(typowner) <> :owner
""")


def functions(connection: Connection, place: Place) -> Iterator[Composed]:
    """Functions of somebody else. After the tables: until these are the owner's too, a function with its owner's rights
    could not use them."""
    owner = place.roles.owner
    for signature in connection.execute(_FOREIGN_FUNCTIONS, {"names": list(FUNCTIONS), "owner": owner}).scalars():
        yield SQL("ALTER FUNCTION {} OWNER TO {}").format(SQL(signature), Identifier(owner))


_FOREIGN_FUNCTIONS = text(f"""
    SELECT CAST(CAST(oid AS regprocedure) AS text) FROM {_FUNCTIONS} AND pg_get_userbyid(proowner) <> :owner
""")


def rights_on_tables(connection: Connection, place: Place) -> Iterator[Composed]:
    """Rights that a role lacks, or has and should not have."""
    for role, wanted in ((place.roles.app, OF_PROGRAMS), (place.roles.reader, OF_READERS)):
        found = {Right(*row) for row in connection.execute(_GIVEN, {"names": list(TABLES), "role": role})}
        for right in sorted(wanted - found):
            yield _of(right, "GRANT {} ON {} TO {}", role)
        for right in sorted(found - wanted):
            yield _of(right, "REVOKE {} ON {} FROM {}", role)
    for table, columns in COLUMNS_CHANGED.items():
        app = place.roles.app
        if not connection.execute(_MAY_CHANGE, {"role": app, "table": table, "columns": list(columns)}).scalar_one():
            named = SQL(", ").join(map(Identifier, columns))
            yield SQL("GRANT UPDATE ({}) ON {} TO {}").format(named, Identifier(table), Identifier(app))


def _of(right: Right, statement: str, role: str) -> Composed:
    return SQL(statement).format(SQL(right.privilege), Identifier(right.table), Identifier(role))


_GIVEN = text(f"""
    SELECT CAST(relname AS text), privilege_type FROM (SELECT * FROM {_TABLES}) AS ours, aclexplode(relacl)
    WHERE grantee = CAST(quote_ident(:role) AS regrole)
""")
_MAY_CHANGE = text("""
    SELECT bool_and(has_column_privilege(CAST(:role AS name), CAST(:table AS text), name, 'UPDATE'))
    FROM unnest(CAST(:columns AS text[])) AS name
""")


def other_rights(connection: Connection, place: Place) -> Iterator[Composed]:
    """Rights on the schema, its sequences and functions; and the role of the programs for users who have their rights
    from an administrator, by earlier versions of these pages."""
    app, reader = place.roles.app, place.roles.reader
    values = {"app": app, "reader": reader, "schema": place.schema}
    for role in connection.execute(_OUTSIDE, values).scalars():
        yield SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(place.schema), Identifier(role))
    for sequence in connection.execute(_NUMBERLESS, {"names": list(TABLES), "more": list(SEQUENCES), "app": app}):
        yield SQL("GRANT USAGE, SELECT ON SEQUENCE {} TO {}").format(Identifier(sequence.name), Identifier(app))
    for row in connection.execute(_CALLERS, {"names": list(CALLED | INNER), "app": app}):
        signature = SQL(row.signature)
        if row.is_everybody:
            yield SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(signature)
        if row.name in CALLED and not row.is_app:
            yield SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(signature, Identifier(app))
    for user in connection.execute(_PROGRAMS_BEFORE, {"app": app}).scalars():
        yield SQL("GRANT {} TO {}").format(Identifier(app), Identifier(user))


_OUTSIDE = text("""
    SELECT role FROM unnest(ARRAY[CAST(:app AS text), CAST(:reader AS text)]) AS role
    WHERE NOT has_schema_privilege(role, CAST(:schema AS text), 'USAGE')
""")
_NUMBERLESS = text(f"""
    WITH ours AS (SELECT oid FROM {_TABLES})
    SELECT CAST(relname AS text) AS name FROM pg_class
    WHERE relkind = 'S' AND relnamespace = {_SCHEMA}
        AND (relname = ANY(CAST(:more AS text[])) OR oid IN (
            SELECT objid FROM pg_depend WHERE classid = CAST('pg_class' AS regclass) AND refobjid IN (TABLE ours)))
        AND NOT (has_sequence_privilege(CAST(:app AS name), oid, 'USAGE')
            AND has_sequence_privilege(CAST(:app AS name), oid, 'SELECT'))
""")
_CALLERS = text(f"""
    SELECT CAST(proname AS text) AS name, CAST(CAST(oid AS regprocedure) AS text) AS signature,
        EXISTS (SELECT FROM aclexplode(COALESCE(proacl, acldefault('f', proowner))) WHERE grantee = 0) AS is_everybody,
        EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = CAST(quote_ident(:app) AS regrole)) AS is_app
    FROM {_FUNCTIONS}
""")
_PROGRAMS_BEFORE = text("""
    SELECT DISTINCT CAST(pg_get_userbyid(grantee) AS text) FROM pg_class, aclexplode(relacl)
    WHERE pg_class.oid = to_regclass('requests') AND privilege_type = 'INSERT' AND grantee NOT IN (0, relowner)
        AND NOT pg_has_role(grantee, CAST(:app AS name), 'MEMBER')
        AND pg_has_role(CAST(:app AS name), 'MEMBER WITH ADMIN OPTION')
""")

GAPS: tuple[Callable[[Connection, Place], Iterator[Composed]], ...] = (
    roles,
    membership,
    tables,
    functions,
    rights_on_tables,
    other_rights,
)
"""In the order in which they are closed: each is looked for once those before it are closed."""
