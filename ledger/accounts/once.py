"""What may be used once only, over all processes."""

from sqlalchemy import Connection, text


def spend(connection: Connection, what: bytes, *, for_s: float) -> bool:
    """Use this; False where it was used before. It is forgotten after so many seconds, when it must have expired
    anyway."""
    connection.execute(_FORGET)
    return connection.execute(_SPEND, {"what": what, "for_s": for_s}).rowcount == 1


_FORGET = text("DELETE FROM spent WHERE until < now()")
_SPEND = text("""
    INSERT INTO spent (what, until) VALUES (:what, now() + make_interval(secs => :for_s)) ON CONFLICT DO NOTHING
""")
