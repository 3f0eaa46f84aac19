"""What the user of a connection may do with the ledger: too little to work, or enough to change evidence."""

from sqlalchemy import Connection, text

from ledger.rights import CALLED, OF_PROGRAMS, PROTECTED, SEQUENCES
from ledger.role_names import place_of

NOT_SEPARATED = "roles not separated"
SEPARATED = "roles separated"


def rights_lacking(connection: Connection) -> list[str]:
    """Tables, sequences and functions on which a program lacks a right that it needs."""
    tables, privileges = zip(*sorted(OF_PROGRAMS), strict=True)
    values = {
        "tables": list(tables),
        "privileges": list(privileges),
        "sequences": [*SEQUENCES, "requests_id_seq"],
        "functions": list(CALLED),
    }
    return list(connection.execute(_LACKING, values).scalars())


# A table that does not exist is told by another check.
_LACKING = text("""
    SELECT DISTINCT given.table FROM unnest(CAST(:tables AS text[]), CAST(:privileges AS text[]))
        AS given ("table", privilege)
    WHERE NOT has_table_privilege(to_regclass(given.table), privilege)
    UNION
    SELECT name FROM unnest(CAST(:sequences AS text[])) AS name
    WHERE NOT has_sequence_privilege(to_regclass(name), 'USAGE')
    UNION
    SELECT CAST(proname AS text) FROM pg_proc
    WHERE pronamespace = CAST(quote_ident(current_schema()) AS regnamespace)
        AND proname = ANY(CAST(:functions AS text[])) AND NOT has_function_privilege(oid, 'EXECUTE')
    ORDER BY 1
""")


def why_not_separated(connection: Connection) -> str | None:
    """Why somebody who has this connection's address could change what was recorded, or the tables themselves; None
    where they could not."""
    found = connection.execute(
        _COULD, {"protected": sorted(PROTECTED), "owner": place_of(connection).roles.owner}
    ).one()
    if found.is_super:
        return "its user is a superuser, or may make roles"
    if found.owned:
        return "its user owns the tables"
    if found.changes:
        return f"its user may change or delete what is in {', '.join(found.changes)}"
    return "its user may create tables" if found.may_create else None


_COULD = text("""
    SELECT rolsuper OR rolcreaterole AS is_super,
        has_schema_privilege(current_schema(), 'CREATE') AS may_create,
        EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('outcomes') AND pg_has_role(relowner, 'MEMBER'))
        OR EXISTS (SELECT FROM pg_roles AS owners WHERE rolname = :owner AND pg_has_role(owners.oid, 'MEMBER'))
        AS owned,
        ARRAY(
            SELECT name FROM unnest(CAST(:protected AS text[])) AS name
            WHERE has_table_privilege(to_regclass(name), 'UPDATE, DELETE, TRUNCATE') ORDER BY name) AS changes
    FROM pg_roles WHERE rolname = current_user
""")
