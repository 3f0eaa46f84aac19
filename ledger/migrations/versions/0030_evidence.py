"""The log of everything that matters, its signed checkpoints, and the trees of outcomes.

Triggers write what happens into `log_pending`, in the transaction in which it happens and in no order. The sequencer
(ledger/evidence/sequencer.py) puts it in order: no commit waits for another one. See docs/decisions/0054-evidence.md.
"""

from alembic import op
from sqlalchemy import text

revision = "0030"
down_revision = "0026"

TABLES = """
    CREATE TABLE log_head (
        one            boolean PRIMARY KEY DEFAULT true CHECK (one),
        id             uuid NOT NULL DEFAULT gen_random_uuid(),
        origin         text, -- the log's name, from its first checkpoint on
        size           bigint NOT NULL DEFAULT 0,
        requests_after bigint NOT NULL DEFAULT 0, -- what is older than the log is not in it
        notes_after    bigint NOT NULL DEFAULT 0
    );
    INSERT INTO log_head (requests_after, notes_after)
    SELECT COALESCE((SELECT max(id) FROM requests), 0), COALESCE((SELECT max(id) FROM notes), 0);

    CREATE TABLE log_pending (
        id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        type    text NOT NULL,
        request uuid,
        row_id  bigint, -- of what it was written for, where that has a number
        facts   jsonb NOT NULL
    ) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_insert_threshold = -1);
    -- What `entry` says stands beside it, so that rows can be compared with it in SQL. Only `entry` is hashed.
    CREATE TABLE log_entries (
        index   bigint PRIMARY KEY,
        type    text NOT NULL,
        request uuid,
        row_id  bigint,
        entry   bytea NOT NULL CHECK (length(entry) <= 65535)
    );
    CREATE INDEX log_entries_of_request ON log_entries (request, index) WHERE request IS NOT NULL;
    CREATE TABLE log_tiles (
        level  smallint NOT NULL,
        number bigint NOT NULL,
        hashes bytea NOT NULL CHECK (length(hashes) = 8192),
        root   bytea NOT NULL CHECK (length(root) = 32),
        PRIMARY KEY (level, number)
    );
    CREATE TABLE log_checkpoints (
        size   bigint PRIMARY KEY,
        signed text NOT NULL,
        at     timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE TABLE signing_keys (
        public  bytea PRIMARY KEY CHECK (length(public) = 32),
        name    text NOT NULL,
        used_at timestamptz NOT NULL DEFAULT clock_timestamp() -- for the first time
    );

    -- Whose outcomes may have to be hashed. Without a key, as `settling`.
    CREATE TABLE trees_due (
        request_id bigint NOT NULL
    ) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_insert_threshold = -1);
    CREATE TABLE outcome_trees (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        request_id bigint NOT NULL REFERENCES requests,
        size       integer NOT NULL,
        root       bytea NOT NULL CHECK (length(root) = 32),
        vendors    jsonb NOT NULL, -- by name, how many deliveries ended how
        made_at    timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX outcome_trees_of_request ON outcome_trees (request_id, id);
    CREATE TABLE outcome_tiles (
        tree_id bigint NOT NULL REFERENCES outcome_trees,
        number  integer NOT NULL,
        root    bytea NOT NULL CHECK (length(root) = 32),
        hashes  bytea NOT NULL, -- of 256 lines, 32 bytes each
        people  bytea NOT NULL, -- 16 bytes for each of these lines: the keyed hash of who it is
        PRIMARY KEY (tree_id, number)
    );
"""

# Run with the rights of the tables' owner, whoever changes something. Their search_path is set below.
FUNCTIONS = """
    CREATE FUNCTION log_utc(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    $$;

    CREATE FUNCTION log_received(request requests) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT jsonb_build_object('kind', request.kind, 'people', request.subjects, 'repeats', request.duplicates,
            'vendors', to_jsonb(request.vendor_ids), 'regulation', request.regulation, 'by', request.submitted_by,
            'received_at', log_utc(request.received_at), 'due_at', log_utc(request.due_at),
            'status', request.status)
    $$;

    CREATE FUNCTION log_new_requests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, facts)
        SELECT 'request.received', public_id, log_received(fresh) FROM fresh WHERE status <> 'loading';
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF OLD.status = 'loading' THEN
            INSERT INTO log_pending (type, request, facts)
            VALUES ('request.received', NEW.public_id, log_received(NEW));
        ELSIF NEW.status <> OLD.status OR NEW.closed_at IS DISTINCT FROM OLD.closed_at THEN
            INSERT INTO log_pending (type, request, facts) VALUES ('request.status', NEW.public_id,
                jsonb_build_object('status', NEW.status, 'closed_at', log_utc(NEW.closed_at)));
            IF NEW.closed_at IS NOT NULL THEN
                INSERT INTO trees_due (request_id) VALUES (NEW.id);
            END IF;
        END IF;
        IF NEW.data_key IS NULL AND OLD.data_key IS NOT NULL THEN
            INSERT INTO log_pending (type, request, facts) VALUES ('request.forgotten', NEW.public_id, '{}');
        END IF;
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_notes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, row_id, facts)
        SELECT 'deed', public_id, fresh.id, jsonb_build_object('deed', deed, 'by', by, 'because', reason,
            'vendor', vendor_id, 'at', log_utc(at))
        FROM fresh LEFT JOIN requests ON requests.id = fresh.request_id;
        INSERT INTO trees_due (request_id)
        SELECT DISTINCT requests.id FROM fresh JOIN requests ON requests.id = fresh.request_id
        WHERE closed_at IS NOT NULL;
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_vendor() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, facts) VALUES ('vendor', jsonb_build_object('vendor', NEW.id,
            'enabled', NEW.enabled, 'held_at', log_utc(NEW.held_at), 'held_by', NEW.held_by,
            'off_by', NEW.off_by, 'retired_at', log_utc(NEW.retired_at)));
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, facts) VALUES ('signing_key', jsonb_build_object(
            'name', NEW.name, 'public', translate(encode(NEW.public, 'base64'), E'\\n', '')));
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_wrapped_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, facts) VALUES ('key', jsonb_build_object('purpose', NEW.purpose,
            'wrapped', encode(sha256(NEW.wrapped), 'hex')));
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_outcomes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, row_id, facts)
        SELECT 'outcomes', public_id, NEW.id, jsonb_build_object('vendors', NEW.vendors, 'size', NEW.size,
            'root', translate(encode(NEW.root, 'base64'), E'\\n', ''), 'at', log_utc(NEW.made_at))
        FROM requests WHERE requests.id = NEW.request_id;
        RETURN NULL;
    END $$;

    CREATE FUNCTION tree_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO trees_due (request_id) VALUES (NEW.request_id);
        RETURN NULL;
    END $$;

    -- A checkpoint may go when a later one of the same day stands in for it.
    CREATE FUNCTION keep_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM log_checkpoints
            WHERE size > OLD.size AND at < date_trunc('day', OLD.at) + interval '1 day')
        THEN
            RAISE EXCEPTION 'log_checkpoints are append-only' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$;

    -- What a tree's lines were goes when the volume of its request does.
    CREATE FUNCTION keep_outcome_tile() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM outcome_trees JOIN volumes ON request_id >= first_request AND request_id < past_request
            WHERE outcome_trees.id = OLD.tree_id AND dropped_at IS NOT NULL)
        THEN
            RAISE EXCEPTION 'outcome_tiles are append-only' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$;
"""

TRIGGERS = """
    CREATE TRIGGER requests_log_new AFTER INSERT ON requests REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION log_new_requests();
    CREATE TRIGGER requests_log_change AFTER UPDATE ON requests FOR EACH ROW
        WHEN (NEW.status <> OLD.status OR NEW.closed_at IS DISTINCT FROM OLD.closed_at
            OR (NEW.data_key IS NULL AND OLD.data_key IS NOT NULL))
        EXECUTE FUNCTION log_request();
    CREATE TRIGGER notes_log AFTER INSERT ON notes REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION log_notes();
    CREATE TRIGGER vendors_log AFTER UPDATE ON vendors FOR EACH ROW
        WHEN (NEW.enabled <> OLD.enabled OR (NEW.held_at IS NULL) <> (OLD.held_at IS NULL)
            OR (NEW.retired_at IS NULL) <> (OLD.retired_at IS NULL))
        EXECUTE FUNCTION log_vendor();
    CREATE TRIGGER signing_keys_log AFTER INSERT ON signing_keys FOR EACH ROW EXECUTE FUNCTION log_key();
    CREATE TRIGGER keys_log AFTER INSERT OR UPDATE OF wrapped ON keys FOR EACH ROW EXECUTE FUNCTION log_wrapped_key();
    CREATE TRIGGER outcome_trees_log AFTER INSERT ON outcome_trees FOR EACH ROW EXECUTE FUNCTION log_outcomes();
    CREATE TRIGGER chunks_tree_due AFTER UPDATE OF state ON chunks FOR EACH ROW
        WHEN (NEW.state = 'closed' AND OLD.state <> 'closed' AND NEW.purpose = 'verify')
        EXECUTE FUNCTION tree_due();

    CREATE TRIGGER log_checkpoints_kept BEFORE DELETE ON log_checkpoints
        FOR EACH ROW EXECUTE FUNCTION keep_checkpoint();
    CREATE TRIGGER outcome_tiles_kept BEFORE DELETE ON outcome_tiles
        FOR EACH ROW EXECUTE FUNCTION keep_outcome_tile();
"""
APPEND_ONLY = {
    "log_pending": "UPDATE",
    "log_entries": "UPDATE OR DELETE",
    "log_tiles": "UPDATE OR DELETE",
    "log_checkpoints": "UPDATE",
    "signing_keys": "UPDATE OR DELETE",
    "outcome_trees": "UPDATE OR DELETE",
    "outcome_tiles": "UPDATE",
}
OF_THE_OWNER = ("log_new_requests", "log_request", "log_notes", "log_vendor", "log_key", "log_wrapped_key",
                "log_outcomes", "tree_due")  # fmt: skip


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
    for table, what in APPEND_ONLY.items():
        op.execute(f"""
        CREATE TRIGGER {table}_append_only BEFORE {what} ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER {table}_not_truncated BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        """)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for name in OF_THE_OWNER:
        op.execute(f"ALTER FUNCTION {name}() SET search_path = {schema}, pg_temp")
