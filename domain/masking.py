"""Identifiers as they are shown to somebody who should recognise a person and not learn who it is."""

HIDDEN = "•••"


def masked(field: str, value: str) -> str:
    """An identifier with its middle hidden. `field` is its name, of which the last part says what it is."""
    match field.rpartition(".")[2]:
        case "email":
            mailbox, _, domain = value.rpartition("@")
            name, dot, end = domain.rpartition(".")
            return f"{mailbox[:1]}{HIDDEN}@{name[:1]}{HIDDEN}{dot}{end}"
        case "phone_number":
            return f"{value[:4]}{HIDDEN}{value[-2:]}"
    return f"{value[:1]}{HIDDEN}" + (value[-1:] if len(value) > 4 else "")
