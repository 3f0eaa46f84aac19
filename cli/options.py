"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

KindName = Literal["erasure", "opt_out", "opt_in"]
"""`domain.requests.Kind`, which takes long to load."""
RegulationName = Literal["gdpr", "uk_gdpr", "ccpa", "kvkk", "pipa", "lgpd"]
HoldReasonName = Literal["litigation", "legal_obligation", "public_interest", "expression"]
"""`domain.outcomes.HOLD_REASONS`."""
RoleName = Literal["submitter", "reader", "operator", "admin"]
OutcomeName = Literal[
    "pending",
    "accepted",
    "verified",
    "absent",
    "not_applicable",
    "unreachable",
    "withheld",
    "superseded",
    "refused",
    "needs_action",
    "exhausted",
    "cancelled",
]
StatusName = Literal["unconfirmed", "running", "completed", "completed_with_exceptions", "cancelled"]

RequestId = Annotated[str, typer.Argument(metavar="ID", help="what `consent submit` printed")]
AsJson = Annotated[bool, typer.Option("--json", help="for scripts: one JSON object")]
WaitS = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0, help="wait so long at most; exit 124 if it runs still, and goes on"),
]
Because = Annotated[str, typer.Option(metavar="TEXT", help="kept for good: say why, and name no person")]
AllowPlaceholder = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-placeholder",
        metavar="FIELD=VALUE",
        help="accept this identifier, though it looks like a placeholder or damaged, as user_id=1; may be repeated",
    ),
]
PersonAsJson = Annotated[
    str | None, typer.Argument(metavar="[-]", help="- reads a person as JSON, and keeps it out of shell histories")
]
UserId = Annotated[str | None, typer.Option(metavar="ID")]
Email = Annotated[str | None, typer.Option(metavar="ADDRESS")]
PhoneNumber = Annotated[str | None, typer.Option(metavar="E164")]
OneVendor = Annotated[str | None, typer.Option("--vendor", metavar="VENDOR", help="only at this one")]
OneReason = Annotated[str | None, typer.Option("--reason", metavar="REASON", help="only for this reason")]
KeyFile = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="the public key to trust: PEM, or NAME+ID+KEY")
]
