"""Arguments and options that several commands share."""

from typing import Annotated

import typer

RequestId = Annotated[str, typer.Argument(metavar="ID", help="what `consent submit` printed")]
AsJson = Annotated[bool, typer.Option("--json", help="for scripts: one JSON object")]
Because = Annotated[str, typer.Option(metavar="TEXT", help="kept for good: say why, and name no person")]
AllowPlaceholder = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-placeholder",
        metavar="FIELD=VALUE",
        help="accept this identifier, though it looks like a placeholder or damaged, as user_id=1; may be repeated",
    ),
]
OneVendor = Annotated[str | None, typer.Option("--vendor", metavar="VENDOR", help="only at this one")]
OneReason = Annotated[str | None, typer.Option("--reason", metavar="REASON", help="only for this reason")]
