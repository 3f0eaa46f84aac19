"""Examples in `--help`, by command."""

from collections.abc import Mapping
from types import MappingProxyType

import typer

ID = "123e4567-e89b-42d3-a456-426614174000"
"""Stands for an id that `consent submit` printed."""

EXAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "submit": (
            "submit --check people.xlsx --region DE",
            "submit people.xlsx --kind erasure --region DE --reference 'ticket 4711' --wait",
            'submit crm.csv --kind opt_out --map "Nr=user_id" --ignore Name --map-as crm',
            "submit crm.csv --kind opt_out --map-as crm",
            "submit - --kind erasure --idempotency-key night-2026-05-25 --json",
        ),
        "status": (f"status {ID}",),
        "export": (
            f"export {ID}",
            f"export {ID} --vendor akinon --outcome unreachable",
        ),
        "attention": ("attention", "attention --vendor insider"),
        "retry": (
            f"retry {ID}",
            "retry --all --vendor dfinery --dry-run",
        ),
        "provide": (f"provide {ID} sessions.csv",),
        "close": (f"close {ID} --vendor akinon --because 'the shop has no account of theirs'",),
        "accept": (f"accept {ID} --vendor akinon --because 'never had an account there'",),
        "extend": (f"extend {ID} --months 1 --because 'very many requests at once'",),
        "list": (
            "list --unfinished",
            "list --kind erasure --received-from 2026-05-01 --received-before 2026-06-01",
            "list --reference 'ticket 4711'",
        ),
        "lookup": ("lookup --email a@example.org", "lookup -"),
        "answer": (
            f"answer {ID} --line 1 --lang de --format pdf --out answer.pdf",
            f"answer {ID} --for regulator",
        ),
        "report": ("report --from 2026-04-01 --to 2026-06-30 --csv",),
        "audit": ("audit --by ann --since 2026-05-01T00:00:00Z", f"audit --request {ID}"),
        "manual list": ("manual list",),
        "manual export": ("manual export printshop --out printshop.csv",),
        "manual close": (f"manual close {ID} --because 'confirmed by e-mail of 12 May'",),
        "certificate of": (f"certificate {ID} --out certificate.json",),
        "certificate verify": ("certificate verify certificate.json --key key.pem",),
        "suppression check": ("suppression check import.xlsx --map 'Nr=user_id'",),
        "legal-hold add": (
            "legal-hold add --user-id 4711 --reason litigation --because 'case 12/26' --until 2027-12-31",
        ),
        "retention set": ("retention set --forget-after-days 30 --kind erasure --because 'policy of May'",),
        "keys create": ("keys create shop --role submitter --days 90",),
        "user add": ("user add ann --role operator",),
    }
)


def add_examples(app: typer.Typer, path: tuple[str, ...] = ()) -> None:
    """Have the help of the commands of an app, and of its families, end with their examples."""
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "").replace("_", "-")
        command.epilog = _told(" ".join((*path, name)))
    for family in app.registered_groups:
        here = (*path, str(family.name))
        if family.typer_instance is not None:
            add_examples(family.typer_instance, here)
            family.epilog = _told(" ".join(here))


def _told(name: str) -> str | None:
    examples = EXAMPLES.get(name)
    if examples is None:
        return None
    lines = "".join(f"\n  consent {example}" for example in examples)
    return f"\b\nFor example:{lines}"  # \b: lines stay as they are
