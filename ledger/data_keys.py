"""Where the data keys of requests lie, wrapped by a master key: in a table of their own, so that a backup without it
can never be read. `ledger.keys.open_key` opens one.

Expressions alone, without SQLAlchemy: `consent status` needs them."""


def wrapped_key(of: str = "requests") -> str:
    """An expression: the wrapped data key of a row of the table `of`; NULL where its people are forgotten."""
    return f"(SELECT wrapped FROM data_keys WHERE data_keys.request_id = {of}.id)"


def has_key(of: str = "requests") -> str:
    """A condition on a row of the table `of`: its people, or some of them, are not forgotten.

    `forgotten_at` says the same, and is looked at again where a statement has waited for the row's lock.
    """
    return f"({of}.forgotten_at IS NULL AND EXISTS (SELECT FROM data_keys WHERE data_keys.request_id = {of}.id))"


def keeps(of: str) -> str:
    """A condition on a row of the table `of` (request_id, line) whose person is not forgotten, and can be found.

    Where those who wait are kept, the others count as forgotten as soon as forgetting them has begun.
    """
    return f"""(
        EXISTS (SELECT FROM data_keys WHERE data_keys.request_id = {of}.request_id)
        AND NOT EXISTS (
            SELECT FROM forgetting
            WHERE forgetting.request_id = {of}.request_id AND NOT EXISTS (
                SELECT FROM spared_lines
                WHERE spared_lines.request_id = {of}.request_id AND spared_lines.line = {of}.line)))"""


def knows_all(of: str) -> str:
    """A condition on a row of the table `of` (request_id): nobody of its request is forgotten, nor about to be."""
    return f"""(
        EXISTS (SELECT FROM data_keys WHERE data_keys.request_id = {of}.request_id AND spared IS NULL)
        AND NOT EXISTS (SELECT FROM forgetting WHERE forgetting.request_id = {of}.request_id))"""


def readable(of: str, also: str = "true") -> str:
    """The same for a person who was found otherwise, as by a line. `also`: a condition on `subjects` that tells the
    planner which volumes to read."""
    return f"""({keeps(of)} AND (
        (SELECT spared IS NULL FROM data_keys WHERE data_keys.request_id = {of}.request_id)
        OR EXISTS (
            SELECT FROM subjects
            WHERE subjects.request_id = {of}.request_id AND subjects.line = {of}.line AND sealed <> '' AND {also})))"""


KEEP = "INSERT INTO data_keys (request_id, wrapped) SELECT id, data_key FROM"
"""Keeps the keys of new requests: to be followed by rows with `id` and `data_key`."""
DESTROY = "DELETE FROM data_keys WHERE request_id = ANY(CAST(:ids AS bigint[]))"
"""Destroys the keys of these requests. The caller has locked them, and notes it in `requests`."""
