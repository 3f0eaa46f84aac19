"""Which of the volumes that have ended may hold a person: told by a filter of fingerprints for each of them."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("""
    -- A Bloom filter in blocks: all bits of a fingerprint lie in one of them. `filter_blocks` is written when it is
    -- whole; until then, and wherever a block is missing, the volume may hold anybody.
    CREATE SEQUENCE person_filters_id AS integer;
    ALTER TABLE volumes ADD COLUMN filter integer UNIQUE, ADD COLUMN filter_blocks integer CHECK (filter_blocks > 0);
    CREATE TABLE person_filters (
        filter integer NOT NULL,
        block  integer NOT NULL,
        bits   bytea NOT NULL CHECK (octet_length(bits) = 1024),
        PRIMARY KEY (filter, block)
    );
    ALTER TABLE person_filters ALTER COLUMN bits SET STORAGE PLAIN; -- read where it lies, neither packed nor apart

    -- Fingerprints that came to a volume after its filter was begun.
    CREATE TABLE late_prints (
        volume smallint NOT NULL,
        print  uuid NOT NULL,
        PRIMARY KEY (volume, print)
    );
    -- By a trigger on volumes that have ended, and on no other: it holds for programs of an older version too, and
    -- costs nothing where people are taken in.
    CREATE FUNCTION note_late_prints() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO late_prints (volume, print)
        SELECT CAST(TG_ARGV[0] AS smallint), print
        FROM unnest(ARRAY[NEW.user_print, NEW.email_print, NEW.phone_print]) AS given (print)
        WHERE print IS NOT NULL
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;

    -- Fingerprints are keyed hashes, so their own bytes are what a Bloom filter's hash functions would give:
    -- ledger/filter_building.py fills blocks the same way.
    CREATE FUNCTION filter_block(print uuid, blocks integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT ((get_byte(uuid_send(print), 0) << 16) | (get_byte(uuid_send(print), 1) << 8)
            | get_byte(uuid_send(print), 2)) % blocks
    $$;
    CREATE FUNCTION filter_may_hold(bits bytea, print uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT get_bit(bits, ((get_byte(uuid_send(print), 3) << 8) | get_byte(uuid_send(print), 4)) & 8191) = 1
            AND get_bit(bits, ((get_byte(uuid_send(print), 5) << 8) | get_byte(uuid_send(print), 6)) & 8191) = 1
            AND get_bit(bits, ((get_byte(uuid_send(print), 7) << 8) | get_byte(uuid_send(print), 8)) & 8191) = 1
            AND get_bit(bits, ((get_byte(uuid_send(print), 9) << 8) | get_byte(uuid_send(print), 10)) & 8191) = 1
            AND get_bit(bits, ((get_byte(uuid_send(print), 11) << 8) | get_byte(uuid_send(print), 12)) & 8191) = 1
            AND get_bit(bits, ((get_byte(uuid_send(print), 13) << 8) | get_byte(uuid_send(print), 14)) & 8191) = 1
    $$;
    """)
