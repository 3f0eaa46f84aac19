"""The ledger itself makes the entries of the evidence log from what triggers wrote. Before, the programs gave them, and
could give more fields than were logged, or other vendors.

The function with entries stays for programs from before. It takes none but those that the ledger makes.
"""

from alembic import op
from sqlalchemy import text

revision = "0049"
down_revision = "0048"

FUNCTIONS = """
    -- RFC 8785, for what is logged: names in ASCII, and numbers that PostgreSQL writes as JavaScript does.
    CREATE FUNCTION canonical_json(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        CASE jsonb_typeof(value)
            WHEN 'object' THEN
                RETURN (
                    SELECT '{' || COALESCE(string_agg(
                        CAST(to_json(key) AS text) || ':' || canonical_json(each.value), ',' ORDER BY key COLLATE "C"),
                        '') || '}'
                    FROM jsonb_each(value) AS each);
            WHEN 'array' THEN
                RETURN (
                    SELECT '[' || COALESCE(string_agg(canonical_json(each.value), ',' ORDER BY place), '') || ']'
                    FROM jsonb_array_elements(value) WITH ORDINALITY AS each (value, place));
            ELSE
                RETURN CAST(value AS text);
        END CASE;
    END $$;

    -- What was logged becomes an entry, or stays: nothing is dropped, nothing else becomes one, and no field is added.
    -- Vendors' names stand in it, because their numbers mean nothing elsewhere. Its outermost object is not left to
    -- canonical_json, and neither is what is no container: for each entry that would take as long as all the rest.
    CREATE FUNCTION append_log(ids bigint[]) RETURNS SETOF bytea
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        first bigint;
        appended bigint;
        names jsonb := (SELECT jsonb_object_agg(id, name) FROM vendors);
    BEGIN
        IF cardinality(ids) <> (SELECT count(DISTINCT id) FROM unnest(ids) AS given (id)) THEN
            RAISE EXCEPTION 'what was logged once becomes one entry' USING ERRCODE = 'restrict_violation';
        END IF;
        SELECT size INTO first FROM log_head FOR UPDATE;
        RETURN QUERY WITH taken AS (
            DELETE FROM log_pending WHERE id = ANY (ids) RETURNING *
        ), made AS (
            INSERT INTO log_entries (index, type, request, row_id, entry)
            SELECT first + place - 1, type, request, row_id, convert_to((
                SELECT '{' || string_agg(CAST(to_json(key) AS text) || ':' ||
                    CASE WHEN jsonb_typeof(value) IN ('object', 'array') THEN canonical_json(value)
                        ELSE CAST(value AS text) END, ',' ORDER BY key COLLATE "C") || '}'
                FROM jsonb_each(facts
                    || CASE WHEN jsonb_typeof(facts -> 'vendors') = 'array' THEN jsonb_build_object('vendors', (
                            SELECT COALESCE(jsonb_agg(names -> vendor ORDER BY names ->> vendor COLLATE "C"), '[]')
                            FROM jsonb_array_elements_text(facts -> 'vendors') AS each (vendor)))
                        WHEN jsonb_typeof(facts -> 'vendor') = 'number'
                        THEN jsonb_build_object('vendor', names -> (facts ->> 'vendor')) ELSE '{}' END
                    || jsonb_build_object('type', type, 'logged_at', log_utc(at), 'request', request, 'row', row_id))
                WHERE value <> 'null'), 'UTF8')
            FROM unnest(ids) WITH ORDINALITY AS given (id, place) JOIN taken USING (id)
            RETURNING index, entry
        )
        SELECT made.entry FROM made ORDER BY made.index;
        GET DIAGNOSTICS appended = ROW_COUNT;
        IF appended <> cardinality(ids) THEN
            RAISE EXCEPTION 'not all of this was logged, or it is in order already'
                USING ERRCODE = 'restrict_violation';
        END IF;
        UPDATE log_head SET size = first + appended;
    END $$;

    CREATE OR REPLACE FUNCTION append_log(ids bigint[], entries bytea[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF ARRAY(SELECT append_log(ids)) IS DISTINCT FROM entries THEN
            RAISE EXCEPTION 'these entries are not what was logged' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN (SELECT size FROM log_head);
    END $$;
"""
OF_THE_OWNER = ("append_log(bigint[])", "append_log(bigint[], bytea[])")


def upgrade() -> None:
    op.execute(FUNCTIONS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in OF_THE_OWNER:
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
