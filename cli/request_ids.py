"""Ids of requests, as the command line is given them."""

from uuid import UUID

from intake.exit_codes import CommandError, Ending

NO_SUCH_REQUEST = (
    "there is no request of this id; `consent submit` printed it, as in 123e4567-e89b-42d3-a456-426614174000"
)


def no_such_request() -> CommandError:
    """The error for an unknown id."""
    return CommandError(NO_SUCH_REQUEST, Ending.UNUSABLE)


def read_id(request_id: str | UUID) -> UUID:
    """Read an id. Raises CommandError where it is not a UUID."""
    try:
        return UUID(str(request_id))
    except ValueError:
        raise no_such_request() from None
