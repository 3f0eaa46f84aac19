"""What the models of several routes share. Each route's own models are beside it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, StringConstraints

from domain.accounts import PATTERN
from intake.written_reasons import LONGEST_TEXT


def as_utc(moment: datetime) -> str:
    """ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(as_utc, return_type=str)]
VendorName = Annotated[str, StringConstraints(pattern=PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A name that may be unknown to us. PostgreSQL takes no NUL."""
Because = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]


def examples(*shown: Any) -> ConfigDict:
    """The `model_config` of a model with these examples in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [*shown]})


class Given(BaseModel):
    """What a client sends. Unknown fields are refused: a misspelt option must not be ignored."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


REF = "#/components/schemas/{model}"


def json_body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """`openapi_extra` of a route that reads this model with `bodies.read_json`."""
    content = {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
    return {"requestBody": {"required": required, "content": content}}


REQUEST_ID = {"request_id": "0c6e4ac6-4ece-464d-9f6b-51aea054e9d9"}
RECEIVED, DUE = "2026-05-04T08:00:00.000Z", "2026-06-04T08:00:00.000Z"
"""Values for examples."""
