"""A request that came is kept as it is until its entry is written, and an audit entry is hashed as a JSON array of what
it says. Every API post has one of each, and they take less time so."""

from alembic import op
from sqlalchemy import text

revision = "0057"
down_revision = "0056"

TABLES = """
    CREATE TYPE received_request AS (
        kind         kind,
        people       integer,
        repeats      integer,
        vendor_ids   smallint[],
        regulation   text,
        by           text,
        received_at  timestamptz,
        due_at       timestamptz,
        asked_at     timestamptz,
        effective_at timestamptz,
        confirmed_by text,
        status       request_status
    );
    ALTER TABLE log_pending ADD COLUMN received received_request; -- a request that came, whose `facts` are empty then

    -- How its entries were written to be hashed, see log_audit_entry.
    ALTER TABLE audit_batches ADD COLUMN format smallint NOT NULL DEFAULT 1 CHECK (format IN (1, 2));
"""

FUNCTIONS = """
    CREATE FUNCTION as_received(request requests) RETURNS received_request LANGUAGE sql STABLE AS $$
        SELECT CAST(ROW(request.kind, request.subjects, request.duplicates, request.vendor_ids, request.regulation,
            request.submitted_by, request.received_at, request.due_at, request.asked_at, request.effective_at,
            request.confirmed_by, request.status) AS received_request)
    $$;

    CREATE OR REPLACE FUNCTION log_new_requests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, facts, received)
        SELECT 'request.received', public_id, '{}', as_received(fresh) FROM fresh WHERE status <> 'loading';
        RETURN NULL;
    END $$;

    CREATE OR REPLACE FUNCTION log_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF OLD.status = 'loading' THEN
            INSERT INTO log_pending (type, request, facts, received)
            VALUES ('request.received', NEW.public_id, '{}', as_received(NEW));
        ELSIF NEW.status <> OLD.status OR NEW.closed_at IS DISTINCT FROM OLD.closed_at THEN
            INSERT INTO log_pending (type, request, facts) VALUES ('request.status', NEW.public_id,
                jsonb_build_object('status', NEW.status, 'closed_at', log_utc(NEW.closed_at)));
            IF NEW.closed_at IS NOT NULL THEN
                INSERT INTO trees_due (request_id) VALUES (NEW.id);
            END IF;
        END IF;
        RETURN NULL;
    END $$;

    -- As canonical_json would write it. `vendors`: their names as canonical JSON.
    CREATE FUNCTION received_json(came received_request, vendors text, request uuid, logged_at timestamptz) RETURNS text
    LANGUAGE sql STABLE AS $$
        SELECT '{' || concat_ws(',',
            '"asked_at":"' || log_utc(came.asked_at) || '"',
            '"by":' || CAST(to_json(came.by) AS text),
            '"confirmed_by":' || CAST(to_json(came.confirmed_by) AS text),
            '"due_at":"' || log_utc(came.due_at) || '"',
            '"effective_at":"' || log_utc(came.effective_at) || '"',
            '"kind":"' || came.kind || '"',
            '"logged_at":"' || log_utc(logged_at) || '"',
            '"people":' || came.people,
            '"received_at":"' || log_utc(came.received_at) || '"',
            '"regulation":' || CAST(to_json(came.regulation) AS text),
            '"repeats":' || came.repeats,
            '"request":"' || request || '"',
            '"status":"' || came.status || '"',
            '"type":"request.received"',
            '"vendors":' || vendors) || '}'
    $$;

    CREATE OR REPLACE FUNCTION append_log(ids bigint[]) RETURNS SETOF bytea
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
        ), named AS MATERIALIZED (
            -- Most requests go to the same vendors.
            SELECT vendor_ids, (
                SELECT '[' || COALESCE(string_agg(CAST(names -> CAST(id AS text) AS text), ','
                    ORDER BY names ->> CAST(id AS text) COLLATE "C"), '') || ']'
                FROM unnest(vendor_ids) AS each (id)) AS vendors
            FROM (SELECT DISTINCT (received).vendor_ids FROM taken) AS those
        ), made AS (
            INSERT INTO log_entries (index, type, request, row_id, entry)
            SELECT first + place - 1, type, request, row_id, convert_to(
                CASE WHEN received IS DISTINCT FROM NULL THEN received_json(received, vendors, request, at)
                ELSE (
                    SELECT '{' || string_agg(CAST(to_json(key) AS text) || ':' ||
                        CASE WHEN jsonb_typeof(value) IN ('object', 'array') THEN canonical_json(value)
                            ELSE CAST(value AS text) END, ',' ORDER BY key COLLATE "C") || '}'
                    FROM jsonb_each(facts
                        || CASE WHEN jsonb_typeof(facts -> 'vendors') = 'array' THEN jsonb_build_object('vendors', (
                                SELECT COALESCE(jsonb_agg(names -> vendor ORDER BY names ->> vendor COLLATE "C"), '[]')
                                FROM jsonb_array_elements_text(facts -> 'vendors') AS each (vendor)))
                            WHEN jsonb_typeof(facts -> 'vendor') = 'number'
                            THEN jsonb_build_object('vendor', names -> (facts ->> 'vendor')) ELSE '{}' END
                        || jsonb_build_object(
                            'type', type, 'logged_at', log_utc(at), 'request', request, 'row', row_id))
                    WHERE value <> 'null') END, 'UTF8')
            FROM unnest(ids) WITH ORDINALITY AS given (id, place) JOIN taken USING (id)
            LEFT JOIN named ON vendor_ids = (received).vendor_ids
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

    DROP FUNCTION received_json(jsonb, text, uuid, text);
    DROP FUNCTION log_received(requests);

    -- Everything that an audit entry says, as it is hashed. Format 1 is that of batches from before: a column that is
    -- added later is null in them. Format 2 takes a quarter of the time; another column needs another format.
    CREATE FUNCTION log_audit_entry(entry audit_entries, format smallint) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE format
            WHEN 1 THEN log_audit_entry(entry)
            WHEN 2 THEN CAST(json_build_array(entry.id, log_utc(entry.at), entry.by, entry.deed, entry.target,
                entry.allowed, entry.status, entry.because, entry.source, entry.key_prefix, entry.account) AS text)
        END
    $$;
"""
OF_THE_OWNER = ("log_new_requests()", "log_request()", "append_log(bigint[])")


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in OF_THE_OWNER:
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
